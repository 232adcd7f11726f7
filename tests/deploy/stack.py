"""The running compose stack, as a person beside it sees it: over its published ports, and with docker-compose."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from driftgate.demo.world import World
from driftgate.services import registry
from driftgate.services.airflow_api import AirflowApi
from driftgate.services.model_api import ModelApi

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = "driftgate-test"  # volumes of its own: the tests end with down -v
AIRFLOW, MLFLOW, API = "docker-compose-airflow.yml", "mlflow", "model-api"


def compose_command() -> list[str]:
    """``docker-compose``, or ``docker compose`` where only that is installed."""
    if found := shutil.which("docker-compose"):
        return [found]
    return ["docker", "compose"]


class Stack(World):
    """What the demo's story can see and do, against the stack of these compose files."""

    def __init__(self, files: tuple[str, ...] = (AIRFLOW,), data: Path | None = None) -> None:
        self.files = files
        self.data = data or REPOSITORY / "data"
        self.environment = {**os.environ, "DRIFTGATE_DATA": str(self.data)}
        self.airflow = AirflowApi("http://127.0.0.1:8080", "admin", "admin")
        self._api: ModelApi | None = None

    @property
    def api(self) -> ModelApi:
        """A client of the model API that has the stack's token."""
        if self._api is None:
            token = self.secret(API, "model-api/DRIFTGATE_API_TOKEN")
            self._api = ModelApi("http://127.0.0.1:8000", token)
        return self._api

    @property
    def training_data(self) -> Path:
        """Where the compose file takes the training data from."""
        return self.data / "training.parquet"

    def registry(self):  # type: ignore[no-untyped-def]
        """A client of MLflow as the person with the account admin."""
        password = self.secret(MLFLOW, "mlflow/MLFLOW_AUTH_ADMIN_PASSWORD")
        os.environ.update(MLFLOW_TRACKING_USERNAME="admin", MLFLOW_TRACKING_PASSWORD=password)
        return registry.connect("http://127.0.0.1:5000")

    def secret(self, service: str, path: str) -> str:
        """A secret of a service, read inside its container."""
        return self.compose("exec", "-T", service, "cat", f"/run/driftgate/{path}").strip()

    def compose(self, *words: str, seconds: float = 600) -> str:
        """Run docker-compose on the stack's files; returns what it printed, AssertionError when it fails."""
        files = [word for file in self.files for word in ("-f", file)]
        done = subprocess.run(
            [*compose_command(), "-p", PROJECT, *files, *words],
            cwd=REPOSITORY, env=self.environment, text=True, capture_output=True, timeout=seconds, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (
            f"{words} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        )
        return done.stdout
