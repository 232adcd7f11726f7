"""What is done is done once: retries, cleared tasks and old runs change nothing that they should not."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from support.lab import REPOSITORY, TOKEN, Lab
from support.production import SOON, api, in_service, job, killed_at_every_step, new_version, versions

from driftgate.demo import samples
from driftgate.errors import DriftgateError, Outage, UserMistake
from driftgate.services import evaluation, modelfile, promotion, registry, release, training
from driftgate.services.holdout import Choice
from driftgate.services.registry import Aliases


def test_a_retry_finds_the_version_that_its_run_registered(lab: Lab) -> None:
    first = training.train(job(lab))
    assert training.train(job(lab)) == first
    assert versions(lab) == [first["version"]]


@pytest.mark.parametrize(
    "change",
    [
        {"choice": Choice("target", 0.3)},
        {"choice": Choice("target", 0.2, timestamp_column="mean area")},
        {"params": {"n_estimators": 6, "random_state": 1}},
        {"estimator": "sklearn.ensemble.ExtraTreesClassifier"},
    ],
)
def test_the_same_run_with_another_job_trains_anew(lab: Lab, change: dict[str, Any]) -> None:
    first = training.train(job(lab))
    assert training.train(job(lab, **change))["version"] != first["version"]


def test_data_that_changed_after_training_is_refused_and_training_again_mends_it(lab: Lab) -> None:
    trained = training.train(job(lab))
    samples.write(pd.read_parquet(lab.data).iloc[1:], lab.data)
    with pytest.raises(UserMistake, match=r"the data changed after training .* clear train_model"):
        evaluation.evaluate(lab.mlflow, trained, "data/training.parquet", {"roc_auc": {"above": 0.5}})
    again = training.train(job(lab))
    assert again["version"] != trained["version"]
    assert not evaluation.evaluate(lab.mlflow, again, "data/training.parquet", {"roc_auc": {"above": 0.5}}).failed


def test_a_model_is_judged_on_the_split_it_was_trained_with_whatever_the_file_says_now(lab: Lab) -> None:
    trained = training.train(job(lab))
    result = evaluation.evaluate(lab.mlflow, trained, "data/training.parquet", {})
    rows = registry.connect(lab.mlflow).get_run(trained["run_id"]).data.metrics["holdout_rows"]
    assert (trained["target"], trained["test_size"], rows) == ("target", 0.2, 114)
    assert result.metrics["roc_auc"] > 0.9


def test_promoting_twice_keeps_the_way_back(lab: Lab) -> None:
    in_service(lab, "r/1")
    second = in_service(lab, "r/2")
    assert promotion.promote(lab.mlflow, lab.model, second["version"])["before"] == second["before"]
    client = registry.connect(lab.mlflow)
    assert registry.aliases(client, lab.model) == Aliases(production="2", previous="1")
    assert client.get_model_version(lab.model, "2").current_stage == "Production"
    assert client.get_model_version(lab.model, "1").current_stage == "Archived"


def test_a_crash_between_the_aliases_and_the_stage_is_mended_by_the_retry(lab: Lab) -> None:
    in_service(lab, "r/1")
    trained = training.train(job(lab, "r/2"))
    client = registry.connect(lab.mlflow)
    note = '{"production": "1", "previous": null}'
    client.set_model_version_tag(lab.model, "2", registry.BEFORE_TAG, note)
    client.set_registered_model_alias(lab.model, "previous", "1")  # and here the worker was killed
    promoted = promotion.promote(lab.mlflow, lab.model, trained["version"])
    assert promoted["before"] == {"production": "1", "previous": None}
    client.set_model_version_tag(lab.model, "2", promotion.PROMOTING_TAG, datetime.now(UTC).isoformat())
    client.transition_model_version_stage(lab.model, "2", "None")  # and here once more
    promotion.promote(lab.mlflow, lab.model, trained["version"])
    assert client.get_model_version(lab.model, "2").current_stage == "Production"


def test_an_old_run_cleared_does_not_take_a_newer_version_out_of_production(lab: Lab) -> None:
    old = in_service(lab, "r/1")
    in_service(lab, "r/2")
    assert promotion.promote(lab.mlflow, lab.model, "1")["superseded_by"] == "2"
    assert release.bring_into_service(lab.mlflow, api(lab), old, SOON)["superseded_by"] == "2"
    assert (lab.production(), lab.served()) == ("2", "2")


def test_an_old_run_cleared_is_skipped_and_not_failed(lab: Lab) -> None:
    lab.run("model_retraining")
    client = registry.connect(lab.mlflow)
    newer = new_version(lab, "r/by-hand")
    third = new_version(lab, "r/by-hand-again")
    registry.set_aliases(client, lab.model, Aliases(production=third, previous=newer))
    client.delete_model_version(lab.model, newer)
    assert promotion.promote(lab.mlflow, lab.model, "1")["superseded_by"] == third


def test_a_promotion_that_waited_for_a_killed_one_gives_way_to_who_came_meanwhile(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_service(lab, "r/1")
    second, third, fourth = (new_version(lab, run) for run in ("r/2", "r/3", "r/4"))
    client = registry.connect(lab.mlflow)
    client.set_model_version_tag(lab.model, third, promotion.PROMOTING_TAG, datetime.now(UTC).isoformat())
    client.set_model_version_tag(lab.model, third, registry.BEFORE_TAG, '{"production": "1", "previous": null}')
    monkeypatch.setattr(promotion, "SETTLED_SECONDS", 1)  # and here it was killed
    ends = promotion._ends

    def meanwhile(*arguments: Any) -> bool:
        if not client.get_model_version(lab.model, fourth).tags.get(registry.BEFORE_TAG):
            promotion.promote(lab.mlflow, lab.model, fourth)
        return ends(*arguments)

    monkeypatch.setattr(promotion, "_ends", meanwhile)
    assert promotion.promote(lab.mlflow, lab.model, second)["superseded_by"] == fourth
    assert lab.production() == fourth


def test_a_promotion_whose_worker_was_killed_for_good_takes_over_from_nobody(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_service(lab, "r/1")
    second, third = (new_version(lab, run) for run in ("r/2", "r/3"))
    client = registry.connect(lab.mlflow)
    client.set_model_version_tag(lab.model, third, promotion.PROMOTING_TAG, datetime.now(UTC).isoformat())
    client.set_model_version_tag(lab.model, third, registry.BEFORE_TAG, '{"production": "1", "previous": null}')
    monkeypatch.setattr(promotion, "SETTLED_SECONDS", 1)  # and here it was killed
    promoted = promotion.promote(lab.mlflow, lab.model, second)
    assert promoted["superseded_by"] is None
    release.bring_into_service(lab.mlflow, api(lab), promoted, SOON)
    assert (lab.production(), lab.served()) == (second, second)


def test_an_mlflow_that_fails_between_two_aliases_leaves_them_as_they_were(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    def down(*_: Any, **__: Any) -> None:
        raise MlflowException("down")

    in_service(lab, "r/1")
    version = new_version(lab, "r/2")
    set_alias = MlflowClient.set_registered_model_alias
    with monkeypatch.context() as failing:
        failing.setattr(
            MlflowClient,
            "set_registered_model_alias",
            lambda self, name, alias, to: down() if alias == "previous" else set_alias(self, name, alias, to),
        )
        with pytest.raises(Outage, match="MLflow failed: down"):
            promotion.promote(lab.mlflow, lab.model, version)
    assert registry.aliases(registry.connect(lab.mlflow), lab.model) == Aliases(production="1", previous=None)
    monkeypatch.setattr(MlflowClient, "transition_model_version_stage", down)  # which nobody needs
    promotion.promote(lab.mlflow, lab.model, version)
    assert lab.production() == version


def test_after_a_failed_try_the_next_one_puts_the_version_in_place_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("driftgate.services.model_api.FIRST_PAUSE", 0.01)
    in_service(lab, "r/1")
    promoted = promotion.promote(lab.mlflow, lab.model, new_version(lab, "r/2"))
    lab.stop_api()
    with pytest.raises(Outage, match="version 1 stays in production"):
        release.bring_into_service(lab.mlflow, api(lab), promoted, SOON)
    assert registry.aliases(registry.connect(lab.mlflow), lab.model) == Aliases(production="1", previous=None)
    lab.start_api()
    release.bring_into_service(lab.mlflow, api(lab), promoted, SOON)
    assert (lab.production(), lab.served()) == ("2", "2")


def test_an_api_that_serves_another_model_is_not_taken_for_ours(lab: Lab) -> None:
    promoted = in_service(lab, "r/1")
    other = f"{lab.model}_other"
    trained = training.train(job(lab, "r/other", model=other))
    promoted = promotion.promote(lab.mlflow, other, trained["version"])
    with pytest.raises(DriftgateError, match=f"serves model '{lab.model}', not '{other}'"):
        release.bring_into_service(lab.mlflow, api(lab), promoted, SOON)
    assert registry.version_at(registry.connect(lab.mlflow), other, "production") is None
    assert lab.served() == "1"


def test_whatever_breaks_off_a_release_the_alias_goes_back(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    in_service(lab, "r/1")
    promoted = promotion.promote(lab.mlflow, lab.model, new_version(lab, "r/2"))

    def time_out(*_: Any) -> None:
        raise KeyboardInterrupt  # as Airflow's own time-out, no Exception

    monkeypatch.setattr(release, "_wait_for", time_out)
    with pytest.raises(KeyboardInterrupt):
        release.bring_into_service(lab.mlflow, api(lab), promoted, SOON)
    assert (lab.production(), lab.served()) == ("1", "1")


def test_a_worker_killed_at_any_step_of_a_promotion_leaves_what_a_retry_completes(lab: Lab) -> None:
    before = in_service(lab, "r/1")["version"]
    version = new_version(lab, "r/2")
    client = registry.connect(lab.mlflow)

    def try_again() -> None:
        assert lab.served() in (before, version), "somebody is served whatever happens"
        again = promotion.promote(lab.mlflow, lab.model, version)  # as the two tasks, tried again
        release.bring_into_service(lab.mlflow, api(lab), again, SOON)
        assert (lab.production(), lab.served()) == (version, version)
        assert registry.aliases(client, lab.model).previous == before
        registry.set_aliases(client, lab.model, Aliases(production=before, previous=None))
        client.delete_model_version_tag(lab.model, version, registry.BEFORE_TAG)
        api(lab).post("/reload", {})

    steps = killed_at_every_step(lab, version, try_again)
    assert steps >= 4, "the way back noted, two aliases moved, the API told"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (lambda table: 1, "every row has the same 'target', 1"),
        (lambda table: [None, *table["target"][1:]], "1 rows have no"),
    ],
)
def test_targets_that_teach_nothing_are_refused(lab: Lab, target: Any, message: str) -> None:
    table = pd.read_parquet(lab.data)
    samples.write(table.assign(target=target(table)), lab.data)
    with pytest.raises(UserMistake, match=message):
        training.train(job(lab))


@pytest.mark.parametrize(
    ("estimator", "params", "message"),
    [
        ("sklearn.ensemble.RandomForestClasifier", {}, "did you mean 'RandomForestClassifier'"),
        ("sklearn.datasets.load_iris", {}, "is not an estimator"),
        ("os.path.join", {}, "is not from one of sklearn"),
        ("sklearn.ensemble.RandomForestClassifier", {"n_estimator": 5}, "did you mean 'n_estimators'"),
        ("sklearn.ensemble.RandomForestClassifier", {"n_estimators": -5}, "cannot learn from this data"),
        ("sklearn.calibration.CalibratedClassifierCV", {}, "cannot be stored without pickle"),
    ],
)
def test_an_estimator_that_cannot_work_is_a_mistake(
    lab: Lab, estimator: str, params: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserMistake, match=message):
        training.train(job(lab, estimator=estimator, params=params))


@pytest.mark.parametrize("labels", [(1, 2), ("benign", "malignant"), (0, 2), (False, True)])
def test_the_second_class_is_the_one_looked_for_however_classes_are_named(lab: Lab, labels: tuple[Any, Any]) -> None:
    table = pd.read_parquet(lab.data)
    samples.write(table.assign(target=[labels[value] for value in table["target"]]), lab.data)
    metrics = evaluation.evaluate(lab.mlflow, training.train(job(lab)), "data/training.parquet", {}).metrics
    assert {"roc_auc", "average_precision", "f1", "precision", "recall", "brier", "log_loss"} <= set(metrics)
    assert min(metrics["roc_auc"], metrics["average_precision"], metrics["f1"]) > 0.9


def test_more_than_two_classes_are_averaged(lab: Lab) -> None:
    table = pd.read_parquet(lab.data)
    size = pd.qcut(table["mean area"], 3, labels=["small", "middle", "large"]).astype(str)
    samples.write(table.assign(target=size), lab.data)
    metrics = evaluation.evaluate(lab.mlflow, training.train(job(lab)), "data/training.parquet", {}).metrics
    assert metrics["roc_auc"] > 0.9
    assert metrics["f1"] > 0.9
    assert "average_precision" not in metrics


def test_text_dates_and_gaps_among_the_features_are_learnt_from_or_left_out(lab: Lab) -> None:
    table = pd.read_parquet(lab.data)
    table["city"] = ["Bonn", "Rome", None] * 189 + ["Oslo", "Rome"]
    table["seen"] = pd.Timestamp("2026-01-01")
    table.loc[::7, "mean radius"] = None
    samples.write(table, lab.data)
    in_service(lab, "r/1")
    row = table.drop(columns=["target", "seen"]).iloc[1].to_dict()
    assert api(lab).post("/predict", {"rows": [row]})["predictions"][0]["label"] in (0, 1)


def another_version(lab: Lab, like: str) -> str:
    """Register the model of a version once more."""
    client = registry.connect(lab.mlflow)
    known = client.get_model_version(lab.model, like)
    model_id = client.get_run(known.run_id).outputs.model_outputs[0].model_id
    return str(
        client.create_model_version(
            lab.model,
            source=f"models:/{model_id}",
            run_id=known.run_id,
            model_id=model_id,
            tags={modelfile.DIGEST_TAG: known.tags[modelfile.DIGEST_TAG]},
        ).version
    )


def test_of_versions_promoted_at_the_same_time_the_newest_is_in_production_and_served(lab: Lab) -> None:
    before = in_service(lab, "r/1")["version"]
    client = registry.connect(lab.mlflow)
    command = [sys.executable, str(REPOSITORY / "tests" / "support" / "racing.py"), lab.mlflow, lab.api_url, TOKEN]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as races:
        assert races.stdin
        assert races.stdout
        for seed in range(6):
            versions = [another_version(lab, before) for _ in range(3)]
            print(seed, lab.model, *versions, file=races.stdin, flush=True)
            outcomes = dict(zip(versions, json.loads(races.stdout.readline()), strict=True))
            newest = versions[-1]
            assert outcomes[newest] == "promoted", outcomes
            assert set(outcomes.values()) <= {"promoted", "superseded"}, outcomes
            assert (lab.production(), lab.served()) == (newest, newest), outcomes
            previous = registry.aliases(client, lab.model).previous
            assert previous in {before, *versions[:-1]}, outcomes
            assert client.get_model_version(lab.model, newest).current_stage == "Production"
            before = newest
        races.stdin.close()
