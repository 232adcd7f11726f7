"""What ``driftgate validate`` finds, as data."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from driftgate.cli.arguments import UsageError, did_you_mean
from driftgate.cli.building import airflow_is_missing, with_operators_checked
from driftgate.cli.configuration import absolute, short
from driftgate.config.folder import SUFFIXES
from driftgate.config.load import Loaded, environment_name, find_environments, find_pipelines, load_all, load_pipeline
from driftgate.config.model import Pipeline
from driftgate.errors import ConfigError, Problem


@dataclass(frozen=True)
class Findings:
    """The problems of a configuration or of some of its files; all names are relative to ``root``."""

    root: Path
    problems: tuple[Problem, ...]
    pipelines: int  # how many can be used
    files: tuple[str, ...]  # what was looked at, sorted
    unbuilt: bool = False  # whether there are operators that could not be asked, for lack of Airflow

    @property
    def failed(self) -> bool:
        """Whether there is any error."""
        return any(problem.severity == "error" for problem in self.problems)

    def strict(self) -> Findings:
        """Return the same with every warning an error."""
        return replace(self, problems=tuple(replace(problem, severity="error") for problem in self.problems))


def check_all(directory: Path, env: str | None, *, build: bool = False) -> Findings:
    """Check the configuration in ``directory``: in the environment that is chosen, or in none and in each.

    With ``build``, what only the classes of other Airflow operators can tell is found too.
    """
    loaded = _load(directory, env)
    if build:
        loaded = with_operators_checked(loaded, directory)
    names = [_name(path, directory) for path in find_pipelines(directory)]
    return _findings(directory, loaded, names)


def _load(directory: Path, env: str | None) -> Loaded:
    if env is not None or environment_name():
        return load_all(directory, env)
    loaded = load_all(directory, "")
    problems = dict.fromkeys(loaded.problems)
    for name, path in find_environments(directory).items():
        for problem in load_all(directory, name).problems:
            if problem not in problems and problem.file != _name(path, directory):
                problem = replace(problem, message=f"{problem.message} (in the environment '{name}')")
            problems[problem] = None
    return Loaded(loaded.pipelines, tuple(sorted(problems)))


def check_paths(paths: Sequence[Path], directory: Path, env: str | None, *, build: bool = False) -> Findings:
    """Check only what ``paths`` name, and what that inherits; UsageError for a path that names nothing."""
    for path in paths:
        _require(path, directory)
    chosen = [absolute(path) for path in paths]
    if any(directory.is_relative_to(path) or path == directory / "pipelines" for path in chosen):
        return check_all(directory, env, build=build)
    files = list(dict.fromkeys(file for path in chosen for file in _files(path)))
    whole = _load(directory, env)
    results = [_check_file(path, directory, whole, env) for path in files]
    loaded = Loaded(
        tuple(pipeline for result in results for pipeline in result.pipelines),
        tuple(sorted({problem for result in results for problem in result.problems})),
    )
    if build:
        loaded = with_operators_checked(loaded, directory)
    return _findings(directory, loaded, [_name(path, directory) for path in files])


def _check_file(path: Path, directory: Path, whole: Loaded, env: str | None) -> Loaded:
    name = _name(path, directory)
    if path.parent == directory / "environments":
        whole = load_all(directory, env=path.stem)
    here = tuple(problem for problem in whole.problems if problem.file == name)
    if path.is_relative_to(directory) and not path.is_relative_to(directory / "pipelines"):
        return Loaded((), here)  # what pipelines share
    usable = next((pipeline for pipeline in whole.pipelines if pipeline.file == name), None)
    if usable:
        return Loaded((usable,), _warnings(usable, whole))
    try:
        return Loaded((load_pipeline(path, directory, env),), here)
    except ConfigError as error:
        return Loaded((), (*here, *error.problems))


def _warnings(pipeline: Pipeline, whole: Loaded) -> tuple[Problem, ...]:
    """Return what there is to say of a pipeline that can be used, in its file and in those it inherits from."""
    files = {document.file for document in pipeline.layers.documents}
    return tuple(problem for problem in whole.problems if problem.file in files and problem.severity == "warning")


def _require(path: Path, directory: Path) -> None:
    if not os.path.exists(path):  # blind to whatever else is wrong with the name
        raise UsageError(f"there is no file or folder {path}{_guess(path, directory)}")
    if not path.is_dir() and path.suffix not in SUFFIXES:
        raise UsageError(f"{path} is no pipeline: the name of its file does not end with .yaml")
    if path.is_dir() and not next(_files(path), None):
        raise UsageError(f"there is no pipeline in {path}")


def _guess(path: Path, directory: Path) -> str:
    """Return what was meant: a neighbour's name, or that of a pipeline without its folder."""
    known = [*_neighbours(path), *find_pipelines(directory)]
    near = did_you_mean(path.stem, [other.stem for other in known])
    meant = next((other for other in known if f"'{other.stem}'" in near), None)
    return f"; did you mean {short(meant)}?" if meant else ""


def _neighbours(path: Path) -> list[Path]:
    try:
        return sorted(path.parent.iterdir())
    except OSError:
        return []


def _files(path: Path) -> Iterator[Path]:
    """Return the YAML files that ``path`` is or holds."""
    if not path.is_dir():
        yield path
        return
    found = (file for file in sorted(path.rglob("*")) if file.suffix in SUFFIXES and file.is_file())
    yield from (file for file in found if not any(part.startswith(".") for part in file.relative_to(path).parts))


def _findings(directory: Path, loaded: Loaded, names: Sequence[str]) -> Findings:
    files = {*names, *(problem.file for problem in loaded.problems)}
    unbuilt = airflow_is_missing(loaded.pipelines)
    return Findings(directory.parent, loaded.problems, len(loaded.pipelines), tuple(sorted(files)), unbuilt)


def _name(path: Path, directory: Path) -> str:
    root = directory.parent
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
