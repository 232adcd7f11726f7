"""drift_monitoring from end to end: each severity takes its route, and retraining starts once."""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

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
def test_each_band_takes_its_route(drifted: Lab, severity: str, factors: tuple[float, float, float]) -> None:
    psi = psi_of(drifted)
    set_bands(drifted, *(psi * factor for factor in factors))
    ran = drifted.run("drift_monitoring")
    assert ran.results["check_drift"]["severity"] == severity
    taken = {task for task in ROUTES.values() if ran.tasks[task] == "success"}
    assert taken == {ROUTES[severity]}
    assert len(drifted.mails) == (1 if severity == "moderate" else 0)


def retrainings(lab: Lab) -> list[DagRun]:
    """The runs that drift of this lab's model has asked for."""
    with create_session() as session:
        found = session.query(DagRun).filter(DagRun.dag_id == "model_retraining").all()
        return [run for run in found if (run.conf or {}).get("drift", {}).get("model") == lab.model]


def finish(run: DagRun) -> None:
    with create_session() as session:
        session.query(DagRun).filter(DagRun.id == run.id).update({"state": "success"})


def test_critical_drift_starts_one_retraining_with_the_evidence_and_no_second(drifted: Lab) -> None:
    first_hour, second_hour = datetime(2026, 6, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, 2, tzinfo=UTC)
    ran = drifted.run("drift_monitoring", at=first_hour)
    assert ran.results["check_drift"]["severity"] == "critical"
    assert ran.tasks["trigger_retraining"] == "success"
    (first,) = retrainings(drifted)
    evidence = first.conf["drift"]
    assert evidence["psi"] == pytest.approx(psi_of(drifted), abs=1e-5)
    assert evidence["run"].startswith("drift_monitoring/")
    assert evidence["features"]["mean area"] > 0.25

    busy = drifted.run("drift_monitoring", at=second_hour)
    assert busy.tasks["trigger_retraining"] == "skipped"
    assert "No retraining: model_retraining has runs queued or running already: 1" in busy.log

    finish(first)
    within_cooldown = drifted.run("drift_monitoring", at=second_hour)
    assert within_cooldown.tasks["trigger_retraining"] == "skipped"
    assert "No retraining: cooldown:" in within_cooldown.log

    cleared = drifted.run("drift_monitoring", at=first_hour)
    assert cleared.tasks["trigger_retraining"] == "success"
    assert f"{first.run_id}: this drift run has started it already" in cleared.log
    assert [run.run_id for run in retrainings(drifted)] == [first.run_id]


def test_a_request_that_never_became_a_run_does_not_use_up_the_cooldown(drifted: Lab) -> None:
    ran = drifted.run("drift_monitoring", at=datetime(2026, 6, 2, 1, tzinfo=UTC))
    assert ran.tasks["trigger_retraining"] == "success"
    (lost,) = retrainings(drifted)
    with create_session() as session:
        session.query(DagRun).filter(DagRun.id == lost.id).delete()
    forget_starts()
    again = drifted.run("drift_monitoring", at=datetime(2026, 6, 2, 2, tzinfo=UTC))
    assert again.tasks["trigger_retraining"] == "success"


def forget_starts() -> None:
    """Make what was asked for look as if nobody knew what became of it."""
    for key, stored in guard_state().items():
        change_guard_state(key, [{**request, "started": False} for request in stored])


def test_a_run_that_somebody_deleted_has_used_up_the_cooldown(drifted: Lab) -> None:
    drifted.run("drift_monitoring", at=datetime(2026, 6, 2, 3, tzinfo=UTC))
    (deleted,) = retrainings(drifted)
    with create_session() as session:
        session.query(DagRun).filter(DagRun.id == deleted.id).delete()
    held = drifted.run("drift_monitoring", at=datetime(2026, 6, 2, 4, tzinfo=UTC))
    assert held.tasks["trigger_retraining"] == "skipped"
    assert "No retraining: cooldown:" in held.log


def test_a_start_that_nobody_remembers_is_seen_in_airflow(drifted: Lab) -> None:
    drifted.run("drift_monitoring", at=datetime(2026, 6, 2, 5, tzinfo=UTC))
    (first,) = retrainings(drifted)
    finish(first)
    with create_session() as session:
        session.query(AssetStateStoreModel).filter(AssetStateStoreModel.key.like("requests/%")).delete()
        session.query(AssetStateStoreModel).filter_by(key="monitors").delete()
    held = drifted.run("drift_monitoring", at=datetime(2026, 6, 2, 6, tzinfo=UTC))
    assert held.tasks["trigger_retraining"] == "skipped"
    assert "No retraining: cooldown:" in held.log


def test_a_pipeline_that_is_not_there_is_named(drifted: Lab) -> None:
    drifted.edit("drift_monitoring", "pipeline: model_retraining", "pipeline: gone")
    (drifted.folder / "config" / "pipelines" / "gone.yaml").write_text("not: valid\n")
    ran = drifted.run("drift_monitoring")
    assert ran.tasks["trigger_retraining"] == "failed"
    assert "Airflow has no pipeline 'gone' to start" in ran.log


def test_before_any_model_severity_is_unknown_and_people_are_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("driftgate.services.model_api.FIRST_PAUSE", 0.01)
    ran = lab.run("drift_monitoring")
    assert ran.results["check_drift"]["severity"] == "unknown"
    assert ran.tasks["send_alert"] == "success"
    (mail,) = lab.mails
    assert mail["subject"] == "drift_monitoring: drift is unknown"
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


def test_an_api_that_is_down_is_unknown_and_not_a_crash(drifted: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("driftgate.services.model_api.FIRST_PAUSE", 0.01)
    drifted.stop_api()
    ran = drifted.run("drift_monitoring")
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


def test_drift_must_last_before_it_retrains(drifted: Lab) -> None:
    drifted.edit("drift_monitoring", "guard: {cooldown: 6h}", "guard: {cooldown: 6h, consecutive: 2}")
    first = drifted.run("drift_monitoring", at=datetime(2026, 6, 3, 1, tzinfo=UTC))
    assert first.tasks["trigger_retraining"] == "skipped"
    assert "drift has been this severe for 1 of the 2 runs in a row that are needed" in first.log
    again = drifted.run("drift_monitoring", at=datetime(2026, 6, 3, 1, tzinfo=UTC))
    assert again.tasks["trigger_retraining"] == "skipped"  # the same run, cleared
    second = drifted.run("drift_monitoring", at=datetime(2026, 6, 3, 2, tzinfo=UTC))
    assert second.results["check_drift"]["streak"] == 2
    assert second.tasks["trigger_retraining"] == "success"


def test_an_unknown_is_told_only_when_it_stays(drifted: Lab) -> None:
    drifted.edit("drift_monitoring", "min_samples: 500", "min_samples: 100000\n  alert_after: 2")
    first = drifted.run("drift_monitoring", at=datetime(2026, 6, 4, 1, tzinfo=UTC))
    assert first.results["check_drift"]["severity"] == "unknown"
    assert {task: first.tasks[task] for task in set(ROUTES.values())} == dict.fromkeys(ROUTES.values(), "skipped")
    second = drifted.run("drift_monitoring", at=datetime(2026, 6, 4, 2, tzinfo=UTC))
    assert second.tasks["send_alert"] == "success"
    assert len(drifted.mails) == 1


def guard_state() -> dict[str, Any]:
    with create_session() as session:
        rows = session.query(AssetStateStoreModel).filter(AssetStateStoreModel.key.like("requests/%"))
        return {row.key: json.loads(row.value) for row in rows}


def change_guard_state(key: str, stored: Any) -> None:
    with create_session() as session:
        session.query(AssetStateStoreModel).filter_by(key=key).update({"value": json.dumps(stored)})


def rename_monitor(name: str) -> None:
    """Make the requests of the monitor those of another one."""
    with create_session() as session:
        session.query(AssetStateStoreModel).filter(AssetStateStoreModel.key.like("requests/%")).update(
            {"key": f"requests/{name}"}, synchronize_session=False
        )
        session.query(AssetStateStoreModel).filter_by(key="monitors").update({"value": json.dumps([name])})


def test_the_guard_holds_when_a_clock_was_ahead(drifted: Lab) -> None:
    first_hour, second_hour = datetime(2026, 6, 5, 1, tzinfo=UTC), datetime(2026, 6, 5, 2, tzinfo=UTC)
    drifted.run("drift_monitoring", at=first_hour)
    (first,) = retrainings(drifted)
    finish(first)
    ((key, stored),) = guard_state().items()
    week_ahead = (datetime.now(UTC) + timedelta(days=7)).isoformat()
    change_guard_state(key, [{**request, "at": week_ahead} for request in stored])
    held = drifted.run("drift_monitoring", at=second_hour)
    assert held.tasks["trigger_retraining"] == "skipped"
    assert "No retraining: cooldown:" in held.log
    ((_, present),) = guard_state().items()
    assert all(request["at"] < week_ahead for request in present), "or it would hold back until then"

    long_ago = (datetime.now(UTC) - timedelta(hours=7)).isoformat()
    change_guard_state(key, [{**request, "at": long_ago} for request in stored])
    asked_by = str(first.conf["drift"]["run"]).partition("/")[2]
    cleared = drifted.clear("drift_monitoring", asked_by, "trigger_retraining")
    assert cleared.tasks["trigger_retraining"] == "success"
    assert [run.run_id for run in retrainings(drifted)] == [first.run_id]


def test_monitors_of_one_pipeline_share_its_cooldown(drifted: Lab) -> None:
    drifted.run("drift_monitoring", at=datetime(2026, 6, 6, 1, tzinfo=UTC))
    (first,) = retrainings(drifted)
    finish(first)
    rename_monitor("another_monitor/trigger_retraining")
    second = drifted.run("drift_monitoring", at=datetime(2026, 6, 6, 2, tzinfo=UTC))
    assert second.tasks["trigger_retraining"] == "skipped"
    assert "No retraining: cooldown:" in second.log


def test_a_run_that_another_monitor_started_at_the_same_moment_is_no_second_start(
    drifted: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    drifted.run("drift_monitoring", at=datetime(2026, 6, 7, 1, tzinfo=UTC))
    (first,) = retrainings(drifted)
    with monkeypatch.context() as moment:  # in which both have seen the same
        moment.setattr("operators.retraining.decide", lambda *_, **__: Decision(first.run_id, "nothing in the way"))
        late = drifted.run("drift_monitoring", at=datetime(2026, 6, 7, 2, tzinfo=UTC))
    assert late.tasks["trigger_retraining"] == "skipped"
    told = Ledger(drifted.mlflow).entries(pipeline="drift_monitoring", run=late.run_id, kind="guard")
    assert [entry.decision.outcome for entry in told] == ["refused"]
    asked_by = first.conf["drift"]["run"]
    assert f"{asked_by} started {first.run_id} in the same moment" in told[0].decision.reason
    finish(first)
    cleared = drifted.clear("drift_monitoring", late.run_id, "trigger_retraining")
    assert cleared.tasks["trigger_retraining"] == "skipped", "the run is not its own"
    assert [run.run_id for run in retrainings(drifted)] == [first.run_id]


def test_a_request_whose_worker_was_killed_gives_way_to_what_happened_since(
    drifted: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as moment:
        moment.setattr("operators.retraining.TriggerDagRunOperator.execute", killed)
        first = drifted.run("drift_monitoring", at=datetime(2026, 6, 8, 1, tzinfo=UTC))
    assert retrainings(drifted) == []
    second = drifted.run("drift_monitoring", at=datetime(2026, 6, 8, 2, tzinfo=UTC))
    (started,) = retrainings(drifted)
    assert second.tasks["trigger_retraining"] == "success"
    finish(started)
    late = drifted.clear("drift_monitoring", first.run_id, "trigger_retraining")
    assert late.tasks["trigger_retraining"] == "skipped"
    assert "No retraining: cooldown:" in late.log
    assert [run.run_id for run in retrainings(drifted)] == [started.run_id]


def test_an_old_drift_that_is_cleared_starts_nothing(drifted: Lab) -> None:
    drifted.edit("drift_monitoring", "min_samples: 500", "min_samples: 500\n  stale_after: 1s")
    drifted.edit("drift_monitoring", "guard: {cooldown: 6h}", "guard: {cooldown: 6h, consecutive: 9}")
    ran = drifted.run("drift_monitoring", at=datetime(2026, 6, 9, 1, tzinfo=UTC))
    drifted.edit("drift_monitoring", "consecutive: 9", "consecutive: 1")
    time.sleep(2)
    cleared = drifted.clear("drift_monitoring", ran.run_id, "trigger_retraining")
    assert cleared.tasks["trigger_retraining"] == "skipped"
    assert re.search(
        r"the drift was measured at .+ UTC, more than 1s ago \(psi.stale_after\): measure it anew", cleared.log
    )
    assert retrainings(drifted) == []
