"""The generator: what Airflow gets from the shipped files, and from broken ones."""

import runpy
import shutil
import subprocess
import sys
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from driftgate.lastgood import LastGood

ROOT = Path(__file__).resolve().parents[1]
CHAIN = [
    "check_data_freshness",
    "validate_data_quality",
    "train_model",
    "evaluate_model",
    "promote_to_production",
    "restart_api_service",
]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped configuration that a test may spoil."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    monkeypatch.setenv("DRIFTGATE_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("DRIFTGATE_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "config"


def edit(config: Path, dag_id: str, old: str, new: str) -> None:
    path = config / "pipelines" / f"{dag_id}.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def dags() -> dict[str, Any]:
    from airflow.sdk import DAG

    found = runpy.run_path(str(ROOT / "dags" / "generate.py"), run_name="generated")
    return {name: value for name, value in found.items() if isinstance(value, DAG)}


def script() -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "dags" / "generate.py")], capture_output=True, text=True, check=False
    )


def edges(dag: Any) -> set[tuple[str, str]]:
    return {(task.task_id, below) for task in dag.tasks for below in task.downstream_task_ids}


def test_airflow_loads_both_pipelines_without_an_import_error() -> None:
    from airflow.dag_processing.dagbag import BundleDagBag

    bag = BundleDagBag(dag_folder=ROOT / "dags", bundle_path=ROOT, bundle_name="driftgate")
    assert bag.import_errors == {}
    assert set(bag.dags) == {"model_retraining", "drift_monitoring"}


def test_model_retraining_is_the_chain_of_its_file(config: Path) -> None:
    dag = dags()["model_retraining"]
    assert dag.schedule == "@weekly"
    assert dag.tags == {"training", "production"}
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    assert edges(dag) == set(pairwise(CHAIN))
    train = dag.get_task("train_model")
    assert (train.owner, train.retries, train.retry_delay) == ("ml-platform", 2, timedelta(seconds=30))
    assert train.execution_timeout == timedelta(hours=1)


def test_drift_monitoring_branches_by_its_routes(config: Path) -> None:
    dag = dags()["drift_monitoring"]
    assert dag.schedule == "@hourly"
    actions = ["log_no_drift", "log_minor_drift", "send_alert", "trigger_retraining"]
    assert edges(dag) == {("check_drift", "decide_action"), *(("decide_action", action) for action in actions)}


def test_an_edited_schedule_threshold_gate_and_graph_change_the_dag(config: Path) -> None:
    edit(config, "model_retraining", '"@weekly"', '"0 6 * * mon"')
    edit(config, "model_retraining", "above: 0.95", "above: 0.97")
    edit(config, "drift_monitoring", "critical: 0.25", "critical: 0.4")
    edit(config, "drift_monitoring", "minor: log_minor_drift", "minor: log_no_drift")
    edit(config, "drift_monitoring", "  log_minor_drift:\n", "  log_also:\n    depends_on: [log_no_drift]\n")
    built = dags()
    assert built["model_retraining"].schedule == "0 6 * * mon"
    assert built["model_retraining"].get_task("evaluate_model").gates["roc_auc"]["above"] == 0.97
    assert built["drift_monitoring"].get_task("check_drift").psi["critical"] == 0.4
    assert "log_also" in built["drift_monitoring"].task_dict
    assert "| critical | above 0.4 |" in built["drift_monitoring"].doc_md


def test_building_twice_gives_the_same_serialized_dag(config: Path) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    first, second = ({name: DagSerialization.to_dict(dag) for name, dag in dags().items()} for _ in range(2))
    assert first == second


def test_comments_and_blank_lines_make_no_new_dag_version(config: Path) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    before = DagSerialization.to_dict(dags()["model_retraining"])
    edit(config, "model_retraining", "gates:", "\n# a remark that moves every line below\n\ngates:")
    assert DagSerialization.to_dict(dags()["model_retraining"]) == before


def test_a_file_that_never_was_good_leaves_the_others_and_is_shown_with_its_line(config: Path) -> None:
    from driftgate.errors import InvalidPipelines

    edit(config, "model_retraining", "schedule:", "schedul:")
    assert set(dags()) == {"drift_monitoring"}
    with pytest.raises(InvalidPipelines) as caught:
        runpy.run_path(str(ROOT / "dags" / "invalid_pipelines.py"), run_name="generated")
    assert "config/pipelines/model_retraining.yaml:4:1: error[unknown-key]" in str(caught.value)
    assert "drift_monitoring.yaml" not in str(caught.value)


def test_airflow_shows_the_problems_and_none_of_our_frames(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.dag_processing.dagbag import BundleDagBag

    monkeypatch.setenv("AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACKS", "False")  # as the demo sets it
    edit(config, "model_retraining", "schedule:", "schedul:")
    bag = BundleDagBag(dag_folder=ROOT / "dags", bundle_path=ROOT, bundle_name="driftgate")
    assert set(bag.dags) == {"drift_monitoring"}
    (error,) = bag.import_errors.values()
    assert "did you mean" in error
    assert "Traceback" not in error
    assert "File " not in error


def test_without_problems_invalid_pipelines_is_silent(config: Path) -> None:
    runpy.run_path(str(ROOT / "dags" / "invalid_pipelines.py"), run_name="generated")


def test_a_starting_task_opens_only_its_own_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from driftgate.config import source

    opened = []
    read = source.raw
    monkeypatch.setattr(source, "raw", lambda path: opened.append(path.name) or read(path))
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "model_retraining")  # as Airflow's task runner does
    assert set(dags()) == {"model_retraining"}
    assert sorted(opened) == ["defaults.yaml", "model_retraining.yaml"]


def test_as_a_script_it_lists_pipelines_schedules_and_tasks() -> None:
    done = script()
    assert done.returncode == 0, done.stderr
    assert "drift_monitoring  (config/pipelines/drift_monitoring.yaml, schedule @hourly)" in done.stdout
    assert "  evaluate_model  after train_model\n" in done.stdout
    assert done.stderr == ""


def test_as_a_script_it_fails_on_a_problem_and_shows_it(config: Path) -> None:
    edit(config, "drift_monitoring", "moderate: 0.15", "moderate: 0.3")
    done = script()
    assert done.returncode == 1
    assert "model_retraining  (" in done.stdout
    assert "config/pipelines/drift_monitoring.yaml:9:13: error[bands-order]" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_generator_stays_short() -> None:
    assert len((ROOT / "dags" / "generate.py").read_text().splitlines()) <= 60


def test_a_broken_file_keeps_its_dag_as_it_was_last_good_and_says_so(config: Path) -> None:
    good = dags()["model_retraining"]
    edit(config, "model_retraining", "above: 0.95", "above: 9.5")
    kept = dags()["model_retraining"]
    assert kept.task_ids == good.task_ids
    assert kept.get_task("evaluate_model").gates["roc_auc"]["above"] == 0.95
    assert "outdated-config" in kept.tags
    assert kept.doc_md.startswith("**Outdated configuration.** The file is broken since ")
    assert "`config/pipelines/model_retraining.yaml:29:20`" in kept.doc_md
    edit(config, "model_retraining", "above: 9.5", "above: 0.97")
    mended = dags()["model_retraining"]
    assert "outdated-config" not in mended.tags
    assert mended.get_task("evaluate_model").gates["roc_auc"]["above"] == 0.97


def test_a_starting_task_of_a_broken_pipeline_finds_its_dag(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dags()
    edit(config, "model_retraining", "tasks:", "taks:")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "model_retraining")
    assert "train_model" in dags()["model_retraining"].task_ids


def test_broken_defaults_stop_no_pipeline(config: Path) -> None:
    dags()
    path = config / "defaults.yaml"
    path.write_text(path.read_text().replace("retries: 2", "retrys: 2"))
    assert set(dags()) == {"model_retraining", "drift_monitoring"}


def test_parsing_a_broken_file_twice_gives_the_same_dag(config: Path) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    dags()
    edit(config, "model_retraining", "above: 0.95", "above: 9.5")
    first, second = (DagSerialization.to_dict(dags()["model_retraining"]) for _ in range(2))
    assert first == second


def test_a_deleted_file_takes_its_pipeline_away(config: Path, tmp_path: Path) -> None:
    dags()
    (config / "pipelines" / "model_retraining.yaml").unlink()
    assert set(dags()) == {"drift_monitoring"}  # which names a pipeline that is gone, and runs on all the same
    assert "model_retraining" not in LastGood.read(tmp_path / "state").pipelines


def test_without_a_state_folder_a_broken_file_takes_only_its_own_pipeline(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DRIFTGATE_STATE_DIR", str(tmp_path / "file" / "below"))
    assert set(dags()) == {"model_retraining", "drift_monitoring"}
    edit(config, "model_retraining", "tasks:", "taks:")
    assert set(dags()) == {"drift_monitoring"}


def test_a_parameter_that_the_operators_class_does_not_have_is_shown_at_its_line(config: Path) -> None:
    from driftgate.publish import problems_of

    (config / "pipelines" / "shell.yaml").write_text(
        "dag_id: shell\nschedule: null\ntasks:\n  hello:\n"
        "    operator: airflow.providers.standard.operators.bash.BashOperator\n"
        "    bash_comand: echo hello\n"
    )
    problems = {(p.line, p.column, p.code): p for p in problems_of(config)}
    assert set(problems) == {(6, 5, "unknown-parameter")}
    assert problems[6, 5, "unknown-parameter"].hint == "did you mean 'bash_command'?"
    assert set(dags()) == {"model_retraining", "drift_monitoring"}


def test_a_pipeline_that_airflow_itself_refuses_takes_no_other_down(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from driftgate import publish

    build = publish.build_dag

    def refuse(pipeline: Any) -> Any:
        if pipeline.dag_id == "model_retraining":
            raise RuntimeError("an Airflow of another day")
        return build(pipeline)

    dags()  # the last good configuration is kept, and will not build either
    monkeypatch.setattr(publish, "build_dag", refuse)
    assert set(publish.publish(config).dags) == {"drift_monitoring"}
    assert publish.publish_one("model_retraining", config).dags == {}
    (problem,) = publish.publish(config).problems
    assert (problem.line, problem.column, problem.code) == (2, 9, "cannot-build")
    assert problem.message == "Airflow cannot build this pipeline: an Airflow of another day"


def test_a_bug_in_a_check_takes_no_other_pipeline_down(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from driftgate.config import load
    from driftgate.publish import publish

    check = load.check

    def fail(draft: Any) -> Any:
        if draft.section("gates").get("roc_auc") == {"above": 0.96}:
            raise TypeError("unhashable type: 'list'")
        return check(draft)

    dags()
    edit(config, "model_retraining", "above: 0.95", "above: 0.96")
    monkeypatch.setattr(load, "check", fail)
    published = publish(config)
    assert "outdated-config" in published.dags["model_retraining"].tags
    (problem,) = (problem for problem in published.problems if problem.code == "bug")
    assert problem.file == "config/pipelines/model_retraining.yaml"
    assert problem.message == "Driftgate itself fails on this file: TypeError: unhashable type: 'list'"


def test_a_lost_folder_is_told_and_stops_no_pipeline(config: Path) -> None:
    from driftgate.publish import problems_of

    dags()
    (config / "pipelines").rename(config / "pipeline")
    assert set(dags()) == {"model_retraining", "drift_monitoring"}
    assert [problem.code for problem in problems_of(config)] == ["no-pipelines"]
    (config / "pipeline").rename(config / "pipelines")
    assert "outdated-config" not in dags()["model_retraining"].tags


VALID = sorted((ROOT / "tests" / "cases" / "valid").glob("*.yaml"))


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_what_is_valid_also_builds(path: Path) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    from driftgate.build import build_dag
    from driftgate.config.load import load_pipeline

    dag = build_dag(load_pipeline(path, ROOT / "config"))
    DagSerialization.to_dict(dag)


def test_the_code_tab_shows_the_pipelines_file(config: Path) -> None:
    from driftgate.airflow_policy import dag_policy

    dag = dags()["model_retraining"]
    dag_policy(dag)
    assert Path(dag.fileloc).read_text().startswith("# yaml-language-server")
