"""model_retraining from end to end: what reaches production, and what must not."""

from typing import Any

import pandas as pd
import pytest
from support.flaky import Flaky
from support.lab import Lab

from driftgate.services import registry
from driftgate.services.ledger import Ledger

TASKS = [
    "check_data_freshness",
    "validate_data_quality",
    "train_model",
    "evaluate_model",
    "promote_to_production",
    "restart_api_service",
]


def states(*ended: str) -> dict[str, str]:
    return dict(zip(TASKS, ended, strict=True))


def test_the_first_model_is_trained_promoted_and_served_and_the_second_replaces_it(lab: Lab) -> None:
    assert lab.served() is None
    ran = lab.run("model_retraining")
    assert ran.tasks == states(*["success"] * 6)
    assert (lab.production(), lab.served()) == ("1", "1")
    assert ran.results["evaluate_model"]["metrics"]["roc_auc"] > 0.95
    assert ran.results["promote_to_production"]["before"] == {"production": None, "previous": None}

    ran = lab.run("model_retraining")
    assert ran.state == "success"
    assert (lab.production(), lab.served()) == ("2", "2")
    assert ran.results["promote_to_production"]["before"] == {"production": "1", "previous": None}


def test_mlflow_holds_what_is_needed_to_explain_serve_and_watch_a_model(lab: Lab) -> None:
    from driftgate.services import registry

    trained = lab.run("model_retraining").results["train_model"]
    client = registry.connect(lab.mlflow)
    run = client.get_run(trained["run_id"])
    assert run.data.params["estimator"] == "sklearn.ensemble.RandomForestClassifier"
    assert run.data.params["n_estimators"] == "30"
    assert {"roc_auc", "f1", "train_rows", "holdout_rows", "fit_seconds"} <= set(run.data.metrics)
    assert run.inputs.dataset_inputs[0].dataset.digest == trained["digest"]
    assert "drift_reference.json" in [file.path for file in client.list_artifacts(trained["run_id"])]
    version = client.get_model_version(lab.model, "1")
    assert version.current_stage == "Production"
    assert version.tags["driftgate.gates"] == "passed"


def test_a_failed_gate_names_value_bound_and_line_and_leaves_production_alone(lab: Lab) -> None:
    lab.run("model_retraining")
    lab.edit("model_retraining", "above: 0.95", "above: 0.9999")
    ran = lab.run("model_retraining")
    assert ran.tasks == states("success", "success", "success", "failed", "upstream_failed", "upstream_failed")
    assert "version 2 of" in ran.log
    assert "must be above 0.9999 (config/pipelines/model_retraining.yaml:29:20)" in ran.log
    assert (lab.production(), lab.served()) == ("1", "1")


def test_a_gate_on_a_metric_that_cannot_be_computed_fails_closed(lab: Lab) -> None:
    lab.edit("model_retraining", "sklearn.ensemble.RandomForestClassifier", "sklearn.svm.LinearSVC")
    lab.edit("model_retraining", "params: {n_estimators: 30, random_state: 7}", "params: {}")
    ran = lab.run("model_retraining")
    assert ran.tasks["evaluate_model"] == "failed"
    assert "roc_auc not computable, must be above 0.95" in ran.log


def test_half_the_rows_are_too_few(lab: Lab) -> None:
    pd.read_parquet(lab.data).iloc[:284].to_parquet(lab.data)
    ran = lab.run("model_retraining")
    assert ran.tasks == states("success", "failed", *["upstream_failed"] * 4)
    assert "284 rows, at least 400 needed" in ran.log


def test_missing_data_is_reported_with_the_path_that_was_tried(lab: Lab) -> None:
    lab.data.unlink()
    ran = lab.run("model_retraining")
    assert ran.tasks == states("failed", *["upstream_failed"] * 5)
    assert f"no training data at {lab.data}" in ran.log


def test_an_api_that_is_down_leaves_the_former_version_in_production(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("driftgate.services.model_api.FIRST_PAUSE", 0.01)
    lab.run("model_retraining")
    lab.stop_api()
    ran = lab.run("model_retraining")
    assert ran.tasks == states(*["success"] * 5, "failed")
    assert "version 2 of" in ran.log
    assert "was not brought into service, version 1 stays in production" in ran.log
    assert lab.production() == "1"
    lab.start_api()
    lab.wait(lambda: lab.served() == "1")


def test_without_an_api_a_first_model_does_not_stay_in_production(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("driftgate.services.model_api.FIRST_PAUSE", 0.01)
    lab.stop_api()
    ran = lab.run("model_retraining")
    assert "was not brought into service, no version is in production" in ran.log
    assert lab.production() is None


def test_a_dead_mlflow_is_named_with_its_address(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MLFLOW_DEFAULT", "http://127.0.0.1:9")
    ran = lab.run("model_retraining")
    assert ran.tasks["train_model"] == "failed"
    assert "MLflow does not answer at http://127.0.0.1:9" in ran.log


def test_a_missing_connection_says_how_to_add_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_MLFLOW_DEFAULT")
    ran = lab.run("model_retraining")
    assert "airflow connections add mlflow_default --conn-uri http://localhost:5000" in ran.log


def versions(lab: Lab) -> list[str]:
    return [found.version for found in registry.connect(lab.mlflow).search_model_versions(f"name = '{lab.model}'")]


def test_an_mlflow_that_fails_every_other_time_only_delays_a_retraining(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Flaky(int(lab.mlflow.rpartition(":")[2]), every=2, how="refuse") as flaky:
        monkeypatch.setenv("AIRFLOW_CONN_MLFLOW_DEFAULT", flaky.url)
        ran = lab.run("model_retraining")
    assert ran.state == "success", ran.log
    assert versions(lab) == [lab.production()] == [lab.served()] == ["1"]
    decided = Ledger(lab.mlflow).entries(pipeline="model_retraining", run=ran.run_id)
    assert {entry.task for entry in decided} == set(ran.tasks)


@pytest.mark.parametrize("every", [3, 4])
def test_answers_of_mlflow_that_get_lost_make_no_second_version(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    with monkeypatch.context() as losing, Flaky(int(lab.mlflow.rpartition(":")[2]), every, "lose") as flaky:
        losing.setenv("AIRFLOW_CONN_MLFLOW_DEFAULT", flaky.url)
        ran = lab.run("model_retraining")
    assert len(versions(lab)) <= 1
    assert lab.production() == lab.served()
    again = lab.clear("model_retraining", ran.run_id, "train_model")  # MLflow itself stumbles over some of them
    assert again.state == "success", again.log
    assert versions(lab) == [lab.production()] == [lab.served()]


def test_a_version_that_mlflow_registered_twice_is_there_once(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    create = MlflowClient.create_model_version

    def twice(*args: Any, **more: Any) -> Any:
        create(*args, **more)
        return create(*args, **more)

    with monkeypatch.context() as losing:
        losing.setattr(MlflowClient, "create_model_version", twice)
        ran = lab.run("model_retraining")
    assert ran.results["train_model"]["version"] == lab.production() == "1"
    assert versions(lab) == ["1"]


def test_a_retraining_for_drift_is_skipped_on_the_data_of_the_model_in_production(lab: Lab) -> None:
    assert lab.run("model_retraining").state == "success"
    again = lab.run("model_retraining", conf={"drift": {"psi": 0.4}, "new_data": True})
    assert again.tasks == states("success", "success", *["skipped"] * 4)
    assert "version 1 of" in again.log
    assert "was trained on the same data" in again.log
    (mail,) = lab.mails
    assert mail["subject"] == f"model_retraining: drift is there and {lab.model} is not trained anew"
    assert "was trained on the same data" in mail.get_body(("plain",)).get_content().replace("\n", " ")
    table = pd.read_parquet(lab.data)
    table.iloc[:, 0] *= 1.01
    table.to_parquet(lab.data)
    assert lab.run("model_retraining", conf={"drift": {"psi": 0.4}, "new_data": True}).state == "success"
    assert lab.production() == "2"


def test_a_retraining_for_drift_is_skipped_on_the_data_of_a_model_that_failed_its_gates(lab: Lab) -> None:
    lab.edit("model_retraining", "above: 0.95", "above: 0.99999")
    by_drift = {"drift": {"psi": 0.4}, "new_data": True}
    assert lab.run("model_retraining", conf=by_drift).tasks["evaluate_model"] == "failed"
    again = lab.run("model_retraining", conf=by_drift)
    assert again.tasks == states("success", "success", *["skipped"] * 4)
    assert "with the same settings, and failed its gates. Bring new data, trigger the pipeline by hand" in again.log
    lab.edit("model_retraining", "n_estimators: 30", "n_estimators: 31")
    assert lab.run("model_retraining", conf=by_drift).tasks["train_model"] == "success"
    assert lab.run("model_retraining").tasks["train_model"] == "success"
