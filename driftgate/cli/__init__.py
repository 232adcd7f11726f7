"""The command line: ``driftgate`` and ``python -m driftgate``."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from driftgate.cli.demo import demo
from driftgate.cli.env import env
from driftgate.cli.serve import serve
from driftgate.cli.traffic import traffic
from driftgate.errors import DriftgateError

app = typer.Typer(
    help="Production ML pipelines on Apache Airflow, from YAML.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command()(demo)
app.command()(env)
app.command()(serve)
app.command()(traffic)


def main() -> None:
    """Run the command; an error that we raise on purpose is a line on stderr, not a traceback."""
    try:
        app()
    except DriftgateError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]error:[/red] {_plain(error)}")
        sys.exit(1)


def _plain(error: DriftgateError) -> str:
    from rich.markup import escape

    return escape(str(error))
