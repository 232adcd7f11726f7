"""``driftgate traffic``: something for the demo's model to predict on."""

from __future__ import annotations

from typing import Annotated

import typer


def traffic(
    rows: Annotated[int, typer.Option(min=1, max=100_000, help="How many predictions to ask for.")] = 1500,
    shift: Annotated[
        bool, typer.Option("--shift", help="Send rows that a scanner with a larger scale has measured.")
    ] = False,
) -> None:
    """Send predictions to the demo's model API, as ordinary traffic or with drift.

    The rows are drawn from the training data as it is now.
    """
    import os

    import pandas as pd

    from driftgate.demo import samples
    from driftgate.demo.environment import load_state, without_proxy
    from driftgate.demo.world import World

    world = World(load_state())
    os.environ.update(without_proxy())
    table = pd.read_parquet(world.training_data)
    seed = int.from_bytes(os.urandom(4), "big")
    model = samples.send(world.api.url, samples.from_new_scanner(table) if shift else table, rows, seed)
    print(f"{rows} predictions by version {model['version']} of {model['name']}")
