from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from driftgate.cli import explain
from driftgate.services.ledger import KINDS, Decision, Entry, Ledger

AT = datetime(2019, 3, 5, 9, tzinfo=UTC)


@pytest.fixture
def told(mlflow_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The pipeline of the only decision on its day."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server)
    Ledger(mlflow_server).write(
        Entry(Decision("drift", "critical", "PSI 0.31"), AT, "explained", "nine", "check_drift")
    )
    Ledger(mlflow_server).write(Entry(Decision("drift", "none", "PSI 0.01"), AT, "explained", "8h", "check_drift"))
    return "explained"


@pytest.mark.parametrize("words", [["nine"], ["explained/nine"], ["2019-03-05"], ["nine", "--pipeline", "explained"]])
def test_a_run_and_a_day_are_explained(run: Any, told: str, words: list[str]) -> None:
    result = run("explain", *words)

    assert result.code == 0
    assert result.out.startswith("explained/nine\n  Tuesday, 05 March 2019 (UTC)\n\n  09:00:00  check_drift: critical")
    assert ("1 run found nothing to act upon." in result.out) == (words == ["2019-03-05"])


def test_programs_get_json(run: Any, told: str) -> None:
    [only] = json.loads(run("explain", "nine", "--format", "json").out)["runs"]

    assert only["decisions"][0]["reason"] == "PSI 0.31"


def test_decisions_are_listed(run: Any, told: str) -> None:
    lines = run("explain", "--list", "--pipeline", told).out.splitlines()

    assert len(lines) == 2
    assert all("drift:" in line for line in lines)


def test_what_nobody_decided_is_told_in_a_line(run: Any, told: str) -> None:
    result = run("explain", "nowhere")

    assert (result.code, result.out) == (1, "")
    assert "the ledger knows nothing of run 'nowhere'" in result.err


def test_without_mlflow_it_says_what_to_set(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    result = run("explain")

    assert result.code == 2
    assert "set MLFLOW_TRACKING_URI" in result.err


@pytest.mark.parametrize("words", [["nine", "--kind", "gate"], ["--list", "--format", "json"]])
def test_options_that_do_not_go_together_are_refused(run: Any, told: str, words: list[str]) -> None:
    assert run("explain", *words).code == 2


def test_its_kinds_are_those_of_the_ledger() -> None:
    assert explain.KINDS == KINDS


def test_a_day_without_decisions_is_told_and_one_that_is_none_refused(run: Any, told: str) -> None:
    nothing = run("explain", "2019-03-07")
    assert (nothing.code, nothing.out) == (1, "")
    assert "nothing was decided on 2019-03-07 (UTC)" in nothing.err

    assert run("explain", "2019-13-45").code == 2
