"""What Airflow gets: a DAG for every pipeline file, from its last good configuration where it is broken now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from driftgate.build import build_dag
from driftgate.config.load import Loaded, environment_name, find_pipelines, load_all, load_one
from driftgate.config.record import KEY, record_of
from driftgate.docs import outdated_note
from driftgate.errors import ConfigError, Problem
from driftgate.garbage import no_garbage_collection
from driftgate.lastgood import LastGood, state_dir

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from driftgate.config.model import Pipeline

OUTDATED_TAG = "outdated-config"


@dataclass(frozen=True)
class Published:
    """The DAGs by id, and every problem of the files, those that only building could find included."""

    dags: dict[str, DAG]
    problems: tuple[Problem, ...]


def publish(directory: Path) -> Published:
    """Build every pipeline of the configuration in ``directory`` and keep what is good of it."""
    with no_garbage_collection():
        kept = LastGood.read(state_dir(), environment_name())
        loaded = load_all(directory, known=kept.known)
        built, problems = _build(loaded, directory)
        # Not a single file left is a folder that got lost, not so many pipelines that were deleted.
        stems = {path.stem for path in find_pipelines(directory)} or set(kept.pipelines)
        good = [pipeline for pipeline in loaded.pipelines if pipeline.dag_id in built]
        kept.keep(good, loaded.checked, directory, stems)
        return Published({**built, **_outdated(stems - set(built), kept, problems, directory)}, problems)


def publish_one(dag_id: str, directory: Path) -> Published:
    """Build the one pipeline that a starting task belongs to; no other file is opened, nothing is written."""
    built, problems = _build(load_one(dag_id, directory), directory)
    if dag_id not in built and problems:
        built = _outdated({dag_id}, LastGood.read(state_dir()), problems, directory)
    return Published(built, problems)


def problems_of(directory: Path) -> tuple[Problem, ...]:
    """Return every problem, building only those pipelines in which building could find one."""
    loaded = load_all(directory, known=LastGood.read(state_dir()).known)
    risky = [pipeline for pipeline in loaded.pipelines if any("." in task.operator for task in pipeline.tasks)]
    return tuple(sorted((*loaded.problems, *unbuildable(risky, directory))))


def unbuildable(pipelines: Sequence[Pipeline], directory: Path) -> tuple[Problem, ...]:
    """Return what building finds wrong with pipelines that are valid as far as their files tell."""
    return _build(Loaded(tuple(pipelines), ()), directory)[1]


def _build(loaded: Loaded, directory: Path) -> tuple[dict[str, DAG], tuple[Problem, ...]]:
    built, problems = {}, list(loaded.problems)
    for pipeline in loaded.pipelines:
        try:
            built[pipeline.dag_id] = _build_dag(pipeline, directory)
        except ConfigError as error:
            problems += error.problems
    return built, tuple(sorted(problems))


def _build_dag(pipeline: Pipeline, directory: Path) -> DAG:
    """Build one DAG; whatever Airflow may object to is this pipeline's problem alone, never that of the others."""
    try:
        dag = build_dag(pipeline)
    except ConfigError:
        raise
    except Exception as error:
        words = (str(error).splitlines() or [type(error).__name__])[0]
        message = f"Airflow cannot build this pipeline: {words}"
        raise ConfigError([pipeline.layers.problem(("dag_id",), "cannot-build", message)]) from error
    dag.default_args[KEY] = record_of(pipeline, environment_name())  # for `driftgate plan --deployed`
    dag.yaml_source = str(directory.parent / pipeline.file)  # type: ignore[attr-defined]  # for airflow_policy
    return dag


def _outdated(dag_ids: Iterable[str], kept: LastGood, problems: tuple[Problem, ...], directory: Path) -> dict[str, DAG]:
    found = {}
    for dag_id in sorted(dag_ids):
        if (pipeline := kept.recall(dag_id)) is None:
            continue
        with suppress(ConfigError):  # good then, but not for the Airflow of today: its problems are told already
            dag = _build_dag(pipeline, directory)
            dag.tags.add(OUTDATED_TAG)
            dag.doc_md = f"{_why(pipeline, problems, directory)}\n\n{dag.doc_md}"
            found[dag_id] = dag
    return found


def _why(pipeline: Pipeline, problems: tuple[Problem, ...], directory: Path) -> str:
    files = {pipeline.file, *(document.file for document in pipeline.layers.documents)}
    errors = [problem for problem in problems if problem.severity == "error"]
    own = [each for each in errors if each.file in files or Path(each.file).stem == pipeline.dag_id or not each.line]
    return outdated_note(own, _changed(own, directory.parent))


def _changed(problems: list[Problem], root: Path) -> datetime | None:
    """When the broken file was last written: the same at every parse, unlike the clock."""
    times = [path.stat().st_mtime for problem in problems if (path := root / problem.file).exists()]
    return datetime.fromtimestamp(int(max(times)), UTC) if times else None
