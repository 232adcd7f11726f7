"""Which configuration a command means, and which of its files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from driftgate.cli.arguments import UsageError, did_you_mean
from driftgate.config.folder import SUFFIXES
from driftgate.config.load import config_dir, find_environments, find_pipelines


def choose(chosen: str | None, paths: Sequence[Path] = ()) -> Path:
    """Return the configuration to work on: the one ``chosen``, or the one that ``paths`` belong to, or the nearest."""
    if chosen is not None:
        if not Path(chosen).is_dir():
            raise UsageError(f"--config: there is no folder {chosen}")
        return _with_pipelines(Path(chosen))
    homes = list(dict.fromkeys(home for path in paths if (home := home_of(path))))
    if len(homes) > 1:
        raise UsageError(f"{homes[0]} and {homes[1]} are two configurations: check one at a time")
    return _with_pipelines(homes[0] if homes else nearest() or config_dir())


def choose_environment(name: str | None, directory: Path) -> str | None:
    """Return the environment to load with, None for that of DRIFTGATE_ENV; UsageError when there is none called so."""
    if name is None:
        return None
    known = find_environments(directory)
    if name not in known:
        hint = did_you_mean(name, known) or (f"there are {', '.join(sorted(known))}" if known else "there are none yet")
        raise UsageError(f"--env: there is no {short(directory / 'environments' / name)}.yaml; {hint}")
    return name


def home_of(path: Path) -> Path | None:
    """Return the configuration that ``path`` is part of, is itself, or holds in config/; None if there is none."""
    path = absolute(path)
    for folder in (path, *path.parents):
        if _is_configuration(folder):
            return folder
    return path / "config" if _is_configuration(path / "config") else None


def absolute(path: Path) -> Path:
    """Return ``path`` from the root, without ``..``, and with the names that people see: links stay."""
    return Path(os.path.abspath(path))


def unknown_pipeline(dag_id: str, directory: Path) -> UsageError:
    """Return the error for a DAG_ID that no file has."""
    return UsageError(f"there is no pipeline '{dag_id}'; {_guess(dag_id, _stems(directory))}")


def missing_pipeline(directory: Path) -> UsageError:
    """Return the error for a command line without a DAG_ID."""
    return UsageError(f"which pipeline? There are {', '.join(_stems(directory))}")


def _guess(dag_id: str, stems: Sequence[str]) -> str:
    listed = f"{', '.join(stems[:20])}{' …' * (len(stems) > 20)}"
    return did_you_mean(Path(dag_id).stem if dag_id.endswith(SUFFIXES) else dag_id, stems) or f"there are {listed}"


def _stems(directory: Path) -> list[str]:
    return sorted({path.stem for path in find_pipelines(directory)})


def nearest() -> Path | None:
    """Return the configuration named in the environment, or in this folder or above; None if there is none."""
    if os.environ.get("DRIFTGATE_CONFIG_DIR"):
        return config_dir()
    here = Path.cwd()
    return _first_configuration(folder / "config" for folder in (here, *here.parents))


def _first_configuration(folders: Iterable[Path]) -> Path | None:
    return next((folder for folder in folders if _is_configuration(folder)), None)


def _is_configuration(folder: Path) -> bool:
    named = folder.name == "config" or (folder / "defaults.yaml").exists()
    return named and (folder / "pipelines").is_dir()


def _with_pipelines(directory: Path) -> Path:
    if not find_pipelines(directory):
        where = short(directory / "pipelines")
        raise UsageError(f"there is no pipeline in {where}: choose another configuration with --config DIR")
    return absolute(directory)


def short(path: Path) -> str:
    """Return ``path`` as a person in the current folder would write it."""
    return os.path.relpath(path) if absolute(path).is_relative_to(Path.cwd()) else str(absolute(path))
