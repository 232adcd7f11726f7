"""``driftgate demo``: the whole story on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftgate.cli.arguments import argument, whole_number

if TYPE_CHECKING:
    from argparse import Namespace

DESCRIPTION = """\
Train, serve, watch, retrain: the whole story on this machine, through a real Airflow.

Starts MLflow, the model API, a mail box and Airflow under .driftgate/, and stays up until Ctrl-C. A second
start goes on from the state that it finds.
"""
EPILOG = "Example: driftgate demo --exit"
ARGUMENTS = (
    argument(
        "--exit",
        dest="leave",
        action="store_true",
        help="leave after the story: exit code 0 if every step was verified, 1 if not",
    ),
    argument(
        "--port-offset",
        type=whole_number(0, 50_000),
        default=0,
        metavar="N",
        help="add this to the ports 8080 (Airflow), 8000 (model API), 5000 (MLflow), 1025 (mail)",
    ),
    argument("--clean", action="store_true", help="forget the state of earlier demos, then leave"),
)


def run(args: Namespace) -> int:
    """Run the demo, or clean up after it."""
    from driftgate.demo import run as demo

    if args.clean:
        demo.clean()
        return 0
    return demo.demo(leave=args.leave, port_offset=args.port_offset)
