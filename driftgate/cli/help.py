"""What ``driftgate`` says about itself: a first walk through it, then every command."""

from __future__ import annotations

from driftgate.cli.commands import CHECK, COMMANDS, LEARN, RUN
from driftgate.paint import Paint

_INTRODUCTION = """\
Production ML pipelines on Apache Airflow, from YAML.

usage: driftgate COMMAND [ARGUMENTS]
"""
# what one does first, and what for
_STEPS = (
    ("driftgate demo", "see all of it work on this machine: train, serve, drift, retrain"),
    ("driftgate new churn", "write a pipeline; it asks, looks at your data and proposes rules for them"),
    ("driftgate validate", "every mistake at once, with its line and what to do about it"),
    ("driftgate show churn --origin", "the pipeline as it runs, and where each value comes from"),
    ("driftgate plan", "what your edit changes, before you merge it"),
    ("driftgate backtest churn_drift", "what another threshold would have decided, on recorded drift"),
)
_CLOSING = """\
Options
  -h, --help   Show this, or with a command what it does: driftgate plan --help
  --version    Show the version

Configuration: the folder config/ here or above, or $DRIFTGATE_CONFIG_DIR; an environment: $DRIFTGATE_ENV.
Colour: NO_COLOR, FORCE_COLOR.
Exit codes: 0 all is well, 1 problems found, 2 the command line is wrong, 3 a bug in Driftgate, 130 Ctrl-C.
"""


def overview(paint: Paint) -> str:
    """Return the help of the whole: first steps, then the commands in groups, each with an example."""
    groups = [_group(name, paint) for name in (CHECK, RUN, LEARN)]
    closing = _CLOSING.replace("Options", paint("heading", "Options"))
    return "\n".join([_INTRODUCTION, _walk(paint), *groups, closing])


def _walk(paint: Paint) -> str:
    lines = [paint("heading", "A first walk")]
    for number, (command, words) in enumerate(_STEPS, 1):
        lines.append(f"  {number}. {paint('place', f'{command:<30}')}  {words}")
    return "\n".join(lines) + "\n"


def _group(group: str, paint: Paint) -> str:
    lines = [paint("heading", group)]
    for name, entry in COMMANDS.items():
        if entry.group == group:
            lines.append(f"  {paint('place', f'{name:<10}')}  {entry.summary}")
            lines.append(f"              {paint('quiet', '$ ' + entry.example)}")
    return "\n".join(lines) + "\n"
