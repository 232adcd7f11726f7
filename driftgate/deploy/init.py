"""``airflow-init``: databases, tables, accounts, the first user and the connections; again and again if need be.

Starts as root, which alone may read all secrets, and does Airflow's part as Airflow's user.
"""

from __future__ import annotations

import configparser
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from driftgate.deploy import accounts, databases
from driftgate.deploy.secrets import FOLDER, OWNERS, read


def main(folder: Path = FOLDER) -> int:
    """Do it all; returns the exit code."""
    started = time.monotonic()
    with _step("databases " + ", ".join(databases.OWNERS)):
        users = {"airflow": "database-airflow", "mlflow": "database-mlflow", "model_api": "database-model-api"}
        databases.prepare(read(folder, "database-admin"), {user: read(folder, name) for user, name in users.items()})
    with _step("MLflow's tables and accounts"):
        ini = configparser.ConfigParser(interpolation=None)
        ini.read(folder / "mlflow" / "basic_auth.ini")
        users = {"model-api": "mlflow-model-api", "pipelines": "mlflow-pipelines"}
        accounts.prepare(
            (folder / "mlflow" / "MLFLOW_BACKEND_STORE_URI").read_text(),
            ini["mlflow"]["database_uri"],
            {user: read(folder, name) for user, name in users.items()},
        )
    with _step("Airflow's tables, user and connections"):
        code = _as_airflow({name: read(folder, name) for name in ("api-token", "mlflow-pipelines")})
    if code == 0:
        print(
            f"Ready after {time.monotonic() - started:.0f} s. Now: docker-compose -f docker-compose-airflow.yml up -d"
        )
    return code


def _as_airflow(values: dict[str, str]) -> int:
    command = [sys.executable, "-m", "driftgate.deploy.airflow_setup"]
    done = subprocess.run(  # noqa: S603 (a command of our own)
        command, input=json.dumps(values), text=True, user=OWNERS["airflow"], group=0, extra_groups=[], check=False
    )
    return done.returncode


@contextmanager
def _step(what: str) -> Iterator[None]:
    print(f"… {what}", flush=True)
    started = time.monotonic()
    yield
    print(f"  {time.monotonic() - started:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
