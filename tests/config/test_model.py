from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from driftgate.config.load import load_pipeline
from driftgate.config.model import Pipeline

ROOT = Path(__file__).parents[2]


def shipped(name: str) -> Pipeline:
    return load_pipeline(ROOT / "config" / "pipelines" / f"{name}.yaml", ROOT / "config")


def built(directory: Path, text: str) -> Pipeline:
    path = directory / "pipelines" / "x.yaml"
    path.parent.mkdir()
    path.write_text(f"dag_id: x\nschedule: null\n{text}", encoding="utf-8")
    return load_pipeline(path, directory)


def test_a_pipeline_carries_its_envelope_in_python_types() -> None:
    pipeline = shipped("drift_monitoring")

    assert pipeline.file == "config/pipelines/drift_monitoring.yaml"
    assert (pipeline.schedule, pipeline.timezone, pipeline.owner) == ("@hourly", "UTC", "ml-platform")
    assert pipeline.start_date == datetime(2026, 1, 1, tzinfo=UTC)
    assert (pipeline.end_date, pipeline.dagrun_timeout, pipeline.max_active_tasks) == (None, None, None)
    assert (pipeline.catchup, pipeline.max_active_runs) == (False, 1)
    assert pipeline.tags == ("monitoring", "drift")
    assert pipeline.default_args == {
        "owner": "ml-platform",
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "execution_timeout": timedelta(hours=1),
    }


def test_sections_and_parameters_are_complete() -> None:
    pipeline = shipped("model_retraining")
    tasks = {task.task_id: task for task in pipeline.tasks}

    assert list(pipeline.sections) == ["dataset", "quality", "model", "gates", "alerts"]
    assert pipeline.sections["model"]["tracking"] == "mlflow_default"
    assert pipeline.sections["quality"]["columns"]["target"]["unique"] is False
    assert tasks["restart_api_service"].parameters == {"connection": "model_api", "timeout": "60s"}
    assert tasks["train_model"].parameters == {}


def test_the_tasks_that_routes_lead_to_come_after_the_decision() -> None:
    before = {task.task_id: task.depends_on for task in shipped("drift_monitoring").tasks}

    assert before == {
        "check_drift": (),
        "decide_action": ("check_drift",),
        "log_no_drift": ("decide_action",),
        "log_minor_drift": ("decide_action",),
        "send_alert": ("decide_action",),
        "trigger_retraining": ("decide_action",),
    }


def test_a_task_has_the_settings_it_sets_and_no_others(tmp_path: Path) -> None:
    task = built(
        tmp_path,
        "retries: 3\ntasks: {t: {operator: a.B, retry_delay: 90s, trigger_rule: always, x: [1], retries: 0}}\n",
    ).tasks[0]

    assert task.settings == {"retries": 0, "retry_delay": timedelta(seconds=90), "trigger_rule": "always"}
    assert task.parameters == {"x": [1]}


def test_without_defaults_the_built_in_ones_hold(tmp_path: Path) -> None:
    pipeline = built(tmp_path, "tasks: {t: {operator: a.B}}\n")

    assert (pipeline.owner, pipeline.timezone, pipeline.catchup, pipeline.description) == ("airflow", "UTC", False, "")
    assert pipeline.start_date == datetime(2026, 1, 1, tzinfo=UTC)
    assert pipeline.default_args == {"owner": "airflow", "retries": 0}
    assert (pipeline.sections, pipeline.tags, pipeline.max_active_runs) == ({}, (), None)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-07-01", "2026-07-01T00:00:00+02:00"),
        ("2026-07-01T06:30", "2026-07-01T06:30:00+02:00"),
        ("2026-07-01T06:30:00Z", "2026-07-01T08:30:00+02:00"),
    ],
)
def test_dates_are_in_the_timezone_of_the_pipeline(tmp_path: Path, written: str, meant: str) -> None:
    text = f"timezone: Europe/Berlin\nstart_date: {written}\ntasks: {{t: {{operator: a.B}}}}\n"
    pipeline = built(tmp_path, text)

    assert pipeline.start_date.isoformat() == meant
    assert pipeline.start_date.tzinfo == ZoneInfo("Europe/Berlin")


def test_every_value_can_be_located_in_the_file_it_comes_from() -> None:
    pipeline = shipped("model_retraining")
    text = (ROOT / pipeline.file).read_text(encoding="utf-8").splitlines()

    file, line, column = pipeline.locate("gates", "roc_auc", "above").split(":")

    assert file == "config/pipelines/model_retraining.yaml"
    assert text[int(line) - 1][int(column) - 1 :] == "0.95}"
    assert pipeline.locate("alerts", "channels", "ops_email", "to", 0) == "config/defaults.yaml:17:12"
    assert pipeline.locate("retries").startswith("config/defaults.yaml:")


def test_pipelines_from_the_same_text_are_equal() -> None:
    assert shipped("drift_monitoring") == shipped("drift_monitoring")
