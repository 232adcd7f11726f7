"""``driftgate env``: the demo's environment, for a shell."""

from __future__ import annotations

import shlex


def env() -> None:
    """Print the environment of the demo, so that Airflow's own command line works against it.

    eval "$(.venv/bin/driftgate env)"

    airflow dags trigger model_retraining
    """
    from driftgate.demo.environment import environment, foreign, load_state

    variables = environment(load_state())
    for name in foreign():
        if name not in variables:
            print(f"unset {name}")
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")
