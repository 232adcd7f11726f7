"""``driftgate env``: the demo's environment, for a shell."""

from __future__ import annotations

import shlex


def env() -> None:
    """Print the environment of the demo, so that Airflow's own command line works against it.

    eval "$(.venv/bin/driftgate env)"

    airflow dags trigger model_retraining
    """
    from driftgate.demo.environment import environment, load_state

    for name, value in environment(load_state()).items():
        print(f"export {name}={shlex.quote(value)}")
