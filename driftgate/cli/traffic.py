"""``driftgate traffic``: something for the demo's model to predict on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftgate.cli.arguments import argument, whole_number

if TYPE_CHECKING:
    from argparse import Namespace

DESCRIPTION = """\
Send predictions to the demo's model API, as ordinary traffic or with drift.

The rows are drawn from the training data as it is now.
"""
EPILOG = "Example: driftgate traffic --shift --rows 3000"
ARGUMENTS = (
    argument("--rows", type=whole_number(1, 100_000), default=1500, metavar="N", help="how many (default: 1500)"),
    argument("--shift", action="store_true", help="send rows that a scanner with a larger scale has measured"),
)


def run(args: Namespace) -> int:
    """Send them."""
    import os

    from driftgate.demo import samples
    from driftgate.demo.environment import load_state, without_proxy
    from driftgate.demo.world import World

    os.environ.update(without_proxy())
    world = World(load_state())
    table = samples.read(world.training_data)
    seed = int.from_bytes(os.urandom(4), "big")
    rows = samples.from_new_scanner(table) if args.shift else table
    model = samples.send(world.api.url, rows, args.rows, seed, world.api.token)
    print(f"{args.rows} predictions by version {model['version']} of {model['name']}")
    return 0
