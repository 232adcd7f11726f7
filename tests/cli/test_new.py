"""``driftgate new``: files that are valid, that Airflow can build, and that replace no other."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from driftgate.build import build_dag
from driftgate.config.load import load_all, load_pipeline
from driftgate.services.quality import failed_checks

from .conftest import Run, Write
from .test_process import surroundings

DEFAULTS = "alerts: {channels: {ops: {type: email, from: a@example.com, to: [b@example.com]}}}\n"
TRAIN = ("--from", "retraining", "--dataset", "churn.parquet", "--target", "churned")


@pytest.fixture
def home(write: Write) -> Path:
    """A configuration with alert channels and one pipeline, and a table of data beside it."""
    write("config/defaults.yaml", DEFAULTS)
    home = write("config/pipelines/one.yaml").parents[2]
    days = pd.date_range("2026-01-01", periods=200, freq="h")
    columns = {"age": [18 + n % 60 for n in range(200)], "plan": ["basic", "plus"] * 100, "seen": days}
    pd.DataFrame({**columns, "churned": [n % 3 == 0 for n in range(200)]}).to_parquet(home / "churn.parquet")
    return home


def file_of(home: Path, name: str) -> str:
    return (home / "config" / "pipelines" / f"{name}.yaml").read_text(encoding="utf-8")


def test_retraining_is_proposed_from_the_data(home: Path, run: Run) -> None:
    code, out, err = run("new", "churn", *TRAIN)
    pipeline = load_pipeline(home / "config" / "pipelines" / "churn.yaml", home / "config", "")

    assert (code, err) == (0, "")
    assert out.startswith("written: config/pipelines/churn.yaml, with rules for 4 columns from 200 rows of data\n")
    assert pipeline.sections["dataset"] == {
        "uri": "churn.parquet", "target": "churned", "max_age": "8d", "timestamp_column": "seen"
    }  # fmt: skip
    assert pipeline.sections["model"]["name"] == "churn"
    assert pipeline.sections["model"]["split"] == {"by": "seen"}
    assert failed_checks(pd.read_parquet(home / "churn.parquet"), pipeline.sections["quality"]) == []
    assert len(build_dag(pipeline).tasks) == 6


def test_the_age_fits_the_schedule(home: Path, run: Run) -> None:
    run("new", "daily", *TRAIN, "--schedule", "@daily")
    run("new", "byhand", *TRAIN, "--schedule", "null")

    assert "  max_age: 28h " in file_of(home, "daily")
    assert "\n  # max_age: 8d " in file_of(home, "byhand")


def test_data_that_are_not_there_yet(home: Path, run: Run) -> None:
    code, _, err = run("new", "later", "--from", "retraining", "--dataset", "later.csv", "--target", "y")

    assert code == 1
    assert "no training data at " in err
    assert "--no-look writes the file without reading the data" in err
    assert run("new", "later", "--from", "retraining", "--dataset", "later.csv", "--target", "y", "--no-look").code == 0
    assert "nobody has looked at them yet" in file_of(home, "later")


@pytest.mark.parametrize("channels", [True, False], ids=["with a channel", "without"])
def test_drift_starts_another_pipeline(channels: bool, home: Path, run: Run) -> None:
    if not channels:
        (home / "config" / "defaults.yaml").unlink()
    code = run("new", "watch", "--from", "drift", "--pipeline", "one").code
    pipeline = load_pipeline(home / "config" / "pipelines" / "watch.yaml", home / "config", "")

    assert code == 0
    assert len(build_dag(pipeline).tasks) == 5 + channels
    assert pipeline.schedule == "@hourly"


def test_what_the_validator_warns_of_is_passed_on(home: Path, run: Run) -> None:
    run("new", "churn", *TRAIN)

    out = run("new", "watch", "--from", "drift", "--pipeline", "churn").out

    assert "note: line 11: with 500 predictions and 100 training rows, chance alone takes PSI" in out
    assert "; raise psi.moderate, or train on more rows" in out


def test_blank_has_one_task(home: Path, run: Run) -> None:
    assert run("new", "cleanup", "--from", "blank", "--schedule", "0 3 * * *").code == 0
    pipeline = load_pipeline(home / "config" / "pipelines" / "cleanup.yaml", home / "config", "")

    assert [task.task_id for task in build_dag(pipeline).tasks] == ["say_hello"]
    assert not load_all(home / "config", "").problems


def test_it_writes_over_nothing(home: Path, run: Run) -> None:
    before = file_of(home, "one")
    code, out, err = run("new", "one", "--from", "blank")

    assert (code, out) == (2, "")
    assert "there is a pipeline 'one' already, in config/pipelines/one.yaml" in err
    assert file_of(home, "one") == before


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "DAG_ID is missing; nobody is there to be asked"),
        (["x"], 2, "--from is missing (retraining, drift, blank); nobody is there to be asked"),
        (["a/b", "--from", "blank"], 2, "'a/b' cannot be a pipeline's name: use letters, digits"),
        (["x", "--from", "blnk"], 2, "there is no 'blnk'; did you mean 'blank'?"),
        (["x", "--from", "drift"], 2, "--pipeline is missing (one)"),
        (["x", "--from", "drift", "--pipeline", "onne"], 1, "there is no pipeline 'onne'\n"),
        (["x", "--from", "blank", "--schedule", "@dayly"], 1, "config/pipelines/x.yaml:3:11: error[schedule]"),
        (["x", *TRAIN[:4]], 2, "--target is missing (age, plan, seen, churned)"),
        (["x", *TRAIN[:5], "churnd"], 2, "the data have no column 'churnd'; did you mean 'churned'?"),
        (["x", *TRAIN[:5], "age"], 1, "has 60 different values, so it is a quantity or a name, not a class"),
    ],
)
def test_what_makes_no_pipeline_is_not_written(words: list[str], code: int, message: str, home: Path, run: Run) -> None:
    result = run("new", *words)

    assert (result.code, result.out) == (code, "")
    assert message in result.err
    assert sorted(path.name for path in (home / "config" / "pipelines").iterdir()) == ["one.yaml"]


def test_without_a_configuration_it_asks_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.chdir(tmp_path)

    assert "there is no config/pipelines here or above; say where to write" in run("new", "x", "--from", "blank").err
    assert run("new", "x", "--from", "blank", "--config", "config").code == 0
    assert (tmp_path / "config" / "pipelines" / "x.yaml").is_file()


def test_on_a_terminal_it_asks(home: Path) -> None:
    answers = ["churn", "retrain", "retraining", "churn.parquet", "churned", ""]
    master, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "driftgate", "new"], cwd=home, env=surroundings(NO_COLOR="1"),
        stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
    )  # fmt: skip
    os.close(terminal)
    seen = ""
    for answer in answers:
        seen += _until(master, ": ")
        os.write(master, f"{answer}\n".encode())
    seen += _until(master, "driftgate plan")

    assert process.wait(30) == 0
    assert "Name of the pipeline: " in seen
    assert "What kind of pipeline (retraining, drift, blank) [retraining]: " in seen
    assert "did you mean 'retraining'?" in seen
    assert "Column to predict: " in seen
    assert "interval, or null) [@weekly]: " in seen
    assert "  target: churned" in file_of(home, "churn")
    os.close(master)


def _until(terminal: int, end: str) -> str:
    """What the program writes until it waits: ``end``, and nothing after it for a moment."""
    seen, deadline = "", time.monotonic() + 30
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 0.2)
        if ready:
            try:
                seen += os.read(terminal, 4096).decode()
            except OSError:  # it has ended, and with it the terminal
                return seen
        elif end in seen:
            return seen
    pytest.fail(f"it never came to {end!r}: {seen}")
