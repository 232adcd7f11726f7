"""From a folder of files to frozen pipelines, or to everything that keeps them from being ones."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from driftgate.config.draft import Draft
from driftgate.config.layers import Layers
from driftgate.config.model import Pipeline, to_pipeline
from driftgate.config.semantics import check
from driftgate.config.source import Document, read
from driftgate.config.validate import validate
from driftgate.errors import ConfigError, Problem

_REPOSITORY = Path(__file__).resolve().parent.parent.parent
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Loaded:
    """Every pipeline that can be used, and every problem of those that cannot."""

    pipelines: tuple[Pipeline, ...]
    problems: tuple[Problem, ...]


def config_dir() -> Path:
    """Return the folder of the configuration: $DRIFTGATE_CONFIG_DIR, or ``config/`` of the repository."""
    chosen = os.environ.get("DRIFTGATE_CONFIG_DIR")
    if chosen:
        return Path(chosen).absolute()
    in_repository = _REPOSITORY / "config"
    return in_repository if in_repository.is_dir() else Path.cwd() / "config"


def find_pipelines(directory: Path) -> list[Path]:
    """Return the pipeline files of the configuration in ``directory``, sorted; hidden ones do not count."""
    found: list[Path] = []
    for folder, subfolders, files in os.walk(directory / "pipelines"):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        names = [name for name in files if name.endswith(_SUFFIXES) and not name.startswith(".")]
        found.extend(Path(folder, name) for name in names)
    return sorted(found)


def load_pipeline(path: Path, directory: Path) -> Pipeline:
    """Return the pipeline in ``path``, of the configuration in ``directory``.

    Raises ConfigError with every problem of the file and of what it inherits.
    """
    pipeline, problems = _Folder(directory).load(path)
    if pipeline is None:
        raise ConfigError(problems)
    return pipeline


def load_all(directory: Path) -> Loaded:
    """Return all pipelines of the configuration in ``directory``; a broken one does not affect the others."""
    folder = _Folder(directory)
    return _load(folder, folder.paths, folder.defaults_problems)


def load_one(dag_id: str, directory: Path) -> Loaded:
    """Return the pipeline called ``dag_id`` alone: no other file is opened, however many there are."""
    folder = _Folder(directory)
    return _load(folder, [path for path in folder.paths if path.stem == dag_id])


def _load(folder: _Folder, paths: Sequence[Path], known: Sequence[Problem] = ()) -> Loaded:
    results = [folder.load(path) for path in paths]
    pipelines = [pipeline for pipeline, _ in results if pipeline]
    clashes = _duplicates(pipelines)
    clashing = {problem.file for problem in clashes}
    found = [*known, *(problem for _, problems in results for problem in problems), *clashes]
    usable = tuple(pipeline for pipeline in pipelines if pipeline.file not in clashing)
    return Loaded(usable, tuple(_tidy(found)))


class _Folder:
    """A configuration's folder: what its pipelines share is read once."""

    def __init__(self, directory: Path) -> None:
        self.directory = Path(os.path.abspath(directory))  # not resolved: names in messages are as people see them

    @cached_property
    def paths(self) -> list[Path]:
        return find_pipelines(self.directory)

    @cached_property
    def stems(self) -> frozenset[str]:
        return frozenset(os.path.splitext(path.name)[0] for path in self.paths)

    @cached_property
    def defaults(self) -> Document:
        path = self.directory / "defaults.yaml"
        empty = Document(self.name(path), "", {})
        if not path.exists() and not path.is_symlink():
            return empty
        document = read(path, self.name(path))
        return empty if any(problem.code == "empty-file" for problem in document.problems) else document

    @cached_property
    def defaults_problems(self) -> list[Problem]:
        """What is wrong with the defaults by themselves, even where every pipeline overrides it."""
        return [*self.defaults.problems, *_partial(Layers((self.defaults,)))]

    def name(self, path: Path) -> str:
        """Return what messages call ``path``: relative to the repository, the parent of the configuration."""
        path = Path(os.path.abspath(path))
        root = self.directory.parent
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()

    def load(self, path: Path) -> tuple[Pipeline | None, list[Problem]]:
        """Return the pipeline in ``path`` unless something is wrong with it, and all its problems."""
        layers = Layers((read(path, self.name(path)), self.defaults))
        problems = _tidy(self._problems(layers, path.stem))
        broken = any(problem.severity == "error" for problem in problems)
        return (None if broken else to_pipeline(layers)), problems

    def _problems(self, layers: Layers, stem: str) -> Iterator[Problem]:
        document, defaults = layers.documents
        yield from (*document.problems, *defaults.problems)
        if document.readable and defaults.readable:
            draft = Draft(layers, stem, lambda: self.stems)
            told = _told((*document.problems, *defaults.problems))
            by_schema = [problem for problem in validate(layers) if problem.path not in told]
            yield from by_schema
            told |= _told(by_schema)
            yield from (problem for problem in check(draft) if problem.path not in told)
        elif document.readable:
            yield from _partial(Layers((document,)))


def _told(problems: Iterable[Problem]) -> set[str]:
    """Return the paths about which enough is said: what follows from a wrong value is not worth reading."""
    return {problem.path for problem in problems if problem.code != "duplicate-key"}


def _partial(layers: Layers) -> list[Problem]:
    """Return the problems of a layer by itself, which need not have what another layer may bring."""
    incomplete = {"missing-key", "empty", "not-exactly-one"}
    return [problem for problem in validate(layers) if problem.code not in incomplete]


def _duplicates(pipelines: Sequence[Pipeline]) -> list[Problem]:
    """Return a problem for each of several files that claim the same dag_id: nobody can tell which is meant."""
    by_id: dict[str, list[Pipeline]] = {}
    for pipeline in pipelines:
        by_id.setdefault(pipeline.dag_id, []).append(pipeline)
    return [
        _duplicate(pipeline, [other.file for other in group if other is not pipeline])
        for group in by_id.values()
        for pipeline in group
        if len(group) > 1
    ]


def _duplicate(pipeline: Pipeline, others: list[str]) -> Problem:
    message = f"dag_id '{pipeline.dag_id}' is also used by {', '.join(others)}"
    return pipeline.layers.problem(("dag_id",), "duplicate-dag-id", message, "rename or remove one of the files")


def _tidy(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems once each, in the order of files and lines."""
    return sorted(dict.fromkeys(problems))
