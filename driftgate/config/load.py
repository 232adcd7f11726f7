"""From a folder of files to frozen pipelines, or to everything that keeps them from being ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from driftgate.config import schemas
from driftgate.config.checked import Checked, Known, key_of
from driftgate.config.conform import findings
from driftgate.config.draft import Draft, mapping
from driftgate.config.folder import OWN_KEYS, Folder, find_environments, find_pipelines
from driftgate.config.layers import Layers
from driftgate.config.model import Pipeline, to_pipeline
from driftgate.config.secondlook import second_look
from driftgate.config.semantics import check
from driftgate.config.sentences import explain
from driftgate.config.source import Document
from driftgate.config.validate import validate
from driftgate.config.words import suggest
from driftgate.errors import ConfigError, Problem

__all__ = ["Loaded", "config_dir", "environment_name", "find_environments", "find_pipelines", "load_all", "load_one",
           "load_pipeline", "load_proposal"]  # fmt: skip

_REPOSITORY = Path(__file__).resolve().parent.parent.parent
_MOST_RECHECKS = 200  # of pipelines with a mistake that may be in how the file is written


@dataclass(frozen=True)
class Loaded:
    """Every pipeline that can be used, and every problem of those that cannot."""

    pipelines: tuple[Pipeline, ...]
    problems: tuple[Problem, ...]
    checked: Known = field(default_factory=dict)  # what to pass as ``known`` the next time


def config_dir(dag_file: str | None = None) -> Path:
    """Return the folder of the configuration: $DRIFTGATE_CONFIG_DIR, or ``config/`` of the repository.

    The repository is that of ``dag_file``, a file in its ``dags/``: where this package is installed apart from
    it, as in the image, the package cannot know which version of the repository Airflow is reading.
    """
    chosen = os.environ.get("DRIFTGATE_CONFIG_DIR")
    if chosen:
        return Path(chosen).absolute()
    if dag_file and (beside := Path(dag_file).absolute().parents[1] / "config").is_dir():
        return beside
    in_repository = _REPOSITORY / "config"
    return in_repository if in_repository.is_dir() else Path.cwd() / "config"


def environment_name() -> str:
    """Return the name of the environment: $DRIFTGATE_ENV; "" for none."""
    return os.environ.get("DRIFTGATE_ENV", "")


def load_pipeline(path: Path, directory: Path, env: str | None = None) -> Pipeline:
    """Return the pipeline in ``path``, of the configuration in ``directory``.

    ``env`` is the environment, $DRIFTGATE_ENV by default, "" for none. Raises ConfigError with every problem of
    the file and of what it inherits.
    """
    pipeline, problems = _Loader(directory, env).load(Path(os.path.abspath(path)))
    if pipeline is None:
        raise ConfigError(problems)
    return pipeline


def load_proposal(
    path: Path, directory: Path, env: str | None, proposed: Sequence[Document]
) -> tuple[Pipeline, list[Problem]]:
    """Return the pipeline in ``path`` as it would be with ``proposed``, from the top, laid over all its files.

    What there is to warn of comes with it. Raises ConfigError like ``load_pipeline``.
    """
    file = Path(os.path.abspath(path))
    loader = _Loader(directory, env, proposed={file: proposed})
    pipeline, problems = loader.load(file)
    if pipeline is None:
        raise ConfigError(problems)
    return pipeline, problems


def load_all(directory: Path, env: str | None = None, known: Known | None = None) -> Loaded:
    """Return all pipelines of the configuration in ``directory``; a broken one does not affect the others.

    ``known`` is what an earlier call found; it saves the time of checking again, and changes nothing else.
    """
    loader = _Loader(directory, env, known=known)
    return loader.load_all(loader.folder.paths, loader.shared_problems())


def load_one(dag_id: str, directory: Path, env: str | None = None) -> Loaded:
    """Return the pipeline called ``dag_id`` alone: no file that it does not inherit from is opened."""
    loader = _Loader(directory, env, alone=True)
    return loader.load_all(loader.folder.by_stem.get(dag_id, ()))


class _Loader:
    """Loads the pipelines of one configuration, each once."""

    def __init__(
        self, directory: Path, env: str | None, *, alone: bool = False, known: Known | None = None,
        proposed: Mapping[Path, Sequence[Document]] | None = None,
    ) -> None:  # fmt: skip
        self.folder = Folder(directory, environment_name() if env is None else env, proposed)
        self.alone = alone
        self.known = known or {}
        self.checked: dict[str, Checked] = {}
        self._rechecks = 0 if proposed else _MOST_RECHECKS
        self._beyond: set[Path] = set()  # the files whose check looked at other pipelines
        self._results: dict[Path, tuple[Pipeline | None, list[Problem]]] = {}

    def load_all(self, paths: Sequence[Path], shared: Iterable[Problem] = ()) -> Loaded:
        results = [self.load(path) for path in paths]
        pipelines = [pipeline for pipeline, _ in results if pipeline]
        clashes = _duplicates(pipelines)
        clashing = {problem.file for problem in clashes}
        found = [*shared, *(problem for _, problems in results for problem in problems), *clashes]
        usable = tuple(pipeline for pipeline in pipelines if pipeline.file not in clashing)
        return Loaded(usable, tuple(_tidy(found)), self.checked)

    def load(self, path: Path) -> tuple[Pipeline | None, list[Problem]]:
        """Return the pipeline in ``path`` unless something is wrong with it, and all its problems."""
        if path not in self._results:
            self._results[path] = self._guarded(path)
        return self._results[path]

    def _guarded(self, path: Path) -> tuple[Pipeline | None, list[Problem]]:
        known = None
        with suppress(Exception):  # what was kept can be damaged: then it is found out anew
            known = self._unchanged(path)
        try:
            return known or self._load(path)
        except Exception as error:  # a bug of ours in one file must not take the pipelines of all others down
            message = f"Driftgate itself fails on this file: {type(error).__name__}: {error}"
            hint = "please report it, with the file; the other pipelines are not affected"
            return None, [Problem(self.folder.name(path), 0, 0, "", "bug", message, hint)]

    def _unchanged(self, path: Path) -> tuple[Pipeline, list[Problem]] | None:
        """Return the pipeline in ``path`` if it is known to be good as it is."""
        checked = self.known.get(file := self.folder.name(path))
        if not checked or checked.key != key_of(self.folder, checked.files, beyond=checked.beyond):
            return None
        self.checked[file] = checked
        if checked.beyond:
            self._beyond.add(path)
        return to_pipeline(checked.data, file, lambda: self.folder.layers(path)[0]), list(checked.warnings)

    def _load(self, path: Path) -> tuple[Pipeline | None, list[Problem]]:
        if self.folder.unknown_environment:
            return None, [self.folder.unknown_environment]
        layers, bases, faults = self.folder.layers(path)
        faulty = bool(faults) or not isinstance(layers.data.get("extends", ""), str)
        problems = _tidy(faults + self._problems(layers, path, bases, faulty))
        if any(problem.severity == "error" for problem in problems):
            return None, problems
        file = self.folder.name(path)
        if not self.alone:
            self.checked[file] = self._known_by(layers, path, bases, problems)
        return to_pipeline(layers.data, file, lambda: layers, layers.order), problems

    def _known_by(self, layers: Layers, path: Path, bases: Sequence[Path], warnings: Sequence[Problem]) -> Checked:
        files = tuple(dict.fromkeys(document.file for document in layers.documents))
        beyond = not self._beyond.isdisjoint((path, *bases)) or any(base in self.folder.paths for base in bases)
        return Checked(key_of(self.folder, files, beyond=beyond), files, beyond, layers.data, tuple(warnings))

    def _problems(self, layers: Layers, path: Path, bases: Sequence[Path], faulty: bool) -> list[Problem]:
        document = layers.documents[layers.home]
        shared = [*self.folder.defaults.problems, *self._environment_problems]
        inherited = [] if faulty else self._problems_of_bases(bases)
        problems = [*document.problems, *shared, *inherited]
        others = [other for other in layers.documents if other is not document]
        if not document.readable:
            return problems
        if faulty or inherited or any(not other.readable for other in others):
            return problems + _partial(Layers((document,)))
        found = self._checked(layers, path, problems)
        if self._rechecks <= 0:  # time is better spent on the first mistakes than on all of a broken configuration
            return found
        return second_look(document, found, lambda other: self._recheck(layers, path, document, other))

    def _recheck(self, layers: Layers, path: Path, document: Document, other: Document) -> list[Problem]:
        self._rechecks -= 1
        documents = tuple(other if it is document else it for it in layers.documents)
        shared = [*self.folder.defaults.problems, *self._environment_problems]
        return self._checked(replace(layers, documents=documents), path, [*other.problems, *shared])

    def _checked(self, layers: Layers, path: Path, problems: list[Problem]) -> list[Problem]:
        told = _told(problems)
        by_schema = [problem for problem in validate(layers) if problem.path not in told]
        told |= _told(by_schema)
        draft = Draft(layers, path.stem, lambda: self._names(path), self._data_for(path))
        return problems + by_schema + [problem for problem in check(draft) if problem.path not in told]

    def _problems_of_bases(self, bases: Sequence[Path]) -> list[Problem]:
        """Return what is wrong with the files that a pipeline extends; one that is a pipeline is checked as one."""
        found: list[Problem] = []
        for base in reversed(bases):
            if base in self.folder.paths:
                found += self.load(base)[1]
            elif (document := self.folder.document(base)).readable:
                found += [*document.problems, *_partial(Layers((document,)))]
            else:
                found += document.problems
        return [problem for problem in found if problem.severity == "error"]

    def _names(self, path: Path) -> dict[str, list[Path]]:
        """Return the names of all pipelines, and remember that ``path`` depends on them."""
        self._beyond.add(path)
        return self.folder.by_stem

    def _data_for(self, path: Path) -> Callable[[str], Mapping[str, Any]] | None:
        """Return how the check of ``path`` learns what a pipeline says, right or wrong; nothing of one it cannot find.

        None if no other file may be opened.
        """

        def data_of(dag_id: str) -> Mapping[str, Any]:
            paths = self._names(path).get(dag_id, [])
            return self.folder.layers(paths[0])[0].data if len(paths) == 1 else {}

        return None if self.alone else data_of

    def shared_problems(self) -> list[Problem]:
        """Return what is wrong with defaults and environment by themselves, even where every pipeline overrides it."""
        if self.folder.unknown_environment:
            return [self.folder.unknown_environment]
        defaults = self.folder.defaults
        found = [*defaults.problems, *_misplaced(defaults), *_partial(Layers((defaults,)))]
        for template in map(self.folder.document, self.folder.templates):  # some may not be extended by any pipeline
            found += [*template.problems, *(_partial(Layers((template,))) if template.readable else ())]
        if not self.folder.paths:
            found.append(self.folder.nothing_there)
        if environment := self.folder.environment:
            names = mapping(environment.data.get("pipelines")).keys()
            found += [*self._environment_problems, *self._unknown_pipelines(environment)]
            for part in (environment.part("defaults"), *(environment.part("pipelines", name) for name in names)):
                found += [*_misplaced(part), *_partial(Layers((part.part(without=OWN_KEYS),)))]
        return found

    @cached_property
    def _environment_problems(self) -> list[Problem]:
        """What is wrong with the text and the outline of the environment's file."""
        document = self.folder.environment
        if document is None:
            return []
        layers = Layers((document,))
        outline = findings(document.data, schemas.environment())
        return [*document.problems, *(problem for finding in outline for problem in explain(finding, layers))]

    def _unknown_pipelines(self, environment: Document) -> Iterator[Problem]:
        known = sorted(self.folder.by_stem)
        for name in mapping(environment.data.get("pipelines")):
            if name not in self.folder.by_stem:
                hint = suggest(name, known, f"pipelines: {', '.join(known[:20])}" if known else "")
                message = f"there is no pipeline '{name}'"
                yield Layers((environment,)).problem(
                    ("pipelines", name), "unknown-pipeline", message, hint, at_key=True
                )


def _misplaced(document: Document) -> Iterator[Problem]:
    """Return a problem for each key that only a pipeline's own file can have."""
    for key in OWN_KEYS:
        if key in document.data:
            message = f"{key} belongs in a pipeline's own file, and is not inherited from here"
            yield Layers((document,)).problem((key,), "misplaced-key", message, "remove it", at_key=True)


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
