"""Every sample in docs/coming-from-dag-factory.md builds; the two of a pair have the same tasks and edges."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from airflow.sdk import DAG
from dagfactory import load_yaml_dags

from driftgate.build import build_dag
from driftgate.config.load import find_pipelines, load_pipeline
from driftgate.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "coming-from-dag-factory.md"

_SAMPLE = re.compile(
    r"^(dag-factory|Driftgate|Refused):\n\n```yaml\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.M | re.S
)
_FILE = re.compile(r"# config/(\S+)\n")


@dataclass
class Section:
    """The samples below one heading: theirs, ours, and those of ours that are errors, with what is said of them."""

    title: str
    theirs: list[str] = field(default_factory=list)
    ours: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


def sections() -> Iterator[Section]:
    for part in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        section = Section(part.partition("\n")[0])
        for kind, text, said in _SAMPLE.findall(part):
            if kind == "Refused":
                section.refused.append((text, said))
            else:
                (section.theirs if kind == "dag-factory" else section.ours).append(text)
        yield section


SECTIONS = list(sections())
PAIRS = [section for section in SECTIONS if section.theirs]
OURS = [section for section in SECTIONS if section.ours]
REFUSED = [sample for section in SECTIONS for sample in section.refused]


@pytest.fixture(autouse=True)
def _modules_of_the_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, function in (("my_rules", "choose"), ("my_callbacks", "page")):
        module = ModuleType(name)
        setattr(module, function, lambda *_, **__: None)
        monkeypatch.setitem(sys.modules, name, module)


def configuration(samples: list[str], folder: Path) -> list[Path]:
    """Write the samples over a copy of the shipped configuration; return the pipelines among them."""
    config = folder / "config"
    shutil.copytree(ROOT / "config", config)
    shipped = {path.name for path in find_pipelines(config)}
    for text in samples:
        named = _FILE.match(text)
        path = config / (named[1] if named else f"pipelines/{text.splitlines()[0].removeprefix('dag_id: ')}.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return [path for path in find_pipelines(config) if path.name not in shipped]


def build_ours(samples: list[str], folder: Path, env: str = "") -> dict[str, DAG]:
    dags = [build_dag(load_pipeline(path, folder / "config", env)) for path in configuration(samples, folder)]
    return {dag.dag_id: dag for dag in dags}


def build_theirs(samples: list[str], folder: Path) -> dict[str, DAG]:
    dags: dict[str, Any] = {}
    for number, text in enumerate(samples):
        path = folder / f"{number}.yml"
        path.write_text(text, encoding="utf-8")
        load_yaml_dags(dags, config_filepath=str(path), defaults_config_path=str(folder))
    return dags


def graph(dag: DAG) -> dict[str, set[str]]:
    return {task.task_id: set(task.upstream_task_ids) for task in dag.tasks}


def test_no_sample_is_overlooked() -> None:
    found = sum(len(section.theirs) + len(section.ours) + len(section.refused) for section in SECTIONS)
    assert found == PAGE.read_text(encoding="utf-8").count("```yaml\n")
    assert all(section.ours for section in PAIRS)


@pytest.mark.parametrize("section", OURS, ids=lambda section: section.title)
def test_ours_build(section: Section, tmp_path: Path) -> None:
    dags = build_ours(section.ours, tmp_path)
    assert len(dags) == sum("dag_id: " in text for text in section.ours)
    assert all(dag.tasks for dag in dags.values())


@pytest.mark.parametrize("section", PAIRS, ids=lambda section: section.title)
def test_theirs_build_and_are_the_same(section: Section, tmp_path: Path) -> None:
    theirs, ours = build_theirs(section.theirs, tmp_path), build_ours(section.ours, tmp_path)
    assert theirs
    for dag_id, dag in theirs.items():
        assert graph(dag) == graph(ours[dag_id])
        assert dag.schedule == ours[dag_id].schedule
        assert set(dag.tags) == {*ours[dag_id].tags, "dagfactory"}


@pytest.mark.parametrize(("text", "said"), REFUSED, ids=[text.splitlines()[0] for text, _ in REFUSED])
def test_what_is_refused_is_refused_in_these_words(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        build_ours([text], tmp_path)
    found = [f"{p.file}:{p.line}:{p.column}: error[{p.code}]: {p.message}" for p in sorted(caught.value.problems)]
    assert found == said.splitlines()


def test_the_environment_is_laid_over(tmp_path: Path) -> None:
    gain = next(section for section in OURS if section.title == "What you gain")
    dag = build_ours(gain.ours, tmp_path, "production")["say_goodbye"]
    assert dag.schedule == "@hourly"
    assert dag.get_task("say").retries == 3


@pytest.mark.parametrize(
    "key",
    ["user_defined_macros", "doc_md", "timetable", "access_control", "template_searchpath", "on_failure_callback"],
)
def test_what_is_missing_is_an_unknown_key(key: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"unknown key '{key}'"):
        build_ours(
            [f"dag_id: x\nschedule: null\n{key}: a\ntasks: {{a: {{operator: log_status, message: hi}}}}\n"], tmp_path
        )


@pytest.mark.parametrize(
    "line",
    [
        "schedule: null\nstart_date: 2 days",
        'schedule: "0 0 30 2 *"',
        "schedule: null\nparams: {region: {default: asia, enum: [eu, us]}}",
        "schedule: null\nschedule: null",
        "schedule: null\n<<: {tags: [a]}",
    ],
)
def test_what_else_the_page_calls_an_error(line: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        build_ours([f"dag_id: x\n{line}\ntasks: {{a: {{operator: log_status, message: hi}}}}\n"], tmp_path)
    assert {problem.line for problem in caught.value.problems} <= {2, 3}
