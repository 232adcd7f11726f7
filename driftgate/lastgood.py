"""The last configuration of each pipeline that was good, so that a broken edit does not stop it.

As nginx keeps serving with its old configuration when a reload fails: the files that a pipeline was last built
from are kept as a small configuration of their own and loaded like any other when the real ones are broken.
They lie in DRIFTGATE_STATE_DIR (default: ``driftgate/`` in AIRFLOW_HOME); the DAG processor writes it, workers
read it. Layout: ``<dag_id>/current.json`` names the copy in use, ``<dag_id>/<digest>/config/…`` is the copy.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from driftgate.config.load import load_one
from driftgate.config.model import Pipeline

Files = dict[str, str]  # path relative to the repository → text


def state_dir() -> Path:
    """The folder of the kept configurations."""
    chosen = os.environ.get("DRIFTGATE_STATE_DIR")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "driftgate"


@dataclass(frozen=True)
class LastGood:
    """The kept configurations in ``folder``. A disk that refuses keeps nothing, and nothing else happens."""

    folder: Path

    def remember(self, pipeline: Pipeline, directory: Path, env: str = "") -> None:
        """Keep the files that ``pipeline`` was loaded from; writes only when they are new."""
        files = _files(pipeline, directory)
        note = {"digest": _digest(files), "config": directory.name, "env": env}
        home = self.folder / pipeline.dag_id
        with suppress(OSError):
            if _read_note(home) != note and all(_is_inside(file) for file in files):
                _write_copy(home / note["digest"], files)
                _write_note(home, note)
                _drop_all_but(home, note["digest"])

    def recall(self, dag_id: str) -> Pipeline | None:
        """Return the pipeline as it was last good; None when nothing is kept or it is good no longer."""
        note = _read_note(self.folder / dag_id)
        if note is None:
            return None
        directory = self.folder / dag_id / note["digest"] / note["config"]
        return next(iter(load_one(dag_id, directory, env=note["env"]).pipelines), None)

    def forget_all_but(self, dag_ids: Collection[str]) -> None:
        """Drop what is kept of pipelines whose files are gone."""
        with suppress(OSError):
            for home in self.folder.iterdir():
                if home.name not in dag_ids and (home / "current.json").exists():
                    shutil.rmtree(home, ignore_errors=True)


def _files(pipeline: Pipeline, directory: Path) -> Files:
    """The texts of the pipeline's files, and an empty file for each pipeline that it starts: they must exist."""
    files = {document.file: document.text for document in pipeline.layers.documents if document.text}
    for dag_id in _started(pipeline):
        files.setdefault(f"{directory.name}/pipelines/{dag_id}.yaml", "")
    return files


def _started(pipeline: Pipeline) -> list[str]:
    """The pipelines that this one starts, by name."""
    triggers = [task for task in pipeline.tasks if task.operator == "trigger_retraining"]
    named = {task.parameters.get("pipeline") for task in triggers}
    mapped = {name for task in triggers for name in task.expand.get("pipeline", ()) if not isinstance(name, dict)}
    return sorted(name for name in named | mapped if isinstance(name, str))


def _digest(files: Files) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]


def _is_inside(file: str) -> bool:
    path = PurePosixPath(file)
    return not path.is_absolute() and ".." not in path.parts


def _read_note(home: Path) -> dict[str, str] | None:
    try:
        note = json.loads((home / "current.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) and {"digest", "config", "env"} <= set(note) else None


def _write_note(home: Path, note: dict[str, str]) -> None:
    """Point to the new copy in one step: a worker may be reading."""
    with tempfile.NamedTemporaryFile("w", dir=home, suffix=".tmp", delete=False, encoding="utf-8") as file:
        json.dump(note, file)
    os.replace(file.name, home / "current.json")


def _write_copy(home: Path, files: Files) -> None:
    for file, text in files.items():
        path = home / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")


def _drop_all_but(home: Path, digest: str) -> None:
    """Remove older copies but the newest: a task that is starting may still read it."""
    copies = sorted((path for path in home.iterdir() if path.is_dir() and path.name != digest), key=_changed)
    for copy in copies[:-1]:
        shutil.rmtree(copy, ignore_errors=True)


def _changed(path: Path) -> float:
    return path.stat().st_mtime
