"""What the shell offers after a half-typed command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from driftgate.cli.arguments import Argument
from driftgate.cli.commands import COMMANDS, load

Completer = Callable[..., Iterable[str]]


def complete() -> None:
    """Answer the shell and end the process; does nothing when it was not the shell that asked."""
    import argcomplete

    argcomplete.autocomplete(everything(), always_complete_options=False)


def everything() -> argparse.ArgumentParser:
    """Return a parser of all commands, each of its arguments with what can be filled in there."""
    whole = argparse.ArgumentParser("driftgate", add_help=False)
    whole.add_argument("--version", action="store_true")
    whole.add_argument("--help", action="store_true")
    commands = whole.add_subparsers()
    for name, entry in COMMANDS.items():
        command = commands.add_parser(name, help=entry.summary)
        for argument in load(name).ARGUMENTS:
            added: Any = command.add_argument(*argument.flags, **argument.options)
            if completer := _completer(argument):
                added.completer = completer
    return whole


def _completer(argument: Argument) -> Completer | None:
    choices = getattr(argument.options.get("type"), "choices", None)
    if choices:
        return lambda **_: choices
    return _COMPLETERS.get(str(argument.options.get("metavar")))


def _pipelines(**_: Any) -> list[str]:
    from driftgate.config.load import find_pipelines

    return [path.stem for directory in _directory() for path in find_pipelines(directory)]


def _environments(**_: Any) -> list[str]:
    from driftgate.config.load import find_environments

    return [name for directory in _directory() for name in find_environments(directory)]


def _refs(**_: Any) -> list[str]:
    from driftgate.plan.repository import BaseUnreadable, Repository

    try:
        return [ref for directory in _directory() for ref in Repository(directory).refs()]
    except BaseUnreadable:
        return []


def _directory() -> list[Path]:
    """Return the configuration, if there is one."""
    from driftgate.cli.configuration import nearest

    return [found] if (found := nearest()) else []


# what an argument is called in the help → what can be filled in
_COMPLETERS: dict[str, Completer] = {"DAG_ID": _pipelines, "ENV": _environments, "REF": _refs}
