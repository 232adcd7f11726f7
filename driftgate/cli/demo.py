"""``driftgate demo``: the whole story on this machine."""

from __future__ import annotations

from typing import Annotated

import typer


def demo(
    leave: Annotated[
        bool,
        typer.Option("--exit", help="Leave after the story: exit code 0 if every step was verified, 1 if not."),
    ] = False,
    port_offset: Annotated[
        int,
        typer.Option(
            min=0,
            max=50_000,
            help="Add this to the ports 8080 (Airflow), 8000 (model API), 5000 (MLflow), 1025 (mail).",
        ),
    ] = 0,
    clean: Annotated[bool, typer.Option("--clean", help="Forget the state of earlier demos, then leave.")] = False,
) -> None:
    """Train, serve, watch, retrain: the whole story on this machine, through a real Airflow.

    Starts MLflow, the model API, a mail box and Airflow under `.driftgate/`, and stays up until Ctrl-C. A second
    start goes on from the state that it finds.
    """
    from driftgate.demo import run

    if clean:
        run.clean()
        return
    raise typer.Exit(run.demo(leave=leave, port_offset=port_offset))
