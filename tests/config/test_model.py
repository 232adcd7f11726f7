from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from driftgate.config.load import load_all, load_pipeline
from driftgate.config.model import AssetSchedule, Group, Pipeline

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

    assert list(pipeline.sections) == ["dataset", "quality", "model", "gates", "ledger", "alerts"]
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
    ledger = {"connection": "mlflow_default", "enabled": True}
    assert (pipeline.sections, pipeline.tags, pipeline.max_active_runs) == ({"ledger": ledger}, (), None)


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


def case(name: str) -> Pipeline:
    return load_pipeline(ROOT / "tests" / "cases" / "valid" / f"{name}.yaml", ROOT / "config", env="")


def test_groups_carry_full_ids_and_what_they_wait_for() -> None:
    pipeline = case("groups")

    assert pipeline.groups == (
        Group("data", "", "", ("begin",), ("tasks", "data")),
        Group("data.checks", "data", "Both at once", ("data.load",), ("tasks", "data", "tasks", "checks")),
    )
    assert {task.task_id: (task.group, task.depends_on) for task in pipeline.tasks} == {
        "begin": ("", ()),
        "data.load": ("data", ()),
        "data.checks.rows": ("data.checks", ()),
        "data.checks.columns": ("data.checks", ()),
        "data.checks.load": ("data.checks", ("data.checks.rows", "data.load")),
        "data.tidy": ("data", ("data.checks", "data.checks.rows")),
        "report": ("", ("data", "data.checks", "data.checks.load")),
    }


def test_edges_deep_inside_groups_come_first() -> None:
    edges = case("groups").edges

    assert edges[0] == ("data.checks.rows", "data.checks.load")
    assert edges.index(("data.checks", "data.tidy")) < edges.index(("begin", "data")) < edges.index(("data", "report"))


def test_routes_hold_full_ids_and_lead_to_groups() -> None:
    pipeline = case("routes_to_groups")
    tasks = {task.task_id: task for task in pipeline.tasks}

    assert tasks["watch.decide"].parameters["routes"]["none"] == "watch.calm"
    assert tasks["watch.decide"].parameters["routes"]["unknown"] == "act"
    assert tasks["watch.calm"].depends_on == ("watch.decide",)
    assert pipeline.groups[1].depends_on == ("watch.decide",)


def test_schedules_have_python_types() -> None:
    assert case("routes_to_groups").schedule == timedelta(hours=6)
    assert case("groups").schedule == AssetSchedule(
        cron="0 6 * * 1",
        condition=(
            "any",
            (
                ("asset", "s3://bucket/a"),
                ("asset", "s3://bucket/b"),
                ("all", (("asset", "s3://bucket/c"), ("any", (("asset", "s3://bucket/d"),)))),
            ),
        ),
    )


def test_expanded_tasks_carry_what_is_expanded_and_no_defaults_for_it(tmp_path: Path) -> None:
    text = """tasks:
  g:
    tasks:
      a: {operator: log_status, expand: {message: [x, y]}}
      b: {operator: log_status, expand: {level: {output_of: a}}, message: hi}
      c: {operator: log_status, expand_kwargs: [{message: x, level: info}, {message: y}], depends_on: [a]}
  d: {operator: log_status, expand_kwargs: {output_of: g.b}}
"""
    a, b, c, d = built(tmp_path, text).tasks

    assert (a.parameters, a.expand, a.expand_kwargs) == ({"level": "info"}, {"message": ["x", "y"]}, None)
    assert (b.parameters, b.expand, b.depends_on) == ({"message": "hi"}, {"level": {"output_of": "g.a"}}, ("g.a",))
    assert (c.parameters, c.expand) == ({}, {})
    assert c.expand_kwargs == [{"message": "x", "level": "info"}, {"message": "y"}]
    assert (d.parameters, d.expand_kwargs, d.depends_on) == ({}, {"output_of": "g.b"}, ("g.b",))


def test_params_are_what_airflow_takes() -> None:
    sdk = pytest.importorskip("airflow.sdk")
    params = case("every_key").params

    assert params["rows"] == {"default": 1000}
    assert params["nothing"] == {"default": None}
    assert params["region"]["enum"] == ["eu", "us"]
    for name, param in params.items():
        assert sdk.Param(**param).resolve() == param["default"], name


def test_a_task_carries_assets_and_alerts_of_its_own() -> None:
    tasks = {task.task_id: task for task in case("every_key").tasks}

    assert tasks["begin"].outlets == ("cleaned", "s3://bucket/clean.parquet")
    assert tasks["begin"].inlets == ("s3://bucket/raw.parquet",)
    assert tasks["begin"].alerts == {
        "on_failure": ("ops",),
        "on_retry": ("ops",),
        "on_success": (),
        "on_recovery": ("ops",),
        "on_refused": (),
        "on_waiting": ("ops",),
    }
    assert tasks["begin"].settings["max_retry_delay"] == timedelta(hours=1)
    assert (tasks["train"].outlets, tasks["train"].inlets, tasks["train"].alerts) == ((), (), {})
    assert {"expand", "alerts", "outlets", "inlets", "operator"} & set(tasks["begin"].settings) == set()


def test_the_envelope_is_complete() -> None:
    pipeline = case("every_key")

    assert (pipeline.dag_display_name, pipeline.max_consecutive_failed_dag_runs) == ("Every key", 3)
    assert (pipeline.fail_fast, pipeline.is_paused_upon_creation) == (False, True)
    assert pipeline.render_template_as_native_obj is True
    assert pipeline.default_args["pool"] == "everyday"
    assert pipeline.default_args["max_retry_delay"] == timedelta(minutes=10)
    assert "schedule" not in pipeline.default_args


def test_values_are_located_in_the_file_that_they_come_from() -> None:
    folder = ROOT / "tests" / "cases" / "valid" / "inheritance" / "config"
    child = next(each for each in load_all(folder, env="prod").pipelines if each.dag_id == "child")

    places = {
        ("psi", "minor"): "config/environments/prod.yaml:5:16",
        ("psi", "moderate"): "config/templates/monitor.yaml:2:17",
        ("psi", "critical"): "config/pipelines/team/parent.yaml:6:17",
        ("retries",): "config/pipelines/child.yaml:3:10",
        ("retry_delay",): "config/environments/prod.yaml:4:16",
        ("schedule",): "config/environments/prod.yaml:8:15",
        ("tasks", "hello", "message"): "config/environments/prod.yaml:10:24",
        ("tasks", "hello", "level"): "config/pipelines/child.yaml:5:18",
        ("tasks", "hello"): "config/pipelines/child.yaml:5:10",
        ("tasks", "check", "operator"): "config/templates/monitor.yaml:5:21",
    }
    assert {path: child.locate(*path) for path in places} == places
    assert (child.owner, child.tags, child.description) == ("from-environment", ("from-parent",), "from the template")
