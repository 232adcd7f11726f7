"""``driftgate env``: the demo's environment, for a shell."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace

    from driftgate.cli.arguments import Argument

DESCRIPTION = "Print the environment of the demo, so that Airflow's own command line works against it."
EPILOG = """\
Example:
  eval "$(.venv/bin/driftgate env)"
  airflow dags trigger model_retraining
"""
ARGUMENTS: tuple[Argument, ...] = ()


def run(args: Namespace) -> int:
    """Print one export for each variable, and forget those that would lead to an Airflow of the caller's."""
    from driftgate.demo.environment import environment, foreign, load_state

    variables = environment(load_state())
    for name in foreign():
        if name not in variables:
            print(f"unset {name}")
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0
