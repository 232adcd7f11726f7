"""What Airflow is told about Driftgate as a provider: its commands, as ``airflow driftgate …``.

Airflow imports this whenever its command line starts, so it brings nothing but the arguments.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from driftgate.cli.commands import COMMANDS, Command, load

_NAMES = ("backtest", "plan", "show", "validate")  # the commands that are of use beside a running Airflow

if TYPE_CHECKING:
    from argparse import Namespace

    from airflow.cli.cli_config import ActionCommand, GroupCommand


def get_provider_info() -> dict[str, Any]:
    """Return what the entry point ``apache_airflow_provider`` promises."""
    return {
        "package-name": "driftgate",
        "name": "Driftgate",
        "description": "Production ML pipelines on Apache Airflow, from YAML.",
        "cli": ["driftgate.airflow_provider.get_commands"],
    }


def get_commands() -> list[GroupCommand]:
    """Return the group ``driftgate``, which no command of Airflow's own is called."""
    from airflow.cli.cli_config import GroupCommand

    return [
        GroupCommand("driftgate", "Check, show and plan pipelines written in YAML", [_command(name) for name in _NAMES])
    ]


def _command(name: str) -> ActionCommand:
    from airflow.cli.cli_config import ActionCommand, Arg

    module = load(name)
    return ActionCommand(
        name=name,
        help=COMMANDS[name].summary,
        description=module.DESCRIPTION,
        epilog=module.EPILOG.replace("driftgate ", "airflow driftgate "),
        args=[
            Arg(flags=flags, **options)  # type: ignore[no-untyped-call]
            for flags, options in module.ARGUMENTS
        ],
        func=_run(module),
    )


def _run(command: Command) -> Callable[[Namespace], None]:
    """Return what Airflow calls; leaves with the command's own exit code."""

    def run(args: Namespace) -> None:
        from driftgate.cli.guard import guarded

        sys.exit(guarded(lambda: command.run(args)))

    return run
