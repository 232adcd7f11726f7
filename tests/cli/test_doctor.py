"""``driftgate doctor`` from a shell that knows no Airflow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.ports import free_port

from .conftest import Run


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith(("AIRFLOW", "MLFLOW_TRACKING", "DRIFTGATE"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "none"))


def test_it_says_what_it_cannot_see_and_makes_no_airflow_of_its_own(run: Run, good: Path, tmp_path: Path) -> None:
    result = run("doctor", "--airflow", f"http://127.0.0.1:{free_port()}")

    assert result.code == 1
    assert "– Secrets      this shell has none of Airflow's settings" in result.out
    assert "✗ Airflow      no answer at" in result.out
    assert not (tmp_path / "none").exists()


def test_json_has_every_finding(run: Run, mixed: Path) -> None:
    result = run("doctor", "--format", "json", "--airflow", f"http://127.0.0.1:{free_port()}")
    findings = json.loads(result.out)["findings"]

    assert {"area", "status", "seen", "todo"} == set(findings[0])
    (pipelines,) = [finding for finding in findings if finding["area"] == "Pipelines"]
    assert (pipelines["status"], pipelines["todo"]) == ("failed", "driftgate validate")
