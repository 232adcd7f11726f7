"""What tests of promotion and rollback share: versions in production, and workers that are killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from support.lab import REPOSITORY, TOKEN, Lab

from driftgate.services import promotion, registry, release, training
from driftgate.services.holdout import Choice
from driftgate.services.model_api import ModelApi

SOON = timedelta(seconds=60)


def job(lab: Lab, run: str = "model_retraining/one", **changes: Any) -> training.Job:
    settings: dict[str, Any] = {
        "tracking_uri": lab.mlflow,
        "experiment": "model_retraining",
        "airflow_run": run,
        "uri": "data/training.parquet",
        "choice": Choice("target", 0.2),
        "model": lab.model,
        "estimator": "sklearn.ensemble.RandomForestClassifier",
        "params": {"n_estimators": 5, "random_state": 1},
    }
    return training.Job(**{**settings, **changes})


def api(lab: Lab) -> ModelApi:
    return ModelApi(lab.api_url, TOKEN)


def new_version(lab: Lab, run: str) -> str:
    """Train and register a version; returns its number."""
    return str(training.train(job(lab, run))["version"])


def in_service(lab: Lab, run: str) -> dict[str, Any]:
    """Train, promote and serve a version; returns what promotion returned."""
    promoted = promotion.promote(lab.mlflow, lab.model, new_version(lab, run))
    release.bring_into_service(lab.mlflow, api(lab), promoted, SOON)
    return promoted


def served_in_turn(lab: Lab, many: int) -> None:
    """Train, promote and serve so many versions, one after another: 1, 2 …"""
    for number in range(1, many + 1):
        in_service(lab, f"r/{number}")


def versions(lab: Lab) -> list[str]:
    found = registry.connect(lab.mlflow).search_model_versions(f"name = '{lab.model}'")
    return sorted(version.version for version in found)


def killed_at_every_step(lab: Lab, version: str, after: Callable[[], None]) -> int:
    """Promote ``version``, killed after one more request each time; returns how often.

    For ``back`` roll back, for ``back-2`` to version 2.

    ``after`` is called each time, and must put everything as it was.
    """
    command = [sys.executable, str(REPOSITORY / "tests" / "support" / "killed.py"), lab.mlflow, lab.api_url, TOKEN]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as killer:
        assert killer.stdin
        assert killer.stdout
        steps = 0
        while True:
            print(lab.model, version, steps + 1, file=killer.stdin, flush=True)
            if (end := killer.stdout.readline().strip()) == "done":
                break
            assert end == "killed"
            steps += 1
            after()
        killer.stdin.close()
    return steps
