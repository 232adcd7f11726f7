"""Gates against real models in a real registry: intervals, the comparison with production, what fails closed."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from driftgate.demo import samples
from driftgate.services import evaluation, registry, training
from driftgate.services.holdout import Choice

URI = "training.parquet"
VERSUS: dict[str, Any] = {"metric": "roc_auc", "max_drop": 0.01, "first_model": "accept"}


@dataclass
class World:
    """A model of one's own in the test session's MLflow, and its data."""

    mlflow: str
    model: str
    data: Path


@pytest.fixture
def world(tmp_path: Path, mlflow_server: str, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("DRIFTGATE_DATA_DIR", str(tmp_path))
    made = World(mlflow_server, f"gated_{uuid.uuid4().hex[:8]}", tmp_path / URI)
    samples.write(samples.first_table(), made.data)
    return made


def job(world: World, run: str = "r/1", **changes: Any) -> training.Job:
    settings: dict[str, Any] = {
        "tracking_uri": world.mlflow,
        "experiment": "gates",
        "airflow_run": run,
        "uri": URI,
        "choice": Choice("target", 0.2),
        "model": world.model,
        "estimator": "sklearn.ensemble.RandomForestClassifier",
        "params": {"n_estimators": 20, "random_state": 1},
    }
    return training.Job(**{**settings, **changes})


def in_production(world: World, run: str) -> dict[str, Any]:
    trained = training.train(job(world, run))
    return registry.promote(world.mlflow, world.model, trained["version"])


def judge(world: World, trained: dict[str, Any], **gates: Any) -> evaluation.Evaluation:
    return evaluation.evaluate(world.mlflow, trained, URI, gates)


def weak(world: World, run: str = "r/weak") -> dict[str, Any]:
    """A version that has learnt next to nothing."""
    params = {"n_estimators": 1, "max_depth": 1, "random_state": 3, "max_features": 1}
    return training.train(job(world, run, params=params))


def test_the_evidence_is_in_mlflow_and_a_retry_finds_the_same_numbers(world: World) -> None:
    in_production(world, "r/1")
    trained = weak(world)
    gates = {"roc_auc": {"above": 0.5}, "versus_production": VERSUS}
    first, second = judge(world, trained, **gates), judge(world, trained, **gates)
    assert (first.intervals, first.verdicts) == (second.intervals, second.verdicts)
    client = registry.connect(world.mlflow)
    found = client.get_run(trained["run_id"]).data.metrics
    assert found["roc_auc_low"] < found["roc_auc"] < found["roc_auc_high"]
    assert found["roc_auc_drop"] == pytest.approx(found["roc_auc_production"] - found["roc_auc"])
    assert found["roc_auc_drop_low"] < found["roc_auc_drop"] < found["roc_auc_drop_high"]
    tags = client.get_model_version(world.model, trained["version"]).tags
    assert (tags["driftgate.gates"], tags["driftgate.compared_with"]) == ("failed", "1")
    assert "against 0.9" in tags["driftgate.gate.versus_production.max_drop"]


def test_a_version_already_promoted_is_compared_with_the_one_it_replaced(world: World) -> None:
    first = in_production(world, "r/1")
    assert first["version"] == "1"
    trained = weak(world)
    registry.promote(world.mlflow, world.model, trained["version"])
    again = judge(world, trained, versus_production=VERSUS)
    assert again.comparison is not None
    assert again.comparison.production == "1"
    assert again.failed


def test_as_good_a_model_passes_by_its_value_and_a_small_hold_out_is_told_by_its_bound(world: World) -> None:
    in_production(world, "r/1")
    trained = training.train(job(world, "r/2", params={"n_estimators": 60, "random_state": 2}))
    assert not judge(world, trained, versus_production=VERSUS).failed
    [refused] = judge(world, trained, versus_production=VERSUS | {"confidence": 0.95}).failed
    assert "the 114 rows held out are too few to tell, about " in str(refused)


def test_without_a_production_model_the_gate_says_what_was_declared(world: World) -> None:
    trained = weak(world)
    assert not judge(world, trained, versus_production=VERSUS).failed
    [refused] = judge(world, trained, versus_production=VERSUS | {"first_model": "refuse"}).failed
    assert refused.path == ("gates", "versus_production", "first_model")
    assert "first_model is refuse" in str(refused)


def test_a_production_model_that_needs_a_lost_feature_fails_the_gate(world: World) -> None:
    in_production(world, "r/1")
    samples.write(pd.read_parquet(world.data).drop(columns=["mean area"]), world.data)
    [refused] = judge(world, training.train(job(world, "r/2")), versus_production=VERSUS).failed
    assert "version 1 in production needs 'mean area', which the data no longer has" in str(refused)


def test_a_feature_that_production_does_not_know_is_no_obstacle(world: World) -> None:
    in_production(world, "r/1")
    samples.write(pd.read_parquet(world.data).assign(extra=1.0), world.data)
    result = judge(world, training.train(job(world, "r/2")), versus_production=VERSUS)
    assert result.comparison is not None
    assert result.comparison.production_value is not None
    assert "may have seen some of these rows" in str(result.verdicts[0])


def test_a_production_model_whose_file_is_gone_or_damaged_fails_the_gate(world: World, tmp_path_factory: Any) -> None:
    in_production(world, "r/1")
    trained = weak(world)
    files = list(Path(tmp_path_factory.getbasetemp()).glob("mlflow0/artifacts/**/model.skops"))
    model_id = registry.connect(world.mlflow).get_model_version(world.model, "1").source.rpartition("/")[2]
    [own] = [file for file in files if model_id in str(file)]
    own.write_bytes(b"no model")
    [refused] = judge(world, trained, versus_production=VERSUS).failed
    assert "version 1 in production cannot be asked" in str(refused)
    shutil.rmtree(own.parent)
    [refused] = judge(world, trained, versus_production=VERSUS).failed
    assert "version 1 in production cannot be asked" in str(refused)


def test_on_data_that_drift_a_time_split_refuses_what_a_random_one_lets_pass(world: World) -> None:
    samples.write(drifting(), world.data)
    results = {}
    for by in (None, "made"):
        choice = Choice("target", 0.2, split_by=by, timestamp_column="made")
        trained = training.train(job(world, choice=choice, params={"n_estimators": 50, "random_state": 1}))
        results[by] = judge(world, trained, roc_auc={"above": 0.9})
        columns = registry.connect(world.mlflow).get_run(trained["run_id"]).data.metrics["features"]
        assert columns == 2  # no date among them
    assert not results[None].failed
    assert results["made"].failed


def test_a_hold_out_of_one_class_fails_every_gate_that_needs_two_and_says_so(world: World) -> None:
    table = drifting()
    table.loc[table.index[-300:], "target"] = 1
    samples.write(table, world.data)
    choice = Choice("target", 0.1, split_by="made")
    in_production(world, "r/1")
    trained = training.train(job(world, "r/2", choice=choice))
    result = judge(world, trained, roc_auc={"above": 0.1}, versus_production=VERSUS)
    assert [str(verdict) for verdict in result.failed] == [
        "roc_auc not computable (every row held out is of class 1), must be above 0.1",
        "versus_production not computable (every row held out is of class 1), the drop in roc_auc must be at most 0.01",
    ]


def drifting(rows: int = 2000) -> pd.DataFrame:
    """A table in which the rule behind the target turns around with time."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(2, rows))
    angle = np.linspace(0, 1.6, rows)
    made = pd.date_range("2026-01-01", periods=rows, freq="h").strftime("%Y-%m-%d %H:%M")
    target = (np.cos(angle) * x + np.sin(angle) * y > 0).astype(int)
    return pd.DataFrame({"x": x, "y": y, "made": made, "target": target})
