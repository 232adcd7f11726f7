"""``driftgate backtest``: on the shipped monitor, proposals good and bad, and every form of the answer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .conftest import Result, Run

ROOT = Path(__file__).parents[2]
GUARD = "tasks.trigger_retraining.guard"


@pytest.fixture
def past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two days of hours: quiet, from hour 12 on PSI 0.2, from hour 24 on 0.28, from hour 36 on quiet again."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    levels = [0.02] * 12 + [0.2] * 12 + [0.28] * 12 + [0.02] * 12
    rows = [f"2026-03-{1 + i // 24:02}T{i % 24:02}:00:00Z,{psi},1000" for i, psi in enumerate(levels)]
    path = tmp_path / "drift.csv"
    path.write_text("\n".join(["at,psi,samples", *rows]), encoding="utf-8")
    return path


@pytest.fixture
def backtest(run: Run, past: Path):  # type: ignore[no-untyped-def]
    def backtest(*words: str) -> Result:
        return run("backtest", "drift_monitoring", "--history", "drift.csv", *words)

    return backtest


def test_the_table_and_what_was_decided(backtest) -> None:  # type: ignore[no-untyped-def]
    assert backtest("--set", "psi.critical=0.3") == (
        0,
        """\
drift_monitoring on drift.csv: 48 windows, 2026-03-01 00:00 to 2026-03-02 23:00 UTC

                        none  minor    moderate    critical  unknown  alerts  retrainings  longest critical
present           50.0% (24)      –  25.0% (12)  25.0% (12)        –       2            2                6h
psi.critical=0.3  50.0% (24)      –  50.0% (24)           –        –       1            0                 –

present
  retrainings  2026-03-02 00:00, 2026-03-02 06:00
  refused      10 × cooldown
  alerts       1 moderate, 1 refused
  longest      6h critical from 2026-03-02 00:00 on

psi.critical=0.3
  retrainings  none
  alerts       1 moderate

A replay keeps the recorded PSI: one retraining more, or one less, would have changed what followed.
""",
        "",
    )


def test_json_holds_every_decision(backtest) -> None:  # type: ignore[no-untyped-def]
    found = json.loads(backtest("--format", "json", "--set", f"{GUARD}.cooldown=12h").out)

    assert found["history"] == {
        "source": "drift.csv", "windows": 48, "start": "2026-03-01T00:00:00+00:00", "end": "2026-03-02T23:00:00+00:00",
        "every": 3600, "covered": 172800, "gaps": 0,
    }  # fmt: skip
    present, proposal = found["trials"]
    assert proposal["settings"] == {f"{GUARD}.cooldown": "12h"}
    assert [each["at"] for each in present["retrainings"]] == ["2026-03-02T00:00:00+00:00", "2026-03-02T06:00:00+00:00"]
    assert proposal["retrainings"] == [
        {
            "at": "2026-03-02T00:00:00+00:00", "task": "trigger_retraining", "pipeline": "model_retraining",
            "psi": 0.28,
        }
    ]  # fmt: skip
    assert proposal["longest_critical"] == {"start": "2026-03-02T00:00:00+00:00", "seconds": 43200}
    assert len(proposal["refusals"]) == 11
    assert proposal["refusals"][0]["reason"].startswith(
        "cooldown: the last retraining was asked for at 2026-03-02 00:00"
    )


def test_markdown_is_a_table(backtest) -> None:  # type: ignore[no-untyped-def]
    out = backtest("--format", "markdown", "--grid", "psi.critical=0.1:0.3:0.1").out

    assert "| present | 50.0% (24) | – | 25.0% (12) | 25.0% (12) | – | 2 | 2 | 6h |" in out
    assert "| `psi.critical=0.1` | refused |" in out
    assert "- error: `psi.critical (0.1) must be above psi.moderate (0.15)`" in out
    assert "| `psi.critical=0.2` | 50.0% (24) | – | 25.0% (12) | 25.0% (12) | – | 2 | 2 | 6h |" in out


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("psi.critical=0.1", "error[bands-order]: psi.critical (0.1) must be above psi.moderate (0.15)\n"
         "  hint: severities go none < minor < moderate < critical; psi.moderate stands at "
         "config/pipelines/drift_monitoring.yaml:9:13"),
        ("psi.critcal=0.3", "error[unknown-key]: unknown key 'critcal' in psi\n  hint: did you mean 'critical'?"),
        ("psi.critical=high", "error[wrong-type]: psi.critical must be a number, not the text 'high'"),
        ("psi.critical=0,3", "error[wrong-type]: psi.critical must be a number, not the text '0,3'\n  hint: write 0.3"),
        (f"{GUARD}.cooldown=half", f"error[wrong-format]: {GUARD}.cooldown must be a duration, not the text 'half'\n"
         "  hint: write a whole number and a unit, such as 90s, 15m, 6h or 8d"),
        ("tasks.decide_action.routes.critical=retrain",
         "error[unknown-task]: tasks.decide_action.routes.critical: there is no task 'retrain'\n"
         "  hint: tasks: check_drift, log_no_drift, log_minor_drift, send_alert, trigger_retraining"),
    ],
)  # fmt: skip
def test_a_value_is_checked_as_in_a_file(setting: str, told: str, backtest) -> None:  # type: ignore[no-untyped-def]
    code, out, err = backtest("--set", setting)

    assert (code, out) == (1, "")
    assert err.startswith(f"--set {setting}: {told}\n")


def test_what_is_only_doubtful_is_tried_and_told(backtest) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = backtest("--set", f"{GUARD}.cooldown=30m")

    assert code == 0
    assert f"{GUARD}.cooldown (30m) is over before the pipeline runs again" in " ".join(out.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--set", "psi.critical"], "--set: 'psi.critical' is no setting; write it like psi.critical=0.3"),
        (["--set", "=3"], "--set: '=3' is no setting; write it like psi.critical=0.3"),
        (["--set", "psi.minor=0.1", "--set", "psi.minor=0.2"],
         "psi.minor is set twice; give each of several values with --grid psi.minor=…"),
        (["--set", "retries=3"],
         "--set retries=3: no decision of a backtest depends on retries: a backtest replays alerts, psi and tasks"),
        (["--set", f"{GUARD}.new_data=false"],
         f"--set {GUARD}.new_data=false: no decision of a backtest depends on {GUARD}.new_data: "
         "whether there are new data is not in a history of drift"),
        (["--set", "tasks.check_drift.window=48h"],
         "--set tasks.check_drift.window=48h: no decision of a backtest depends on tasks.check_drift.window: "
         "the history was measured as it was"),
        (["--set", "tasks.send_alert.subject=x"],
         "--set tasks.send_alert.subject=x: no decision of a backtest depends on tasks.send_alert.subject: of a task, "
         "alerts, channels, depends_on, guard, operator, pipeline, routes, tasks and trigger_rule decide"),
        (["--set", "alerts.on_failure=[ops_email]"],
         "--set alerts.on_failure=[ops_email]: no decision of a backtest depends on alerts.on_failure: of alerts, "
         "on_refused and repeat_after decide"),
        (["--grid", "psi.critical=0.3"],
         "--grid: 'psi.critical=0.3' is no grid; write it like psi.critical=0.15:0.4:0.05 (first:last:step)"),
        (["--grid", "psi.critical=a:b:c"],
         "--grid: 'psi.critical=a:b:c': a, b, c must be numbers, or durations such as 6h"),
        (["--grid", "psi.critical=0.3:0.2:0.1"],
         "--grid: 'psi.critical=0.3:0.2:0.1' has no values; it goes up, by a step above 0"),
        (["--grid", "psi.critical=0:1:0.001"], "--grid: 'psi.critical=0:1:0.001' has more than 200 values"),
        (["--api", "http://localhost:8000"], "--history and --api: one of them"),
    ],
)  # fmt: skip
def test_what_is_no_proposal_is_told(words: list[str], told: str, backtest) -> None:  # type: ignore[no-untyped-def]
    assert backtest(*words) == (2, "", f"error: {told}\n")


def test_a_name_with_dots_stands_in_quotes(backtest) -> None:  # type: ignore[no-untyped-def]
    found = json.loads(backtest("--format", "json", "--set", 'psi.features."mean.area".critical=0.5').out)

    assert found["trials"][1]["problems"] == []
    assert found["trials"][1]["severities"]["unknown"]["windows"] == 48  # the file has no features


def test_the_pipeline_must_decide_about_drift(run: Run, past: Path) -> None:
    assert run("backtest").err == "error: which pipeline? There are drift_monitoring, model_retraining\n"
    assert run("backtest", "drift_monitorin", "--history", "drift.csv").err == (
        "error: there is no pipeline 'drift_monitorin'; did you mean 'drift_monitoring'?\n"
    )
    assert run("backtest", "model_retraining", "--history", "drift.csv") == (
        2, "", "error: model_retraining has no task with operator check_drift: it decides nothing about drift\n",
    )  # fmt: skip


def test_a_pipeline_with_errors_says_so(run: Run, past: Path) -> None:
    path = past.parent / "config" / "pipelines" / "drift_monitoring.yaml"
    path.write_text(path.read_text().replace("critical: 0.25", "critical: 0.05"))

    code, out, err = run("backtest", "drift_monitoring", "--history", "drift.csv", "--set", "psi.minor=0.01")

    assert (code, out) == (1, "")
    assert err.startswith("config/pipelines/drift_monitoring.yaml:10:13: error[bands-order]")


def test_an_environment_counts(backtest, past: Path) -> None:  # type: ignore[no-untyped-def]
    (past.parent / "config" / "environments").mkdir()
    (past.parent / "config" / "environments" / "prod.yaml").write_text(
        "pipelines: {drift_monitoring: {psi: {critical: 0.5}}}\n"
    )

    assert backtest("--env", "prod").out.startswith("drift_monitoring in the environment prod on drift.csv")
    assert "retrainings  none" in backtest("--env", "prod").out
    assert "retrainings  2026-03-02 00:00" in backtest("--env", "prod", "--set", "psi.critical=0.25").out


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_picture_is_drawn(kind: str, backtest, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, _, err = backtest("--grid", "psi.critical=0.2:0.4:0.1", "--plot", f"drift.{kind}")

    assert (code, err) == (0, f"drift.{kind} is drawn\n")
    begin = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind]
    assert (tmp_path / f"drift.{kind}").read_bytes().startswith(begin)


def test_a_picture_that_cannot_be_drawn_is_refused_before_the_work(run: Run, past: Path) -> None:
    word = run("backtest", "drift_monitoring", "--history", "gone.csv", "--plot", "drift.doc")
    folder = run("backtest", "drift_monitoring", "--history", "gone.csv", "--plot", "gone/drift.png")

    assert (word.code, word.err.partition(",")[0]) == (1, "error: --plot: drift.doc ends in .doc")
    assert ".png" in word.err
    assert folder.err == "error: --plot: there is no folder gone\n"


def test_an_api_that_does_not_answer_is_named(run: Run, past: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("driftgate.services.model_api.FIRST_PAUSE", 0.01)

    code, _, err = run("backtest", "drift_monitoring", "--api", "http://127.0.0.1:9")

    assert code == 1
    assert err.startswith("error: the model API does not answer GET http://127.0.0.1:9/drift/history")
    assert run("backtest", "drift_monitoring", "--window", "month").err == (
        "error: --window: month is no duration, such as 30d\n"
    )
