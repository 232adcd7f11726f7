"""``driftgate plan``: on a copy of the shipped configuration in a git repository, edits of many kinds."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run

ROOT = Path(__file__).parents[2]
MONITOR, RETRAIN = "pipelines/drift_monitoring.yaml", "pipelines/model_retraining.yaml"
DEFAULTS, PROD = "defaults.yaml", "environments/prod.yaml"
NOW = "2026-03-27T12:00"
SMALL = "dag_id: {name}\nschedule: null\ntasks:\n  hello: {{operator: log_status, message: hi}}\n"


class Repository:
    """A git repository with a configuration, on a branch of its own."""

    def __init__(self, top: Path) -> None:
        self.top, self.config = top, top / "config"

    def git(self, *words: str) -> str:
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", *identity, *words], cwd=self.top, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, message: str = "Edit") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def edit(self, file: str, old: str, new: str) -> None:
        text = (self.config / file).read_text(encoding="utf-8")
        assert text.count(old) >= 1, old
        (self.config / file).write_text(text.replace(old, new), encoding="utf-8")

    def write(self, file: str, text: str) -> None:
        path = self.config / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(name=path.stem) if text == SMALL else text, encoding="utf-8")


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every test has a copy of: the shipped configuration, committed."""
    found = Repository(tmp_path_factory.mktemp("begun"))
    shutil.copytree(ROOT / "config", found.config)
    found.git("init", "--quiet", "--initial-branch", "main")
    found.commit("Begin")
    found.git("checkout", "--quiet", "-b", "work")
    return found.top


@pytest.fixture
def repository(begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    found = Repository(tmp_path / "repository")
    shutil.copytree(begun, found.top)
    monkeypatch.chdir(found.top)
    return found


@pytest.fixture
def plan(run: Run) -> Callable[..., dict[str, Any]]:
    """The plan as data, whatever the exit code."""

    def plan(*words: str) -> dict[str, Any]:
        result = run("plan", "--format", "json", "--now", NOW, *words)
        assert result.err == ""
        return dict(json.loads(result.out))

    return plan


Plan = Callable[..., dict[str, Any]]


def told(data: dict[str, Any], environment: str | None = None) -> list[str]:
    """Everything that the plan names in one environment: what happens to pipelines, then their changes."""
    (part,) = (part for part in data["environments"] if part["environment"] == environment)
    lines = []
    for pipeline in part["pipelines"]:
        if pipeline["kind"] != "changed":
            lines.append(
                f"{pipeline['kind']} {pipeline['dag_id']}" + (f" was {pipeline['former']}" * bool(pipeline["former"]))
            )
        for change in pipeline["changes"]:
            mark = f" {change['mark']}" if change["mark"] else ""
            lines.append(f"{change['kind']} {pipeline['dag_id']}:{change['path']}{mark}")
    return lines


D, M = "drift_monitoring", "model_retraining"
# file, what stands there, what an editor writes instead → what the plan names, all of it
EDITS: dict[str, tuple[str, str, str, list[str]]] = {
    "description": (MONITOR, "every hour and", "hourly and", [f"changed {D}:description"]),
    "schedule": (MONITOR, '"@hourly"', '"0 */2 * * *"', [f"changed {D}:schedule"]),
    "schedule-off": (RETRAIN, '"@weekly"', "null", [f"changed {M}:schedule"]),
    "schedule-asset": (RETRAIN, '"@weekly"', "{asset: s3://b/t.parquet}", [f"changed {M}:schedule"]),
    "tag": (MONITOR, "[monitoring, drift]", "[monitoring, drift, team-a]", [f"changed {D}:tags"]),
    "band-up": (MONITOR, "0.25", "0.30", [f"changed {D}:psi.critical loosened"]),
    "band-down": (MONITOR, "minor: 0.10", "minor: 0.05", [f"changed {D}:psi.minor tightened"]),
    "samples": (MONITOR, "500", "900", [f"changed {D}:psi.min_samples loosened"]),
    "aggregate": (MONITOR, "aggregate: max ", "aggregate: mean ", [f"changed {D}:psi.aggregate loosened"]),
    "cooldown": (MONITOR, "6h", "3h", [f"changed {D}:tasks.trigger_retraining.guard.cooldown loosened"]),
    "cooldown-gone": (MONITOR, "    guard: {cooldown: 6h} ", "    # ", []),  # six hours are the default
    "route": (
        MONITOR, "unknown: send_alert", "unknown: log_no_drift",
        [f"changed {D}:tasks.decide_action.routes.unknown loosened"],
    ),
    "message": (MONITOR, '"No drift: PSI', '"Calm: PSI', [f"changed {D}:tasks.log_no_drift.message"]),
    "level": (MONITOR, "level: warning", "level: error", [f"changed {D}:tasks.log_minor_drift.level"]),
    "window": (
        MONITOR, "    connection: model_api ", "    window: 24h\n    connection: model_api ",
        [f"added {D}:tasks.check_drift.window"],
    ),
    "renamed-task": (
        MONITOR, "log_minor_drift", "log_small_drift",
        [f"renamed {D}:tasks.log_small_drift"],
    ),
    "own-retries": (
        MONITOR, "    operator: check_drift\n", "    operator: check_drift\n    retries: 5\n",
        [f"changed {D}:tasks.check_drift.retries"],
    ),
    "own-retries-the-same": (
        MONITOR, "    operator: check_drift\n", "    operator: check_drift\n    retries: 2\n", [],
    ),
    "operator": (
        MONITOR, "operator: send_alert\n    channels: [ops_email]\n"
        "    subject: \"{{ dag.dag_id }}: drift is {{ drift.severity }}\"",
        "operator: log_status", [f"changed {D}:tasks.send_alert.operator loosened",
                                f"removed {D}:tasks.send_alert.channels", f"removed {D}:tasks.send_alert.subject"],
    ),
    "retrains-no-more": (
        MONITOR, "operator: trigger_retraining\n    pipeline: model_retraining\n    guard: {cooldown: 6h} ",
        "operator: log_status\n    message: hi  ",
        [f"changed {D}:tasks.trigger_retraining.operator loosened", f"added {D}:tasks.trigger_retraining.message",
         f"removed {D}:tasks.trigger_retraining.pipeline", f"removed {D}:tasks.trigger_retraining.guard"],
    ),
    "age": (RETRAIN, "8d", "2w", [f"changed {M}:dataset.max_age loosened"]),
    "age-gone": (RETRAIN, "  max_age: 8d", "  # ", [f"removed {M}:dataset.max_age loosened"]),
    "age-in-hours": (RETRAIN, "8d", "192h", []),
    "rows": (RETRAIN, "400\n  max", "500\n  max", [f"changed {M}:quality.min_rows tightened"]),
    "missing": (RETRAIN, "0.05", "0.10", [f"changed {M}:quality.max_missing_share loosened"]),
    "allowed": (RETRAIN, "allowed: [0, 1]", "allowed: [0, 1, 2]",
        [f"changed {M}:quality.columns.target.allowed loosened"],
   ),
    "allowed-swapped": (RETRAIN, "allowed: [0, 1]", "allowed: [1, 0]", []),
    "range": (RETRAIN, "max: 10000", "max: 5000", [f"changed {M}:quality.columns.mean area.max tightened"]),
    "column": (
        RETRAIN, "    mean radius:", "    mean smoothness: {type: number}\n    mean radius:",
        [f"added {M}:quality.columns.mean smoothness tightened"],
    ),
    "column-gone": (
        RETRAIN, "    mean area: {type: number, min: 0, max: 10000}\n", "",
        [f"removed {M}:quality.columns.mean area loosened"],
    ),
    "gate": (RETRAIN, "0.95", "0.90", [f"changed {M}:gates.roc_auc loosened"]),
    "gate-kind": (RETRAIN, "above: 0.95", "at_least: 0.95", [f"changed {M}:gates.roc_auc loosened"]),
    "gate-mixed": (RETRAIN, "above: 0.95", "above: 0.94, require: lower_bound",
        [f"changed {M}:gates.roc_auc loosened"]),
    "feature-looser": (MONITOR, "  critical: 0.25\n", "  critical: 0.25\n  features: {mean area: {critical: 5}}\n",
        [f"added {D}:psi.features.mean area loosened"]),
    "feature-sooner": (MONITOR, "  critical: 0.25\n", "  critical: 0.25\n  features: {mean area: {minor: 0.05}}\n",
        [f"added {D}:psi.features.mean area tightened"]),
    "feature-the-same": (MONITOR, "  critical: 0.25\n", "  critical: 0.25\n  features: {mean area: {critical: 0.25}}\n",
        []),
    "share-unused": (MONITOR, "aggregate: max ", "share: 0.25\n  aggregate: max ", [f"changed {D}:psi.share"]),
    "aggregate-share": (MONITOR, "aggregate: max ", "aggregate: share ", [f"changed {D}:psi.aggregate loosened"]),
    "refused-to-nobody": (MONITOR, "\npsi:", "alerts: {on_refused: []}\npsi:",
        [f"added {D}:alerts.on_refused loosened"]),
    "refused-the-same": (MONITOR, "\npsi:", "alerts: {on_refused: [ops_email]}\npsi:", []),
    "refused-by-a-task": (MONITOR, "    pipeline: model_", "    alerts: {on_refused: []}\n    pipeline: model_",
        [f"changed {D}:tasks.trigger_retraining.alerts.on_refused loosened"]),
    "missing-as-for-all": (RETRAIN, "{type: number, min: 0, max: 10000}",
        "{type: number, min: 0, max: 10000, max_missing_share: 0.05}", []),
    "into-a-group": (
        RETRAIN, "  check_data_freshness:\n    operator: check_data_freshness\n  validate_data_quality:\n"
        "    operator: validate_data_quality\n    depends_on: [check_data_freshness]\n",
        "  first:\n    tasks:\n      check_data_freshness:\n        operator: check_data_freshness\n"
        "  validate_data_quality:\n    operator: validate_data_quality\n    depends_on: [first]\n",
        [f"added {M}:tasks.first", f"renamed {M}:tasks.first.tasks.check_data_freshness"],
    ),
    "gate-more": (RETRAIN, "{above: 0.95}", "{above: 0.95}\n  recall: {above: 0.9}",
        [f"added {M}:gates.recall tightened"],
   ),
    "estimator": (RETRAIN, "RandomForest", "ExtraTrees", [f"changed {M}:model.estimator"]),
    "estimator-param": (RETRAIN, "n_estimators: 300", "n_estimators: 500", [f"changed {M}:model.params.n_estimators"]),
    "estimator-param-more": (RETRAIN, "random_state: 7", "random_state: 7, max_depth: 5",
        [f"added {M}:model.params.max_depth"],
   ),
    "test-size-default": (RETRAIN, "  test_size: 0.2\n", "", []),
    "timeout": (RETRAIN, "60s", "2m", [f"changed {M}:tasks.restart_api_service.timeout"]),
    "check-gone": (
        RETRAIN,
        "  validate_data_quality:\n    operator: validate_data_quality\n    depends_on: [check_data_freshness]\n"
        "  train_model:\n    operator: train_model\n    depends_on: [validate_data_quality]\n",
        "  train_model:\n    operator: train_model\n    depends_on: [check_data_freshness]\n",
        [f"rewired {M}:tasks.train_model.depends_on", f"removed {M}:tasks.validate_data_quality loosened"],
    ),
    "rewired": (
        RETRAIN, "operator: train_model\n    depends_on: [validate_data_quality]",
        "operator: train_model\n    depends_on: [check_data_freshness]",
        [f"rewired {M}:tasks.train_model.depends_on loosened"],
    ),
    "task": (
        RETRAIN, "  train_model:\n", "  say_so: {operator: log_status, message: hi}\n  train_model:\n",
        [f"added {M}:tasks.say_so"],
    ),
    "param": (RETRAIN, "dataset:", "params: {rows: 10}\n\ndataset:", [f"added {M}:params.rows"]),
    "default": (DEFAULTS, "retries: 2", "retries: 4", [f"changed {D}:retries", f"changed {M}:retries"]),
    "default-owner": (DEFAULTS, "ml-platform", "team-b", [f"changed {D}:owner", f"changed {M}:owner"]),
    "default-channel": (
        DEFAULTS, "[ml-ops@example.com]", "[ml-ops@example.com, b@example.com]",
        [f"changed {D}:alerts.channels.ops_email.to tightened", f"changed {M}:alerts.channels.ops_email.to tightened"],
    ),
    "alerts": (
        DEFAULTS, "on_failure: [ops_email]", "on_failure: []",
        [f"changed {D}:alerts.on_failure loosened", f"changed {M}:alerts.on_failure loosened"],
    ),
    "timezone": (DEFAULTS, "timezone: UTC", "timezone: Europe/Berlin",
        [f"changed {D}:timezone", f"changed {M}:timezone"]),
    "date-the-same": (DEFAULTS, '"2026-01-01"', '"2026-01-01T00:00"', []),
    "comment": (MONITOR, "# over the features", "# of all features", []),
    "number-the-same": (MONITOR, "minor: 0.10", "minor: 0.1", []),
    "block-style": (RETRAIN, "roc_auc: {above: 0.95}", "roc_auc:\n    above: 0.95", []),
    "quotes": (RETRAIN, "target: target", 'target: "target"', []),
    "preset-spelled-out": (RETRAIN, '"@weekly"', '"0 0 * * 0"', []),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_the_plan_names_the_edit_and_nothing_else(name: str, repository: Repository, plan: Plan) -> None:
    file, old, new, expected = EDITS[name]
    repository.edit(file, old, new)

    data = plan()

    assert told(data) == expected
    assert data["valid"]
    assert data["changed"] == bool(expected)


def test_all_edits_of_values_at_once_are_named_at_once(repository: Repository, plan: Plan) -> None:
    names = ("description", "tag", "band-up", "cooldown", "age", "rows", "gate", "timeout", "default")
    for name in names:
        repository.edit(*EDITS[name][:3])

    assert sorted(told(plan())) == sorted(line for name in names for line in EDITS[name][3])


def test_nothing_changes(repository: Repository, run: Run) -> None:
    code, out, err = run("plan")

    assert (code, err) == (0, "")
    assert re.fullmatch(
        r"config compared with the merge base with main \([0-9a-f]{7} Begin\)\n\n"
        r"Nothing changes: every pipeline in the working tree runs as before\.\n",
        out,
    )


def test_what_is_only_written_differently_is_said_to_be(repository: Repository, run: Run) -> None:
    repository.edit(RETRAIN, "8d", "192h")
    out = run("plan").out

    assert "Nothing changes" in out
    assert "dataset.max_age: 8d → 192h  (config/pipelines/model_retraining.yaml:10)" in out


def test_pipelines_come_and_go_even_unknown_to_git(repository: Repository, plan: Plan, run: Run) -> None:
    repository.write("pipelines/team/hello.yaml", SMALL)
    (repository.config / MONITOR).unlink()

    assert told(plan()) == ["removed drift_monitoring", "added hello"]
    assert run("plan", "--fail-on", "removed").code == 1
    assert run("plan", "--fail-on", "loosened").code == 1  # nobody watches for drift any more


def test_a_renamed_pipeline_is_recognised(repository: Repository, plan: Plan) -> None:
    (repository.config / RETRAIN).rename(repository.config / "pipelines" / "churn.yaml")
    repository.edit("pipelines/churn.yaml", "dag_id: model_retraining", "dag_id: churn")
    repository.edit(MONITOR, "pipeline: model_retraining", "pipeline: churn")

    data = plan()

    assert told(data) == ["renamed churn was model_retraining", f"changed {D}:tasks.trigger_retraining.pipeline"]
    assert any(
        "history stay with model_retraining" in line for line in data["environments"][0]["pipelines"][0]["consequences"]
    )


def test_a_renamed_pipeline_with_an_edit_names_both(repository: Repository, plan: Plan) -> None:
    (repository.config / RETRAIN).rename(repository.config / "pipelines" / "churn.yaml")
    repository.edit("pipelines/churn.yaml", "dag_id: model_retraining", "dag_id: churn")
    repository.edit("pipelines/churn.yaml", "0.95", "0.9")
    repository.edit(MONITOR, "pipeline: model_retraining", "pipeline: churn")

    assert told(plan())[:2] == ["renamed churn was model_retraining", "changed churn:gates.roc_auc loosened"]


def test_a_file_in_another_folder_is_the_same_pipeline(repository: Repository, plan: Plan) -> None:
    (repository.config / "pipelines" / "team").mkdir()
    (repository.config / RETRAIN).rename(repository.config / "pipelines" / "team" / "model_retraining.yaml")

    data = plan()

    assert told(data) == []
    assert data["environments"][0]["rewritten"][0]["after"] == "config/pipelines/team/model_retraining.yaml"


def test_a_template_shows_every_pipeline_it_touches(repository: Repository, plan: Plan) -> None:
    repository.write("templates/base.yaml", "schedule: null\ntasks:\n  hello: {operator: log_status, message: hi}\n")
    for name in ("one", "two"):
        repository.write(f"pipelines/{name}.yaml", f"dag_id: {name}\nextends: ../templates/base.yaml\n")
    repository.write("pipelines/three.yaml", "dag_id: three\nextends: one\nschedule: '@daily'\n")
    repository.commit()
    repository.edit("templates/base.yaml", "message: hi", "message: ho")

    data = plan("--base", "HEAD")

    assert told(data) == [f"changed {name}:tasks.hello.message" for name in ("one", "three", "two")]
    places = {change["place"] for pipeline in data["environments"][0]["pipelines"] for change in pipeline["changes"]}
    assert places == {"config/templates/base.yaml:3"}


def test_a_value_that_a_pipeline_has_itself_hides_the_default(repository: Repository, plan: Plan) -> None:
    repository.edit(MONITOR, "psi:  ", "retries: 7\npsi:  ")
    repository.commit()
    repository.edit(DEFAULTS, "retries: 2", "retries: 4")

    assert told(plan("--base", "HEAD")) == [f"changed {M}:retries"]


def test_values_moved_to_where_they_are_inherited_from_change_nothing(repository: Repository, plan: Plan) -> None:
    repository.edit(DEFAULTS, "owner: ml-platform\n", "")
    for file in (MONITOR, RETRAIN):
        repository.edit(file, "tags:", "owner: ml-platform\ntags:")

    assert told(plan()) == []


def test_an_environment_is_looked_at_unasked(repository: Repository, plan: Plan, run: Run) -> None:
    repository.write(PROD, "defaults: {retries: 5}\npipelines:\n  drift_monitoring: {schedule: '@daily'}\n")
    repository.commit()
    repository.edit(PROD, "@daily", "@weekly")
    repository.edit(DEFAULTS, "retries: 2", "retries: 3")
    repository.edit(RETRAIN, "0.95", "0.97")

    data, out = plan("--base", "HEAD"), run("plan", "--base", "HEAD").out

    gate = f"changed {M}:gates.roc_auc tightened"
    assert told(data) == [f"changed {D}:retries", f"changed {M}:retries", gate]
    assert told(data, "prod") == [f"changed {D}:schedule", gate]
    assert told(plan("--base", "HEAD", "--env", "prod"), "prod") == [f"changed {D}:schedule", gate]
    _, _, prod = out.partition("In the environment prod, besides:")
    assert '~ schedule: "@daily" → "@weekly"  (config/environments/prod.yaml:3)' in prod
    assert "  not here:\n    drift_monitoring: retries: 2 → 3\n    model_retraining: retries: 2 → 3\n" in prod
    assert "gates.roc_auc" not in prod
    assert data["tightened"] == 1


def test_environments_come_and_go(repository: Repository, plan: Plan, run: Run) -> None:
    repository.write(PROD, "pipelines:\n  drift_monitoring: {schedule: '@daily'}\n")
    added = plan()

    assert told(added) == []
    assert [(part["environment"], part["status"]) for part in added["environments"]] == [
        (None, "kept"),
        ("prod", "added"),
    ]
    assert told(added, "prod") == [f"changed {D}:schedule"]
    repository.commit()
    (repository.config / PROD).unlink()
    assert "In the environment prod, which is removed" in run("plan", "--base", "HEAD").out
    assert run("plan", "--base", "HEAD", "--fail-on", "removed").code == 1


def test_an_invalid_file_is_told_and_the_others_are_compared(repository: Repository, plan: Plan, run: Run) -> None:
    repository.edit(MONITOR, "minor: 0.10", "minor: 0.5")
    repository.edit(RETRAIN, "0.95", "0.90")

    code, out, _ = run("plan")

    assert code == 1
    assert "config/pipelines/drift_monitoring.yaml:8:10: error[bands-order]" in out
    assert "! drift_monitoring: has errors" in out
    assert "gates.roc_auc: {above: 0.95} → {above: 0.9} — loosened" in out
    assert told(plan()) == ["broken drift_monitoring", f"changed {M}:gates.roc_auc loosened"]


def test_a_pipeline_that_was_invalid_before_is_not_compared(repository: Repository, plan: Plan, run: Run) -> None:
    repository.edit(MONITOR, "minor: 0.10", "minor: 0.5")
    repository.commit()
    repository.edit(MONITOR, "minor: 0.5", "minor: 0.1")

    assert told(plan("--base", "HEAD")) == ["repaired drift_monitoring"]
    assert run("plan", "--base", "HEAD").code == 0


def test_on_the_main_branch_uncommitted_edits_show(repository: Repository, plan: Plan) -> None:
    repository.edit(MONITOR, "0.25", "0.30")
    repository.commit()
    repository.git("checkout", "--quiet", "-B", "main")
    repository.edit(RETRAIN, "0.95", "0.97")

    data = plan()

    assert data["base"]["ref"] == "HEAD"
    assert told(data) == [f"changed {M}:gates.roc_auc tightened"]


def test_what_others_merged_meanwhile_does_not_show(repository: Repository, plan: Plan) -> None:
    repository.edit(MONITOR, "0.25", "0.30")
    repository.commit()
    repository.git("checkout", "--quiet", "main")
    repository.edit(RETRAIN, "0.95", "0.97")
    repository.commit("Of somebody else")
    repository.git("checkout", "--quiet", "work")

    assert told(plan()) == [f"changed {D}:psi.critical loosened"]
    assert told(plan("--base", "main")) == [f"changed {D}:psi.critical loosened", f"changed {M}:gates.roc_auc loosened"]


def test_it_works_from_below_and_with_another_folder(
    repository: Repository, plan: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    expected = [f"changed {M}:gates.roc_auc tightened"]
    repository.edit(RETRAIN, "0.95", "0.97")
    monkeypatch.chdir(repository.config / "pipelines")
    assert told(plan()) == expected

    repository.edit(RETRAIN, "0.97", "0.95")
    repository.git("mv", "config", "ours")
    repository.config = repository.top / "ours"
    repository.commit()
    repository.edit(RETRAIN, "0.95", "0.97")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRIFTGATE_CONFIG_DIR", str(repository.config))
    monkeypatch.setenv("GIT_DIR", ".git")  # as in a hook
    assert told(plan("--base", "HEAD")) == expected


def test_nothing_of_the_checkout_is_touched(repository: Repository, plan: Plan) -> None:
    repository.edit(MONITOR, "0.25", "0.30")
    repository.write("pipelines/new.yaml", SMALL)
    before = repository.git("status", "--porcelain", "--ignored")
    files = {path: path.stat().st_mtime_ns for path in sorted(repository.top.rglob("*"))}

    plan()

    assert {path: path.stat().st_mtime_ns for path in sorted(repository.top.rglob("*"))} == files
    assert repository.git("status", "--porcelain", "--ignored") == before


def test_a_link_is_what_it_leads_to(repository: Repository, plan: Plan) -> None:
    shared = repository.top / "shared" / "hello.yaml"
    shared.parent.mkdir()
    shared.write_text(SMALL.format(name="hello"), encoding="utf-8")
    (repository.config / "pipelines" / "hello.yaml").symlink_to("../../shared/hello.yaml")
    repository.commit()
    shared.write_text(shared.read_text(encoding="utf-8").replace("hi", "ho"), encoding="utf-8")

    assert told(plan("--base", "HEAD")) == ["changed hello:tasks.hello.message"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--base", "nowhere"], "error: there is no commit 'nowhere' in "),
        (["--base", "--all"], "--base: expected one argument"),
        (["--base=-x"], "error: '-x' is no name of a commit"),
        (["--base", "empty"], "error: there is no config/ at empty ("),
        (["--env", "pord"], "there is no environment 'pord', neither before nor now; there are none yet"),
        (["--now", "soon"], "--now: 'soon' is no time; write it like 2026-01-31T06:00"),
        (["--format", "mark"], "--format: there is no 'mark'; did you mean 'markdown'?"),
        (["--fail-on", "loose"], "there is no 'loose'; did you mean 'loosened'?"),
    ],
)
def test_what_cannot_be_compared_is_a_clear_line(
    words: list[str], message: str, repository: Repository, run: Run
) -> None:
    tree = repository.git("hash-object", "-t", "tree", "-w", "/dev/null")
    repository.git("tag", "empty", repository.git("commit-tree", "-m", "Empty", tree))

    code, out, err = run("plan", *words)

    assert (code, out) == (2, "")
    assert message in err


def test_without_a_repository_it_says_so(good: Path, run: Run) -> None:
    code, out, err = run("plan")

    assert (code, out) == (2, "")
    assert "error: git rev-parse in " in err
    assert "not a git repository" in err


def test_without_a_main_branch_it_asks_for_one(repository: Repository, run: Run) -> None:
    repository.git("branch", "--quiet", "--move", "main", "trunk")

    code, _, err = run("plan")

    assert code == 2
    assert (
        "there is no main branch to compare with: origin/HEAD, origin/main, origin/master, main and master do not"
        in err
    )
    assert "name another commit with --base" in err
    assert run("plan", "--base", "trunk").code == 0


def test_a_shallow_clone_says_how_to_get_the_rest(
    repository: Repository, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit("Second")
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", "--depth", "1", f"file://{repository.top}", "--branch", "work", str(clone))
    monkeypatch.chdir(clone)

    code, out, err = run("plan", "--base", "main")

    assert (code, out) == (2, "")
    assert "this clone is shallow: git fetch --unshallow (in GitHub's checkout: fetch-depth: 0)" in err


def test_a_clone_compares_with_the_main_branch_of_its_origin(
    repository: Repository, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.git("checkout", "--quiet", "main")
    repository.git("clone", "--quiet", str(repository.top), str(tmp_path / "clone"))
    clone = Repository(tmp_path / "clone")
    clone.git("checkout", "--quiet", "-b", "feature")
    clone.edit(MONITOR, "0.25", "0.30")
    clone.commit()
    monkeypatch.chdir(clone.top)

    data = plan()

    assert (data["base"]["ref"], data["base"]["merge_base"]) == ("origin/main", True)
    assert told(data) == [f"changed {D}:psi.critical loosened"]


def test_fail_on_is_for_ci(repository: Repository, run: Run) -> None:
    assert run("plan", "--fail-on", "changed").code == 0
    repository.edit(MONITOR, "0.25", "0.20")
    assert run("plan", "--fail-on", "loosened").code == 0
    assert run("plan", "--fail-on", "loosened", "--fail-on", "changed").code == 1
    repository.edit(MONITOR, "0.20", "0.30")
    assert run("plan", "--fail-on", "loosened").code == 1


def test_next_runs_are_told_in_the_time_of_the_pipeline(repository: Repository, run: Run) -> None:
    repository.edit(RETRAIN, '"@weekly"', '"30 2 * * *"\ntimezone: Europe/Berlin')
    repository.commit()
    repository.edit(RETRAIN, "30 2 * * *", "0 6 * * 1-5")

    out = run("plan", "--base", "HEAD", "--now", NOW).out

    assert (
        # on the 29th of March 2026 the clocks skip the hour from two to three
        "    next runs before: Sat 2026-03-28 02:30 CET, Sun 2026-03-29 03:30 CEST, Mon 2026-03-30 02:30 CEST\n"
        "    next runs after:  Mon 2026-03-30 06:00 CEST, Tue 2026-03-31 06:00 CEST, Wed 2026-04-01 06:00 CEST\n"
    ) in out


def test_the_graph_is_shown_before_and_after(repository: Repository, run: Run) -> None:
    repository.edit(*EDITS["check-gone"][:3])
    text, markdown = run("plan").out, run("plan", "--format", "markdown").out

    assert "    graph before:\n      check_data_freshness\n      └─ validate_data_quality\n" in text
    assert "    graph after:\n      check_data_freshness\n      └─ train_model\n" in text
    assert "Past runs of validate_data_quality are kept" in text
    assert markdown.count("```mermaid\ngraph LR\n") == 2
    assert "    check_data_freshness --> train_model\n" in markdown


def test_pipelines_that_change_alike_share_a_paragraph(repository: Repository, run: Run) -> None:
    repository.edit(*EDITS["default"][:3])

    assert (
        "~ drift_monitoring, model_retraining: changed\n    ~ retries: 2 → 4  (config/defaults.yaml:7)\n"
        in run("plan").out
    )


def test_markdown_cannot_be_led_astray_by_what_people_write(repository: Repository, run: Run) -> None:
    repository.edit(MONITOR, "Checks the model API", "Checks `@team` <img src=x> | ``the`` model API")
    out = run("plan", "--format", "markdown").out
    (row,) = (line for line in out.splitlines() if line.startswith("| `description`"))

    assert re.split(r"(?<!\\)\|", row)[3].strip().startswith("```")
    assert len(re.split(r"(?<!\\)\|", row)) == 7


def test_defaults_of_the_language_belong_to_their_commit(
    repository: Repository, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "schemas", repository.top / "schemas")
    monkeypatch.setattr("driftgate.config.schemas._others", [repository.top / "schemas"])
    repository.commit()
    edited = repository.top / "schemas" / "operators" / "check_drift.schema.json"
    edited.write_text(edited.read_text(encoding="utf-8").replace('"/drift/status"', '"/v2/drift"'), encoding="utf-8")

    from driftgate.config import schemas

    schemas._forget()
    try:
        data = plan("--base", "HEAD")
    finally:
        monkeypatch.undo()
        schemas._forget()

    assert told(data) == [f"changed {D}:tasks.check_drift.endpoint"]
    assert data["environments"][0]["pipelines"][0]["changes"][0]["place"] == "default"


def test_groups_are_moved_and_renamed(repository: Repository, plan: Plan) -> None:
    grouped = (
        "dag_id: grouped\nschedule: null\ntasks:\n  first: {operator: log_status, message: a}\n  train:\n"
        "    depends_on: [first]\n    tasks:\n      fit: {operator: log_status, message: b}\n"
        "      check: {operator: log_status, message: c, depends_on: [fit]}\n"
        "  last: {operator: log_status, message: d, depends_on: [train]}\n"
    )
    repository.write("pipelines/grouped.yaml", grouped)
    repository.commit()
    repository.write("pipelines/grouped.yaml", grouped.replace("train", "learn"))

    assert told(plan("--base", "HEAD")) == [
        "renamed grouped:tasks.learn", "renamed grouped:tasks.learn.tasks.fit",
        "renamed grouped:tasks.learn.tasks.check"
    ]  # fmt: skip


ASSETS = """\
dag_id: assets
schedule: {any: [s3://b/a, s3://b/c]}
alerts: {on_retry: [ops_email]}
tasks:
  one: {operator: log_status, message: hi, alerts: {on_success: [ops_email], on_retry: []}}
  two: {operator: log_status, expand: {message: [a, b]}, depends_on: [one]}
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[s3://b/a, s3://b/c]", "[{asset: s3://b/c}, s3://b/a]", []),
        ("[s3://b/a, s3://b/c]", "[s3://b/a, s3://b/d]", ["changed assets:schedule"]),
        ("[a, b]", "[b, a]", ["changed assets:tasks.two.expand.message"]),
        (", on_retry: []", "", ["changed assets:tasks.one.alerts.on_retry tightened"]),
        ("on_success: [ops_email], ", "", ["changed assets:tasks.one.alerts.on_success loosened"]),
    ],
)
def test_order_counts_where_it_means_something_and_what_is_inherited_counts(
    old: str, new: str, expected: list[str], repository: Repository, plan: Plan
) -> None:
    repository.write("pipelines/assets.yaml", ASSETS)
    repository.commit()
    repository.edit("pipelines/assets.yaml", old, new)

    data = plan("--base", "HEAD")

    assert told(data) == expected
