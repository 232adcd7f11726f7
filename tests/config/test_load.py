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

    assert [problem.code for problem in load_all(tmp_path).problems] == ["unknown-key", "no-pipelines"]


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
        "heavy = {'airflow', 'dagfactory', 'jsonschema', 'mlflow', 'sklearn', 'pandas', 'numpy', 'croniter'};"
        "print(sorted(heavy & set(sys.modules)))"
    )

    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"


def test_no_environment_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DRIFTGATE_ENV", raising=False)
    write(tmp_path, pipelines__x=pipeline("x"), environments__prod="defaults: {owner: prod}\n")

    assert load_all(tmp_path).pipelines[0].owner == "airflow"


def test_the_environment_is_chosen_by_variable_or_argument(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTGATE_ENV", "prod")
    write(tmp_path, pipelines__x=pipeline("x"))
    write(tmp_path, environments__prod="defaults: {owner: prod}\n", environments__dev="defaults: {owner: dev}\n")
    path = tmp_path / "pipelines" / "x.yaml"

    owners = {env: load_all(tmp_path, env).pipelines[0].owner for env in (None, "", "prod", "dev")}

    assert owners == {None: "prod", "": "airflow", "prod": "prod", "dev": "dev"}
    assert (load_one("x", tmp_path).pipelines[0].owner, load_one("x", tmp_path, "dev").pipelines[0].owner) == (
        "prod",
        "dev",
    )
    assert (load_pipeline(path, tmp_path).owner, load_pipeline(path, tmp_path, env="dev").owner) == ("prod", "dev")


def test_an_unknown_environment_yields_one_problem_and_no_pipeline(tmp_path: Path) -> None:
    write(tmp_path, pipelines__x=pipeline("x"), pipelines__y="[", environments__prod="", environments__dev="")

    for loaded in (load_all(tmp_path, "test"), load_one("x", tmp_path, "test")):
        assert loaded.pipelines == ()
        assert [problem.code for problem in loaded.problems] == ["unknown-environment"]
    assert loaded.problems[0].hint == "environments: dev, prod"


@pytest.mark.parametrize("name", ["../pipelines/x", "/etc/passwd", ".hidden", "sub/prod", "prod.yaml"])
def test_an_environment_is_a_file_of_its_folder_and_nothing_else(tmp_path: Path, name: str) -> None:
    write(tmp_path, pipelines__x=pipeline("x"), environments__prod="", environments__sub__prod="")
    write(tmp_path, **{"environments__.hidden": ""})

    assert [problem.code for problem in load_all(tmp_path, name).problems] == ["unknown-environment"]


def test_a_problem_in_the_environment_for_one_pipeline_does_not_affect_another(tmp_path: Path) -> None:
    write(tmp_path, pipelines__x=pipeline("x"), pipelines__y=pipeline("y"))
    write(tmp_path, environments__prod="pipelines: {x: {retries: two}, z: {}}\n")

    loaded = load_all(tmp_path, "prod")

    assert [found.dag_id for found in loaded.pipelines] == ["y"]
    assert [problem.code for problem in loaded.problems] == ["wrong-type", "unknown-pipeline"]
    assert load_one("y", tmp_path, "prod").problems == ()


def test_an_environment_with_a_broken_outline_stops_every_pipeline(tmp_path: Path) -> None:
    write(tmp_path, pipelines__x=pipeline("x"), environments__prod="defualts: {retries: 5}\n")

    loaded = load_all(tmp_path, "prod")

    assert loaded.pipelines == ()
    assert [problem.code for problem in loaded.problems] == ["unknown-key"]


def test_a_pipeline_inherits_from_a_chain_of_others(tmp_path: Path) -> None:
    write(tmp_path, templates__a="retries: 1\nowner: a\ntags: [a]\ndag_id: ignored\n")
    write(tmp_path, pipelines__b=pipeline("b", "extends: ../templates/a.yaml\nretries: 2\nowner: b\n"))
    write(tmp_path, pipelines__team__c="dag_id: c\nextends: b\nretries: 3\n")

    found = {each.dag_id: each for each in load_all(tmp_path).pipelines}

    assert list(found) == ["b", "c"]
    assert (found["c"].default_args["retries"], found["c"].owner, found["c"].tags) == (3, "b", ("a",))
    assert found["c"].file.endswith("pipelines/team/c.yaml")
    assert [document.file.rpartition("/")[2] for document in found["c"].layers.documents] == [
        "c.yaml", "b.yaml", "a.yaml", "defaults.yaml",
    ]  # fmt: skip
    assert load_one("c", tmp_path).pipelines == (found["c"],)


def test_one_pipeline_alone_opens_what_it_inherits_from_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from driftgate.config import source

    monitor = "psi: {minor: 0.1, moderate: 0.2, critical: 0.3}\n"
    retrain = "tasks: {c: {operator: check_drift}, r: {operator: trigger_retraining, pipeline: y, depends_on: [c]}}\n"
    write(tmp_path, templates__base=monitor, pipelines__y=pipeline("y"), environments__prod="", defaults="owner: me\n")
    write(tmp_path, pipelines__x=f"dag_id: x\nschedule: '@daily'\nextends: ../templates/base.yaml\n{retrain}")
    opened = []
    read = source.raw
    monkeypatch.setattr(source, "raw", lambda path: opened.append(path.name) or read(path))

    assert load_one("x", tmp_path, "prod").problems == ()
    assert sorted(opened) == ["base.yaml", "defaults.yaml", "prod.yaml", "x.yaml"]


def test_a_long_chain_of_extensions_is_no_trouble(tmp_path: Path) -> None:
    write(tmp_path, pipelines__p0=pipeline("p0"))
    chain = {f"pipelines__p{number}": f"dag_id: p{number}\nextends: p{number - 1}\n" for number in range(1, 60)}
    write(tmp_path, **chain)

    assert len(load_all(tmp_path).pipelines) == 60
