"""What is known from before saves work and changes nothing else."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from driftgate.config import checked, source
from driftgate.config.checked import Checked
from driftgate.config.load import load_all

ROOT = Path(__file__).resolve().parents[2]

FILES = {
    "defaults.yaml": ["owner: ops\n", "owner: ops\nretries: 3\n", "retrys: 3\n", "", None],
    "environments/prod.yaml": ["", "defaults: {owner: prod}\n", "pipelines: {monitor: {retries: 7}}\n", "x: 1\n", None],
    "templates/base.yaml": ["psi: {minor: 0.1, moderate: 0.2, critical: 0.3}\n", "psi: {minor: 0.4}\n", "tags: [\n"],
    "pipelines/monitor.yaml": [
        "dag_id: monitor\nschedule: '@hourly'\nextends: ../templates/base.yaml\n"
        "tasks: {c: {operator: check_drift}, r: {operator: trigger_retraining, pipeline: train, depends_on: [c]}}\n",
        "dag_id: monitor\nschedule: null\ntasks: {a: {operator: log_status, message: hi}}\n",
        "dag_id: monitor\nschedule: never\n",
        None,
    ],
    "pipelines/child.yaml": ["dag_id: child\nextends: monitor\n", "dag_id: child\nextends: train\n", None],
    "pipelines/train.yaml": [
        "dag_id: train\nschedule: null\ntasks: {a: {operator: log_status, message: hi}}\n",
        "dag_id: train\nschedule: null\nparams: {d: {type: string}}\ntasks: {a: {operator: log_status, message: h}}\n",
        "dag_id: other\nschedule: null\ntasks: {a: {operator: log_status, message: hi}}\n",
        None,
    ],
    "pipelines/team/train.yaml": [
        None,
        "dag_id: train\nschedule: null\ntasks: {a: {operator: log_status, message: hi}}\n",
    ],
}
edits = st.sampled_from([(file, text) for file, texts in FILES.items() for text in texts])


def put(config: Path, file: str, text: str | None) -> None:
    path = config / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True) if text is None else path.write_text(text)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(edits, min_size=1, max_size=6), env=st.sampled_from(["", "prod"]))
def test_whatever_is_edited_the_outcome_is_that_of_checking_everything(
    tmp_path: Path, steps: list[tuple[str, str | None]], env: str
) -> None:
    shutil.rmtree(tmp_path / "config", ignore_errors=True)
    for file, texts in FILES.items():
        put(tmp_path / "config", file, texts[0])
    known = load_all(tmp_path / "config", env).checked
    for file, text in steps:
        put(tmp_path / "config", file, text)
        anew, again = load_all(tmp_path / "config", env), load_all(tmp_path / "config", env, known)
        assert (again.pipelines, again.problems, again.checked) == (anew.pipelines, anew.problems, anew.checked)
        known = again.checked


def test_an_unchanged_file_is_not_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_all(ROOT / "config", "")
    parsed = []
    parse = source.parse
    monkeypatch.setattr(source, "parse", lambda raw, file: parsed.append(file) or parse(raw, file))
    again = load_all(ROOT / "config", "", first.checked)
    assert again.pipelines == first.pipelines
    assert parsed == ["config/defaults.yaml"]
    assert again.pipelines[0].locate("tasks") == first.pipelines[0].locate("tasks")  # read now that somebody asks


def test_another_code_checks_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_all(ROOT / "config", "")
    monkeypatch.setattr(checked, "_code", lambda: "another")
    again = load_all(ROOT / "config", "", first.checked)
    assert all(again.checked[file].key != found.key for file, found in first.checked.items())


def test_what_is_known_survives_json() -> None:
    known = load_all(ROOT / "tests" / "cases" / "invalid" / "warning-cooldown" / "config", "").checked
    assert any(found.warnings for found in known.values())
    for found in known.values():
        assert Checked.from_json(json.loads(json.dumps(found.as_json()))) == found


def test_the_pipelines_share_nothing_with_what_is_known() -> None:
    known = load_all(ROOT / "config", "").checked
    before = json.dumps([found.as_json() for found in known.values()])
    for pipeline in load_all(ROOT / "config", "", known).pipelines:
        pipeline.sections.get("gates", {}).clear()
        for task in pipeline.tasks:
            task.parameters.clear()  # type: ignore[attr-defined]
    assert json.dumps([found.as_json() for found in known.values()]) == before
