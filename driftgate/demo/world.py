"""What the demo can see and do from the outside, over HTTP only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftgate.demo.environment import State
from driftgate.errors import Outage
from driftgate.services import registry
from driftgate.services.airflow_api import FINISHED, AirflowApi
from driftgate.services.model_api import ModelApi

if TYPE_CHECKING:
    from pathlib import Path

    from mlflow.tracking import MlflowClient

MODEL = "ml_monitor"
RETRAINING = "model_retraining"
MONITORING = "drift_monitoring"
RUN_SECONDS = 300


@dataclass(frozen=True)
class DriftRun:
    """One finished run of drift_monitoring and what it found."""

    run_id: str
    severity: str
    psi: float | None
    samples: int | None
    version: str
    top_feature: str


@dataclass(frozen=True)
class Retraining:
    """One run of model_retraining, and when; ``by`` is the drift run that asked for it, empty when none did."""

    run_id: str
    state: str
    by: str
    at: str


class World:
    """A running demo: its Airflow, its MLflow registry, its model API, its files."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.airflow = AirflowApi(state.url("airflow"), "admin", "admin")
        self.api = ModelApi(state.url("api"), state.api_token)

    @property
    def training_data(self) -> Path:
        """Where the pipelines look for ``data/training.parquet``."""
        return self.state.path / "data" / "training.parquet"

    def registry(self) -> MlflowClient:
        """A client of the model registry."""
        return registry.connect(self.state.url("mlflow"))

    def production(self) -> str | None:
        """The version that MLflow's alias ``production`` names."""
        with registry.explained():
            return registry.version_at(self.registry(), MODEL, registry.PRODUCTION)

    def served(self) -> str | None:
        """The version that the model API answers with."""
        name, version = self.api.served()
        return version if name == MODEL else None

    def version_of_run(self, run_id: str) -> str | None:
        """The version that a run of model_retraining registered, or None."""
        with registry.explained():
            found = registry.version_of_run(self.registry(), MODEL, f"{RETRAINING}/{run_id}")
        return str(found.version) if found else None

    def retrainings(self) -> list[Retraining]:
        """All runs of model_retraining, oldest first."""
        return [
            Retraining(run["dag_run_id"], run["state"], _asker(run["conf"]), run["run_after"])
            for run in self.airflow.runs(RETRAINING)
        ]

    def drift_runs(self) -> list[DriftRun]:
        """All runs of drift_monitoring that found out something, oldest first."""
        runs = (self.drift_run(run["dag_run_id"]) for run in self.airflow.runs(MONITORING))
        return [run for run in runs if run is not None]

    def drift_run(self, run_id: str) -> DriftRun | None:
        """What one run of drift_monitoring found, or None when it did not get that far."""
        found = self.airflow.result(MONITORING, run_id, "check_drift")
        if not found:
            return None
        return DriftRun(
            run_id, found["severity"], found["psi"], found["samples"], found["version"], found["top_feature"]
        )

    def active(self, dag_id: str) -> str | None:
        """The id of a run that is under way, or None."""
        return next((run["dag_run_id"] for run in self.airflow.runs(dag_id) if run["state"] not in FINISHED), None)

    def follow(self, dag_id: str, run_id: str) -> Iterator[dict[str, Any]]:
        """Yield each task of a run as it ends; Outage with the failed tasks' own words when the run fails."""
        failed = []
        for task in self.airflow.follow(dag_id, run_id, RUN_SECONDS):
            yield task
            if task["state"] == "failed":
                failed.append(task)
        if failed:
            words = "\n".join(f"{t['task_id']}: {self.airflow.failure(dag_id, run_id, t)}" for t in failed)
            raise Outage(f"run {run_id} of {dag_id} failed\n{words}")


def _asker(conf: dict[str, Any] | None) -> str:
    return str(((conf or {}).get("drift") or {}).get("run", ""))
