"""What is kept of good pipelines, and what comes of it when somebody else has been at it."""

import json
import shutil
from pathlib import Path

import pytest

from driftgate.config.load import Loaded, load_all
from driftgate.lastgood import FILE, LastGood

ROOT = Path(__file__).resolve().parents[1]
IDS = {"drift_monitoring", "model_retraining"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return tmp_path / "config"


def keep(config: Path, state: Path, existing: set[str] = IDS) -> Loaded:
    kept = LastGood.read(state)
    loaded = load_all(config, "", kept.known)
    kept.keep(loaded.pipelines, loaded.checked, config, existing)
    return loaded


def test_what_is_kept_comes_back_equal_without_the_files(config: Path, tmp_path: Path) -> None:
    loaded = keep(config, tmp_path / "state")
    shutil.rmtree(config)
    kept = LastGood.read(tmp_path / "state")
    assert tuple(kept.recall(pipeline.dag_id) for pipeline in loaded.pipelines) == loaded.pipelines
    assert kept.recall("never_was") is None


def test_a_kept_pipeline_still_tells_where_its_values_stood(config: Path, tmp_path: Path) -> None:
    keep(config, tmp_path / "state")
    shutil.rmtree(config)
    recalled = LastGood.read(tmp_path / "state").recall("drift_monitoring")
    assert recalled
    assert recalled.locate("psi", "critical").startswith("config/pipelines/drift_monitoring.yaml:")


def test_keeping_the_same_again_writes_nothing(config: Path, tmp_path: Path) -> None:
    keep(config, tmp_path / "state")
    before = (tmp_path / "state" / FILE).stat()
    keep(config, tmp_path / "state")
    assert (tmp_path / "state" / FILE).stat().st_ino == before.st_ino
    assert [path.name for path in (tmp_path / "state").iterdir()] == [FILE]


def test_an_edit_replaces_the_text_and_forgets_the_old_one(config: Path, tmp_path: Path) -> None:
    keep(config, tmp_path / "state")
    path = config / "pipelines" / "model_retraining.yaml"
    path.write_text(path.read_text().replace("above: 0.95", "above: 0.96"))
    keep(config, tmp_path / "state")
    texts = json.loads((tmp_path / "state" / FILE).read_text())["texts"].values()
    assert sum("above: 0.96" in text for text in texts) == 1
    assert not any("above: 0.95" in text for text in texts)


def test_a_broken_pipeline_is_kept_and_a_deleted_one_is_not(config: Path, tmp_path: Path) -> None:
    keep(config, tmp_path / "state")
    (config / "pipelines" / "drift_monitoring.yaml").write_text("broken\n")
    keep(config, tmp_path / "state", existing={"drift_monitoring"})
    assert set(LastGood.read(tmp_path / "state").pipelines) == {"drift_monitoring"}


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"pipelines": []}', '{"pipelines": {"x": 1}, "texts": {}}', "\x00", '{"a": 1}']
)
def test_a_damaged_file_counts_as_none_and_is_replaced(config: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / FILE).write_text(content)
    keep(config, tmp_path / "state")
    assert set(LastGood.read(tmp_path / "state").pipelines) == IDS


def test_a_damaged_entry_costs_only_itself(config: Path, tmp_path: Path) -> None:
    keep(config, tmp_path / "state")
    file = tmp_path / "state" / FILE
    kept = json.loads(file.read_text())
    kept["pipelines"]["drift_monitoring"]["checked"] = {"key": 7}
    kept["texts"].clear()
    file.write_text(json.dumps(kept))
    assert LastGood.read(tmp_path / "state").recall("drift_monitoring") is None
    keep(config, tmp_path / "state")
    assert LastGood.read(tmp_path / "state").recall("drift_monitoring")


def test_a_damaged_record_of_a_check_is_found_out_anew(config: Path, tmp_path: Path) -> None:
    before = keep(config, tmp_path / "state")
    file = tmp_path / "state" / FILE
    kept = json.loads(file.read_text())
    kept["pipelines"]["drift_monitoring"]["checked"]["data"] = [1]
    file.write_text(json.dumps(kept))
    after = keep(config, tmp_path / "state")
    assert (after.pipelines, after.problems) == (before.pipelines, before.problems)


def test_nothing_is_written_outside_of_the_recalled_copy(config: Path, tmp_path: Path) -> None:
    keep(config, tmp_path / "state")
    file = tmp_path / "state" / FILE
    kept = json.loads(file.read_text())
    texts = kept["pipelines"]["drift_monitoring"]["texts"]
    texts[f"../../../../../../../../{tmp_path}/escaped.yaml"] = texts[str(tmp_path / "escaped.yaml")] = next(
        iter(texts.values())
    )
    file.write_text(json.dumps(kept))
    assert LastGood.read(tmp_path / "state").recall("drift_monitoring") is None
    assert not (tmp_path / "escaped.yaml").exists()


def test_two_configurations_keep_theirs_beside_each_other(config: Path, tmp_path: Path) -> None:
    keep(config, tmp_path / "state")
    other = tmp_path / "other" / "config" / "pipelines" / "hello.yaml"
    other.parent.mkdir(parents=True)
    other.write_text("dag_id: hello\nschedule: null\ntasks: {a: {operator: log_status, message: hi}}\n")
    keep(other.parents[1], tmp_path / "state", existing={"hello"})
    assert set(LastGood.read(tmp_path / "state").pipelines) == {*IDS, "hello"}


def test_another_user_may_read_what_is_kept(config: Path, tmp_path: Path) -> None:
    keep(config, tmp_path / "state")
    assert (tmp_path / "state" / FILE).stat().st_mode & 0o777 == 0o644


def test_a_disk_that_refuses_keeps_nothing_and_stops_nothing(config: Path, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    assert {pipeline.dag_id for pipeline in keep(config, tmp_path / "state").pipelines} == IDS
