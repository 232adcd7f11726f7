"""What ``driftgate`` says about itself."""

from __future__ import annotations

from driftgate.cli.commands import CHECK, COMMANDS, RUN
from driftgate.paint import Paint

_INTRODUCTION = """\
Production ML pipelines on Apache Airflow, from YAML.

usage: driftgate COMMAND [ARGUMENTS]
"""
_CLOSING = """\
Options
  -h, --help   Show this, or with a command what it does
  --version    Show the version

Configuration: the folder config/ here or above, or $DRIFTGATE_CONFIG_DIR. Colour: NO_COLOR, FORCE_COLOR.
Exit codes: 0 all is well, 1 problems found, 2 the command line is wrong, 3 a bug in Driftgate, 130 Ctrl-C.
"""


def overview(paint: Paint) -> str:
    """Return the help of the whole: commands in groups, each with an example."""
    groups = [_group(name, paint) for name in (CHECK, RUN)]
    head, closing = (text.replace("Options", paint("heading", "Options")) for text in (_INTRODUCTION, _CLOSING))
    return "\n".join([head, *groups, closing])


def _group(group: str, paint: Paint) -> str:
    lines = [paint("heading", group)]
    for name, entry in COMMANDS.items():
        if entry.group == group:
            lines.append(f"  {paint('place', f'{name:<9}')}  {entry.summary}")
            lines.append(f"             {paint('quiet', '$ ' + entry.example)}")
    return "\n".join(lines) + "\n"
