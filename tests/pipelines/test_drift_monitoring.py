"""drift_monitoring from end to end: each severity takes its route, and retraining starts once."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import requests
from airflow.models.asset_state_store import AssetStateStoreModel
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from support.lab import Lab

from driftgate.demo import samples
from driftgate.services.guard import Decision
from driftgate.services.ledger import Ledger

ROUTES = {
    "none": "log_no_drift",
    "minor": "log_minor_drift",
    "moderate": "send_alert",
    "critical": "trigger_retraining",
    "unknown": "send_alert",
}


@pytest.fixture
def served(lab: Lab) -> Lab:
    """A lab whose API serves version 1 and has seen 1,500 ordinary and 3,000 shifted rows."""
    assert lab.run("model_retraining").state == "success"
    table = samples.first_table()
    samples.send(lab.api_url, table, 1_500, seed=1)
    samples.send(lab.api_url, samples.from_new_scanner(table), 3_000, seed=2)
    return lab


def psi_of(lab: Lab) -> float:
    return float(requests.get(f"{lab.api_url}/drift/status", timeout=10).json()["psi"])


def set_bands(lab: Lab, minor: float, moderate: float, critical: float) -> None:
    lab.edit("drift_monitoring", "minor: 0.10", f"minor: {minor:.6f}")
    lab.edit("drift_monitoring", "moderate: 0.15", f"moderate: {moderate:.6f}")
    lab.edit("drift_monitoring", "critical: 0.25", f"critical: {critical:.6f}")


@pytest.mark.parametrize(
    ("severity", "factors"),
    [("none", (2, 3, 4)), ("minor", (0.5, 2, 3)), ("moderate", (0.5, 0.9, 2))],
)
def test_each_band_takes_its_route(served: Lab, severity: str, factors: tuple[float, float, float]) -> None:
    psi = psi_of(served)
    set_bands(served, *(psi * factor for factor in factors))
    ran = served.run("drift_monitoring")
    assert ran.results["check_drift"]["severity"] == severity
    taken = {task for task in ROUTES.values() if ran.tasks[task] == "success"}
    assert taken == {ROUTES[severity]}
    assert len(served.mails) == (1 if severity == "moderate" else 0)


def retrainings(lab: Lab) -> list[DagRun]:
    """The runs that drift of this lab's model has asked for."""
    with create_session() as session:
        found = session.query(DagRun).filter(DagRun.dag_id == "model_retraining").all()
        return [run for run in found if (run.conf or {}).get("drift", {}).get("model") == lab.model]


def forget_requests() -> None:
    """Empty the guard's memory and its runs: other tests asked for the same pipeline."""
    with create_session() as session:
        session.query(AssetStateStoreModel).delete()
        session.query(DagRun).filter(DagRun.run_id.like("drift__%")).delete()


def finish(run: DagRun) -> None:
    with create_session() as session:
        session.query(DagRun).filter(DagRun.id == run.id).update({"state": "success"})


def test_critical_drift_starts_one_retraining_with_the_evidence_and_no_second(served: Lab) -> None:
    forget_requests()
    first_hour, second_hour = datetime(2026, 6, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, 2, tzinfo=UTC)
    ran = served.run("drift_monitoring", at=first_hour)
    assert ran.results["check_drift"]["severity"] == "critical"
    assert ran.tasks["trigger_retraining"] == "success"
    (first,) = retrainings(served)
    evidence = first.conf["drift"]
    assert evidence["psi"] == pytest.approx(psi_of(served), abs=1e-5)
    assert evidence["run"].startswith("drift_monitoring/")
    assert evidence["features"]["mean area"] > 0.25

    busy = served.run("drift_monitoring", at=second_hour)
    assert busy.tasks["trigger_retraining"] == "skipped"
    assert "No retraining: model_retraining has runs queued or running already: 1" in busy.log

    finish(first)
    within_cooldown = served.run("drift_monitoring", at=second_hour)
    assert within_cooldown.tasks["trigger_retraining"] == "skipped"
    assert "No retraining: cooldown:" in within_cooldown.log

    cleared = served.run("drift_monitoring", at=first_hour)
    assert cleared.tasks["trigger_retraining"] == "skipped"
    assert f"this drift run asked for {first.run_id} already" in cleared.log
    assert [run.run_id for run in retrainings(served)] == [first.run_id]


def test_a_request_that_never_became_a_run_does_not_use_up_the_cooldown(served: Lab) -> None:
    forget_requests()
    ran = served.run("drift_monitoring", at=datetime(2026, 6, 2, 1, tzinfo=UTC))
    assert ran.tasks["trigger_retraining"] == "success"
    (lost,) = retrainings(served)
    with create_session() as session:
        session.query(DagRun).filter(DagRun.id == lost.id).delete()
    again = served.run("drift_monitoring", at=datetime(2026, 6, 2, 2, tzinfo=UTC))
    assert again.tasks["trigger_retraining"] == "success"


def test_a_pipeline_that_is_not_there_is_named(served: Lab) -> None:
    forget_requests()
    served.edit("drift_monitoring", "pipeline: model_retraining", "pipeline: gone")
    (served.folder / "config" / "pipelines" / "gone.yaml").write_text("not: valid\n")
    ran = served.run("drift_monitoring")
    assert ran.tasks["trigger_retraining"] == "failed"
    assert "Airflow has no pipeline 'gone' to start" in ran.log


def test_before_any_model_severity_is_unknown_and_people_are_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("driftgate.services.model_api.FIRST_PAUSE", 0.01)
    ran = lab.run("drift_monitoring")
    assert ran.results["check_drift"]["severity"] == "unknown"
    assert ran.tasks["send_alert"] == "success"
    (mail,) = lab.mails
    assert mail["subject"] == "Drift is unknown"
    assert mail["to"] == "ml-ops@example.com"
    for form in ("html", "plain"):
        assert "Drift is unknown: the model API does not answer" in mail.get_body((form,)).get_content()


def test_too_few_predictions_are_unknown(lab: Lab) -> None:
    lab.run("model_retraining")
    samples.send(lab.api_url, samples.first_table(), 499, seed=1)
    found = lab.run("drift_monitoring").results["check_drift"]
    assert (found["severity"], found["reason"]) == (
        "unknown",
        "499 predictions in the window, at least 500 needed (psi.min_samples)",
    )


def test_an_api_that_is_down_is_unknown_and_not_a_crash(served: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("driftgate.services.model_api.FIRST_PAUSE", 0.01)
    served.stop_api()
    ran = served.run("drift_monitoring")
    assert ran.state == "success"
    assert ran.results["check_drift"]["severity"] == "unknown"


def test_a_template_that_speaks_of_something_unknown_fails_at_once_and_says_what_there_is(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("driftgate.services.model_api.FIRST_PAUSE", 0.01)
    lab.edit("drift_monitoring", "{{ drift.summary }}", "{{ drift['sumary'].upper() }}")
    ran = lab.run("drift_monitoring")
    assert ran.tasks["send_alert"] == "failed"
    assert "a template cannot be filled in: 'dict object' has no attribute 'sumary'; there is drift.severity" in ran.log


def test_drift_must_last_before_it_retrains(served: Lab) -> None:
    forget_requests()
    served.edit("drift_monitoring", "guard: {cooldown: 6h}", "guard: {cooldown: 6h, consecutive: 2}")
    first = served.run("drift_monitoring", at=datetime(2026, 6, 3, 1, tzinfo=UTC))
    assert first.tasks["trigger_retraining"] == "skipped"
    assert "drift has been this severe for 1 of the 2 runs in a row that are needed" in first.log
    again = served.run("drift_monitoring", at=datetime(2026, 6, 3, 1, tzinfo=UTC))
    assert again.tasks["trigger_retraining"] == "skipped"  # the same run, cleared
    second = served.run("drift_monitoring", at=datetime(2026, 6, 3, 2, tzinfo=UTC))
    assert second.results["check_drift"]["streak"] == 2
    assert second.tasks["trigger_retraining"] == "success"


def test_an_unknown_is_told_only_when_it_stays(served: Lab) -> None:
    forget_requests()
    served.edit("drift_monitoring", "min_samples: 500", "min_samples: 100000\n  alert_after: 2")
    first = served.run("drift_monitoring", at=datetime(2026, 6, 4, 1, tzinfo=UTC))
    assert first.results["check_drift"]["severity"] == "unknown"
    assert {task: first.tasks[task] for task in set(ROUTES.values())} == dict.fromkeys(ROUTES.values(), "skipped")
    second = served.run("drift_monitoring", at=datetime(2026, 6, 4, 2, tzinfo=UTC))
    assert second.tasks["send_alert"] == "success"
    assert len(served.mails) == 1


def guard_state() -> dict[str, list[dict[str, str]]]:
    with create_session() as session:
        rows = session.query(AssetStateStoreModel).filter(AssetStateStoreModel.key.like("requests%"))
        return {row.key: json.loads(row.value) for row in rows}


def change_guard_state(key: str, stored: list[dict[str, str]]) -> None:
    with create_session() as session:
        session.query(AssetStateStoreModel).filter_by(key=key).update({"value": json.dumps(stored)})


def test_the_guard_holds_when_a_clock_was_ahead_and_when_another_monitor_overwrote_it(served: Lab) -> None:
    forget_requests()
    first_hour, second_hour = datetime(2026, 6, 5, 1, tzinfo=UTC), datetime(2026, 6, 5, 2, tzinfo=UTC)
    served.run("drift_monitoring", at=first_hour)
    (first,) = retrainings(served)
    finish(first)
    week_ahead = (datetime.now(UTC) + timedelta(days=7)).isoformat()
    for key, stored in guard_state().items():
        change_guard_state(key, [{**request, "at": week_ahead} for request in stored])
    held = served.run("drift_monitoring", at=second_hour)
    assert "The clock was ahead when retrainings were asked for; they count as asked for now" in held.log
    assert held.tasks["trigger_retraining"] == "skipped"
    assert all(request["at"] < week_ahead for stored in guard_state().values() for request in stored)

    change_guard_state("requests", [])  # what a monitor that decides at the same moment may write
    long_ago = (datetime.now(UTC) - timedelta(hours=7)).isoformat()
    own = next(key for key in guard_state() if key != "requests")
    change_guard_state(own, [{**request, "at": long_ago} for request in guard_state()[own]])
    asked_by = str(first.conf["drift"]["run"]).partition("/")[2]
    cleared = served.clear("drift_monitoring", asked_by, "trigger_retraining")
    assert f"this drift run asked for {first.run_id} already" in cleared.log
    assert [run.run_id for run in retrainings(served)] == [first.run_id]


def test_a_run_that_another_monitor_started_at_the_same_moment_is_no_second_start(
    served: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_requests()
    served.run("drift_monitoring", at=datetime(2026, 6, 6, 1, tzinfo=UTC))
    (first,) = retrainings(served)
    finish(first)
    for key in guard_state():
        change_guard_state(key, [])
    monkeypatch.setattr("operators.retraining.decide", lambda *_, **__: Decision(first.run_id, "nothing in the way"))
    late = served.run("drift_monitoring", at=datetime(2026, 6, 6, 2, tzinfo=UTC))
    assert late.tasks["trigger_retraining"] == "skipped"
    told = Ledger(served.mlflow).entries(pipeline="drift_monitoring", run=late.run_id, kind="guard")
    assert [entry.decision.outcome for entry in told] == ["refused"]
    assert f"{first.run_id} is there already" in told[0].decision.reason
