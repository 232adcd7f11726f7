"""What the pipelines decide is in the ledger, and the ledger never stands in their way."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from typing import Any

import pytest
from support.lab import Lab

from driftgate.services import story
from driftgate.services.ledger import Entry, Ledger


def entries(lab: Lab, pipeline: str) -> dict[str, Entry]:
    """The newest entry of each task."""
    found = Ledger(lab.mlflow).entries(pipeline=pipeline)
    return {entry.task: entry for entry in reversed(found)}


def test_a_retraining_is_explained_from_the_drift_that_started_it_to_the_model_served(lab: Lab) -> None:
    lab.edit("drift_monitoring", "min_samples: 500", "min_samples: 5000")
    drift = lab.run("drift_monitoring", at=datetime(2026, 6, 7, 9, tzinfo=UTC))
    assert drift.state == "success"
    checked = entries(lab, "drift_monitoring")["check_drift"]
    assert checked.decision.outcome == "unknown"

    conf = {"drift": {"run": checked.name, "severity": "critical", "psi": 0.31}}
    trained = lab.run("model_retraining", at=datetime(2026, 6, 7, 10, tzinfo=UTC), conf=conf)
    assert trained.state == "success"

    told = story.latest(Ledger(lab.mlflow), "model_retraining")
    assert [chapter.run.partition("/")[0] for chapter in told] == ["drift_monitoring", "model_retraining"]
    assert told[1].cause == told[0].run == checked.name
    assert [(entry.task, entry.decision.outcome) for entry in told[1].entries] == [
        ("check_data_freshness", "fresh"),
        ("validate_data_quality", "valid"),
        ("train_model", "registered"),
        ("evaluate_model", "passed"),
        ("promote_to_production", "promoted"),
        ("restart_api_service", "served"),
    ]
    gate = told[1].entries[3].decision
    [limit] = gate.thresholds
    assert (limit.name, limit.value) == ("gates.roc_auc.above", 0.95)
    assert limit.where.startswith("config/pipelines/model_retraining.yaml:29:")
    assert gate.inputs["roc_auc"] > 0.95
    assert len({entry.config for entry in told[1].entries}) == 1

    lab.run("model_retraining", at=datetime(2026, 6, 7, 10, tzinfo=UTC), conf=conf)  # all its tasks anew
    again = story.of_run(Ledger(lab.mlflow), "model_retraining", told[1].entries[0].run)
    assert len(again[1].entries) == 6


def test_no_task_fails_because_the_ledger_does_not_answer(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MLFLOW_DEFAULT", "http://127.0.0.1:1")

    ran = lab.run("drift_monitoring")

    assert ran.state == "success"
    assert "The ledger did not take this decision: MLflow does not answer" in ran.log


def test_a_ledger_that_hangs_is_given_up_and_no_password_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operators.ledger._PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"http://ops:LEDGER-SECRET@127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("AIRFLOW_CONN_MLFLOW_DEFAULT", json.dumps({"conn_type": "http", "host": host}))
        ran = lab.run("drift_monitoring")

    assert ran.state == "success"
    assert "The ledger did not take this decision: no answer within 0.5 s" in ran.log


def test_neither_the_ledger_nor_an_alert_tells_the_password_in_an_address(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("driftgate.services.model_api.FIRST_PAUSE", 0.01)
    lab.stop_api()
    host = f"http://ops:API-SECRET@127.0.0.1:{lab.api_port}"
    monkeypatch.setenv("AIRFLOW_CONN_MODEL_API", json.dumps({"conn_type": "http", "host": host}))

    ran = lab.run("drift_monitoring", conf={"drift": "of nobody's making"})

    kept = entries(lab, "drift_monitoring")
    assert "does not answer GET http://ops:***" in kept["check_drift"].decision.reason
    told = [str(mail.get_body(("plain",)).get_content()) for mail in lab.mails]
    assert told
    assert "API-SECRET" not in f"{kept} {told} {ran.results} {ran.log}"


def test_a_pipeline_can_do_without_a_ledger(lab: Lab) -> None:
    before = len(Ledger(lab.mlflow).entries(pipeline="drift_monitoring"))
    lab.edit("drift_monitoring", "tasks:\n", "ledger: {enabled: false}\n\ntasks:\n")

    assert lab.run("drift_monitoring").state == "success"
    assert len(Ledger(lab.mlflow).entries(pipeline="drift_monitoring")) == before


def test_a_failed_gate_is_kept_with_its_place(lab: Lab) -> None:
    lab.edit("model_retraining", "above: 0.95", "above: 0.9999")

    ran: Any = lab.run("model_retraining")

    assert ran.tasks["evaluate_model"] == "failed"
    kept = Ledger(lab.mlflow).entries(pipeline="model_retraining", run=ran.run_id)
    decided = {entry.decision.kind: entry.decision for entry in kept if entry.task == "evaluate_model"}
    refused = decided["gate"]
    assert (refused.outcome, decided["alert"].outcome) == ("failed", "sent")
    assert "must be above 0.9999 (config/pipelines/model_retraining.yaml:29:" in refused.reason
