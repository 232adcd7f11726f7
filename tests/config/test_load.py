from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from driftgate.config.load import config_dir, find_pipelines, load_all, load_one, load_pipeline
from driftgate.errors import ConfigError

ROOT = Path(__file__).parents[2]


def write(directory: Path, **files: str) -> Path:
    for name, text in files.items():
        path = directory / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return directory


def pipeline(name: str, extra: str = "") -> str:
    return f"dag_id: {name}\nschedule: null\n{extra}tasks: {{hello: {{operator: log_status, message: hi}}}}\n"


def test_the_configuration_is_the_one_of_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DRIFTGATE_CONFIG_DIR", raising=False)

    assert config_dir() == ROOT / "config"


def test_an_environment_variable_chooses_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DRIFTGATE_CONFIG_DIR", str(tmp_path))

    assert config_dir() == tmp_path


def test_pipelines_are_found_in_sub_folders_but_not_hidden_ones(tmp_path: Path) -> None:
    write(tmp_path, pipelines__b="", pipelines__team__a="", **{"pipelines__.hidden__c": "", "pipelines__.d": ""})
    (tmp_path / "pipelines" / "a.yml").touch()
    (tmp_path / "pipelines" / "notes.md").touch()

    names = [path.relative_to(tmp_path / "pipelines").as_posix() for path in find_pipelines(tmp_path)]

    assert names == ["a.yml", "b.yaml", "team/a.yaml"]


def test_a_folder_without_pipelines_has_none(tmp_path: Path) -> None:
    assert find_pipelines(tmp_path / "missing") == []
    assert load_all(tmp_path / "missing").pipelines == ()


def test_a_broken_file_does_not_affect_the_others(tmp_path: Path) -> None:
    write(tmp_path, pipelines__good=pipeline("good"), pipelines__bad="dag_id: [")

    loaded = load_all(tmp_path)

    assert [found.dag_id for found in loaded.pipelines] == ["good"]
    assert [problem.file for problem in loaded.problems] == [f"{tmp_path.name}/pipelines/bad.yaml"]


def test_every_problem_of_a_file_is_raised_at_once(tmp_path: Path) -> None:
    write(tmp_path, pipelines__x=pipeline("y", "retries: two\ntags: [a, a]\npsi: 1\n"))

    with pytest.raises(ConfigError) as raised:
        load_pipeline(tmp_path / "pipelines" / "x.yaml", tmp_path)

    codes = [problem.code for problem in raised.value.problems]
    assert codes == ["dag-id-not-file-name", "wrong-type", "repeated-item", "wrong-type"]


def test_a_problem_of_the_defaults_is_told_once_however_many_pipelines_have_it(tmp_path: Path) -> None:
    names = [f"p{number}" for number in range(5)]
    write(tmp_path, defaults="retries: two\n", **{f"pipelines__{name}": pipeline(name) for name in names})

    loaded = load_all(tmp_path)

    assert loaded.pipelines == ()
    assert [(problem.file, problem.line) for problem in loaded.problems] == [(f"{tmp_path.name}/defaults.yaml", 1)]


def test_a_problem_of_the_defaults_is_told_without_any_pipeline(tmp_path: Path) -> None:
    write(tmp_path, defaults="onwer: me\npsi: {minor: 0.1}\n")

    assert [problem.code for problem in load_all(tmp_path).problems] == ["unknown-key"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_empty_defaults_are_no_problem(tmp_path: Path, text: str) -> None:
    write(tmp_path, defaults=text, pipelines__x=pipeline("x"))

    assert load_all(tmp_path).problems == ()


def test_a_value_of_the_pipeline_replaces_the_default(tmp_path: Path) -> None:
    defaults = "tags: [a, b]\nowner: one\npsi: {minor: 0.1, moderate: 0.2, critical: 0.3}\n"
    write(tmp_path, defaults=defaults, pipelines__x=pipeline("x", "tags: [c]\npsi: {critical: 0.5}\n"))

    [found] = load_all(tmp_path).pipelines

    assert (found.tags, found.owner) == (("c",), "one")
    assert [found.sections["psi"][band] for band in ("minor", "moderate", "critical")] == [0.1, 0.2, 0.5]


def test_a_dag_id_in_two_folders_yields_neither_pipeline(tmp_path: Path) -> None:
    write(tmp_path, pipelines__x=pipeline("x"), pipelines__team__x=pipeline("x"), pipelines__y=pipeline("y"))

    loaded = load_all(tmp_path)

    assert [found.dag_id for found in loaded.pipelines] == ["y"]
    assert [problem.code for problem in loaded.problems] == ["duplicate-dag-id"] * 2


def test_one_pipeline_loads_alone(tmp_path: Path) -> None:
    write(tmp_path, pipelines__x=pipeline("x"), pipelines__team__y=pipeline("y"), pipelines__bad="[")

    loaded = load_one("y", tmp_path)

    assert [found.file for found in loaded.pipelines] == [f"{tmp_path.name}/pipelines/team/y.yaml"]
    assert loaded.problems == ()
    assert load_one("missing", tmp_path).pipelines == ()


def test_one_pipeline_in_two_files_is_neither(tmp_path: Path) -> None:
    write(tmp_path, pipelines__x=pipeline("x"), pipelines__team__x=pipeline("x"))

    assert load_one("x", tmp_path).pipelines == ()
    assert [problem.code for problem in load_one("x", tmp_path).problems] == ["duplicate-dag-id"] * 2


def test_a_dangling_link_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path, pipelines__x=pipeline("x"))
    (tmp_path / "pipelines" / "y.yaml").symlink_to(tmp_path / "missing.yaml")

    loaded = load_all(tmp_path)

    assert len(loaded.pipelines) == 1
    assert [problem.code for problem in loaded.problems] == ["unreadable-file"]


def test_loading_imports_no_heavy_library() -> None:
    program = (
        "import sys; from driftgate.config.load import load_all, config_dir; load_all(config_dir());"
        "heavy = {'airflow', 'dagfactory', 'mlflow', 'sklearn', 'pandas', 'numpy', 'croniter', 'pendulum'};"
        "print(sorted(heavy & set(sys.modules)))"
    )

    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"
