"""Gates against real models in a real registry: intervals, the comparison with production, what fails closed."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from driftgate.demo import samples
from driftgate.services import evaluation, promotion, registry, training
from driftgate.services.holdout import Choice

URI = "training.parquet"
WEAK = {"n_estimators": 1, "max_depth": 1, "random_state": 3, "max_features": 1}
VERSUS: dict[str, Any] = {"metric": "roc_auc", "max_drop": 0.01, "first_model": "accept"}


@dataclass
class World:
    """A registered model of one's own in the test session's MLflow, its versions, and the data."""

    mlflow: str
    model: str
    folder: Path
    good: dict[str, Any]  # what training returned, version 1
    weak: dict[str, Any]  # version 2

    def write(self, table: pd.DataFrame, uri: str) -> str:
        samples.write(table, self.folder / uri)
        return uri


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("data")
    samples.write(samples.first_table(), made / URI)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DRIFTGATE_DATA_DIR", str(made))
        yield made


@pytest.fixture(scope="module")
def trained_once(folder: Path, mlflow_server: str) -> list[dict[str, Any]]:
    """A good model, and one that has learnt next to nothing."""
    made = World(mlflow_server, "trained_once", folder, {}, {})
    return [training.train(job(made, "r/good")), training.train(job(made, "r/weak", params=WEAK))]


@pytest.fixture
def world(folder: Path, mlflow_server: str, trained_once: list[dict[str, Any]]) -> World:
    """The models that were trained once, under a name of which no other test moves the aliases."""
    client, name = registry.connect(mlflow_server), f"gated_{uuid.uuid4().hex[:8]}"
    registry.ensure_model(client, name)
    for trained in trained_once:
        known = client.get_model_version(trained["model"], trained["version"])
        model_id = known.source.rpartition("/")[2]
        client.create_model_version(name, known.source, run_id=known.run_id, model_id=model_id, tags=known.tags)
    return World(mlflow_server, name, folder, *({**trained, "model": name} for trained in trained_once))


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


def promote(world: World, trained: dict[str, Any]) -> None:
    promotion.promote(world.mlflow, world.model, trained["version"])


def judge(world: World, trained: dict[str, Any], uri: str = URI, **gates: Any) -> evaluation.Evaluation:
    return evaluation.evaluate(world.mlflow, trained, uri, gates)


def test_the_evidence_is_in_mlflow_and_a_retry_finds_the_same_numbers(world: World) -> None:
    promote(world, world.good)
    trained = world.weak
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
    promote(world, world.good)
    promote(world, world.weak)
    again = judge(world, world.weak, versus_production=VERSUS)
    assert again.comparison is not None
    assert again.comparison.production == "1"
    assert again.failed


def test_as_good_a_model_passes_by_its_value_and_a_small_hold_out_is_told_by_its_bound(world: World) -> None:
    promote(world, world.good)
    trained = training.train(job(world, "r/2", params={"n_estimators": 40, "random_state": 2}))
    assert not judge(world, trained, versus_production=VERSUS).failed
    [refused] = judge(world, trained, versus_production=VERSUS | {"confidence": 0.95}).failed
    assert "the 114 rows held out are too few to tell, about " in str(refused)


def test_without_a_production_model_the_gate_says_what_was_declared(world: World) -> None:
    assert not judge(world, world.weak, versus_production=VERSUS).failed
    [refused] = judge(world, world.weak, versus_production=VERSUS | {"first_model": "refuse"}).failed
    assert refused.path == ("gates", "versus_production", "first_model")
    assert "first_model is refuse" in str(refused)


def test_a_production_model_that_needs_a_lost_feature_fails_the_gate(world: World) -> None:
    promote(world, world.good)
    uri = world.write(samples.first_table().drop(columns=["mean area"]), "lost.parquet")
    trained = training.train(job(world, "r/2", uri=uri, params=WEAK))
    [refused] = judge(world, trained, uri, versus_production=VERSUS).failed
    assert "version 1 in production needs 'mean area', which the data no longer has" in str(refused)


def test_a_feature_that_production_does_not_know_is_no_obstacle(world: World) -> None:
    promote(world, world.good)
    uri = world.write(samples.first_table().assign(extra=1.0), "more.parquet")
    trained = training.train(job(world, "r/2", uri=uri, params=WEAK))
    result = judge(world, trained, uri, versus_production=VERSUS)
    assert result.comparison is not None
    assert result.comparison.production_value is not None
    assert "may have seen some of these rows" in str(result.verdicts[0])


def test_another_split_of_the_same_data_is_told_and_the_same_one_is_not(world: World) -> None:
    promote(world, world.good)
    same = judge(world, world.weak, versus_production=VERSUS)
    assert "flatters" not in str(same.verdicts[0])
    other = judge(world, world.weak | {"test_size": 0.3}, versus_production=VERSUS)
    assert "was trained with another split and may have seen some of these rows" in str(other.verdicts[0])


def test_a_production_model_that_tells_other_classes_apart_fails_the_gate(world: World) -> None:
    table = samples.first_table()
    uri = world.write(table.assign(target=table["target"].astype(str)), "text.parquet")
    promote(world, world.good)
    trained = training.train(job(world, "r/2", uri=uri, params=WEAK))
    [refused] = judge(world, trained, uri, versus_production=VERSUS).failed
    assert "version 1 in production tells the classes 0, 1 apart" in str(refused)


def test_a_production_model_whose_file_is_gone_or_damaged_fails_the_gate(world: World, tmp_path_factory: Any) -> None:
    own = training.train(job(world, "r/3", params=WEAK))
    promote(world, own)
    files = list(Path(tmp_path_factory.getbasetemp()).glob("mlflow0/artifacts/**/model.skops"))
    model_id = registry.connect(world.mlflow).get_model_version(world.model, own["version"]).source.rpartition("/")[2]
    [stored] = [file for file in files if model_id in str(file)]
    stored.write_bytes(b"no model")
    [refused] = judge(world, world.good, versus_production=VERSUS).failed
    assert "version 3 in production cannot be asked" in str(refused)
    shutil.rmtree(stored.parent)
    [refused] = judge(world, world.good, versus_production=VERSUS).failed
    assert "version 3 in production cannot be asked" in str(refused)


def test_on_data_that_drift_a_time_split_refuses_what_a_random_one_lets_pass(world: World) -> None:
    uri = world.write(drifting(), "drifting.parquet")
    results = {}
    for by in (None, "made"):
        choice = Choice("target", 0.2, split_by=by, timestamp_column="made")
        trained = training.train(job(world, uri=uri, choice=choice))
        results[by] = judge(world, trained, uri, roc_auc={"above": 0.9})
        columns = registry.connect(world.mlflow).get_run(trained["run_id"]).data.metrics["features"]
        assert columns == 2  # no date among them
    assert not results[None].failed
    assert results["made"].failed


def test_a_hold_out_of_one_class_fails_every_gate_that_needs_two_and_says_so(world: World) -> None:
    table = drifting()
    table.loc[table.index[-300:], "target"] = 1
    uri = world.write(table, "one_class.parquet")
    promote(world, training.train(job(world, "r/1", uri=uri, params=WEAK)))
    trained = training.train(job(world, "r/2", uri=uri, params=WEAK, choice=Choice("target", 0.1, split_by="made")))
    result = judge(world, trained, uri, roc_auc={"above": 0.1}, versus_production=VERSUS)
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
