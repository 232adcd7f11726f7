"""A backtest of what real runs have seen comes to the decisions that those runs took."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.models.asset_state_store import AssetStateStoreModel
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from support.lab import Lab, Ran

from driftgate.backtest.making import backtest
from driftgate.backtest.model import Replay
from driftgate.config.load import load_pipeline
from driftgate.demo import samples
from driftgate.services.history import History, load_api, load_file, load_ledger
from driftgate.services.ledger import Ledger
from driftgate.services.model_api import ModelApi

APART = timedelta(hours=2)
START = datetime(2026, 7, 1, tzinfo=UTC)


def hours_pass(lab: Lab) -> None:
    """Make what the API has counted so far two hours older."""
    (path,) = (lab.folder / "state").glob("*.db")
    with closing(sqlite3.connect(path, timeout=15)) as connection, connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE '%bucket%' AND type = 'table'")
        for (table,) in tables.fetchall():
            if _has_column(connection, table, "span"):  # sums of whole days, which other hours would belong to
                connection.execute(f"DELETE FROM {table} WHERE span > 3600")
            connection.execute(f"UPDATE {table} SET bucket = -bucket")  # so that no two are ever equal
            connection.execute(f"UPDATE {table} SET bucket = -bucket - {int(APART.total_seconds())}")


def _has_column(connection: sqlite3.Connection, table: str, name: str) -> bool:
    return any(column[1] == name for column in connection.execute(f"PRAGMA table_info({table})"))


@pytest.fixture
def runs(lab: Lab) -> list[Ran]:
    """Five runs of the monitor, two hours apart: too little traffic, none, and three times drift."""
    lab.edit("drift_monitoring", "    connection: model_api", "    connection: model_api\n    window: 1h")
    with create_session() as session:
        session.query(AssetStateStoreModel).delete()
        session.query(DagRun).filter(DagRun.run_id.like("drift__%")).delete()
    assert lab.run("model_retraining").state == "success"
    table = samples.first_table()
    shifted = samples.from_new_scanner(table)
    found = []
    traffic = [(table, 100), (table, 600), (shifted, 600), (shifted, 700), (table, 800)]
    for number, (rows, count) in enumerate(traffic):
        if number:
            hours_pass(lab)
        samples.send(lab.api_url, rows, count, seed=number)
        found.append(lab.run("drift_monitoring", at=START + number * APART))
    return found


def written(runs: list[Ran], path: Path) -> History:
    """The history as the runs themselves have it: what check_drift returned."""
    told = [run.results["check_drift"] for run in runs]
    names = list(told[-1]["features"])
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["at", "psi", "samples", *(f"features.{name}" for name in names)])
        for number, drift in enumerate(told):
            at = (START + number * APART).isoformat()
            psis = [drift["features"].get(name, "") for name in names]
            writer.writerow([at, drift["psi"], drift["samples"], *psis])
    return load_file(path)


def replayed(lab: Lab, history: History) -> Replay:
    config = lab.folder / "config"
    pipeline = load_pipeline(config / "pipelines" / "drift_monitoring.yaml", config, "")
    found = backtest(pipeline, config, "", [], history).present.replay
    assert found is not None
    return found


def test_a_backtest_takes_the_decisions_that_were_taken(lab: Lab, runs: list[Ran], tmp_path: Path) -> None:
    severities = [run.results["check_drift"]["severity"] for run in runs]
    assert severities == ["unknown", "none", "critical", "critical", "none"]
    mails = [mail["subject"] for mail in lab.mails]

    found = replayed(lab, written(runs, tmp_path / "drift.csv"))

    assert [step.severity for step in found.steps] == severities
    assert [step.psi for step in found.steps] == [run.results["check_drift"]["psi"] for run in runs]
    started = [number for number, run in enumerate(runs) if run.tasks["trigger_retraining"] == "success"]
    assert [START + number * APART for number in started] == [each.at for each in found.retrainings]
    assert [(each.event, each.severity) for each in found.alerts] == [("drift", "unknown"), ("refused", "critical")]
    assert mails == [
        "drift_monitoring: drift is unknown",
        "drift_monitoring: drift is critical and model_retraining is not started",
    ]

    ledger = load_ledger(Ledger(lab.mlflow), "drift_monitoring", datetime.now(UTC) - timedelta(hours=1))
    kept = replayed(lab, replace(ledger, windows=ledger.windows[-len(runs) :]))  # others write into it, too
    assert [(step.severity, step.psi) for step in kept.steps] == [(step.severity, step.psi) for step in found.steps]

    remembered = replayed(lab, load_api(ModelApi(lab.api_url), "24h"))
    assert [(step.severity, step.psi) for step in remembered.steps] == [
        (step.severity, step.psi) for step in found.steps
    ]
    begun = [number for number, step in enumerate(remembered.steps) if step.at == remembered.retrainings[0].at]
    assert (begun, len(remembered.retrainings)) == (started, len(started))
