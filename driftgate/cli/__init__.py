"""The command line: ``driftgate`` and ``python -m driftgate``.

Importing it costs next to nothing, and a command brings only what it needs: ``driftgate validate`` works where
neither Airflow nor a machine-learning library is installed, and takes a fraction of a second.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from driftgate.cli.guard import OK, guarded, write


def main(words: Sequence[str] | None = None) -> NoReturn:
    """Run the command that ``words`` (default: those of the process) name, and leave with its exit code."""
    if "_ARGCOMPLETE" in os.environ:
        from driftgate.cli.complete import complete

        complete()
    given = sys.argv[1:] if words is None else words
    sys.exit(guarded(lambda: _run(given)))


def _run(words: Sequence[str]) -> int:
    name, *rest = words or ["--help"]
    if name == "help":
        name, rest = (rest[0], ["--help"]) if rest else ("--help", [])
    if name in {"-h", "--help"}:
        return _help()
    if name == "--version":
        return _version()
    return _command(name, rest)


def _command(name: str, words: Sequence[str]) -> int:
    from driftgate.cli.arguments import UsageError, did_you_mean, parser
    from driftgate.cli.commands import COMMANDS, load

    if name not in COMMANDS:
        kind = "option" if name.startswith("-") else "command"
        guess = did_you_mean(name, [*COMMANDS, "--help", "--version"]) or f"there are {', '.join(COMMANDS)}"
        raise UsageError(f"there is no {kind} '{name}'; {guess}\n  driftgate --help says more")
    command = load(name)
    args = parser(name, command.ARGUMENTS, command.DESCRIPTION, command.EPILOG).parse_args(words)
    try:
        return command.run(args)
    except ModuleNotFoundError as error:
        raise _not_installed(error, COMMANDS[name].extra) from error


def _not_installed(error: ModuleNotFoundError, extra: str) -> Exception:
    from driftgate.errors import UserMistake

    if not extra or (error.name or "").startswith("driftgate"):
        return error
    return UserMistake(f"{error.name} is not installed; this command needs more: pip install 'driftgate[{extra}]'")


def _help() -> int:
    from driftgate.cli.help import overview
    from driftgate.paint import paint_for

    write(overview(paint_for(sys.stdout)))
    return OK


def _version() -> int:
    from driftgate import __version__

    write(f"driftgate {__version__}\n")
    return OK
