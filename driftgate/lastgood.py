"""The last configuration of each pipeline that was good, so that a broken edit does not stop it.

As nginx keeps serving with its old configuration when a reload fails: the files that a pipeline was last built
from are kept, and loaded like any other configuration when the real ones are broken. What their check found is
kept beside them, so that it need not be found again at every parse while they stay as they are.

All of it is one file, ``last-good.json`` in DRIFTGATE_STATE_DIR (default: ``driftgate/`` in AIRFLOW_HOME); the DAG
processor writes it, workers read it.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from driftgate.config.checked import Checked, Known
from driftgate.config.load import load_one
from driftgate.config.model import Pipeline

FILE = "last-good.json"
_UNUSABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)  # what a damaged file leads to
_KEYS = {"file", "root", "config", "env", "texts", "checked"}


def state_dir() -> Path:
    """The folder of the kept configurations."""
    chosen = os.environ.get("DRIFTGATE_STATE_DIR")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "driftgate"


@dataclass
class LastGood:
    """The kept configurations in ``folder``. A disk that refuses keeps nothing, and nothing else happens."""

    folder: Path
    env: str = ""
    pipelines: dict[str, dict[str, Any]] = field(default_factory=dict)  # dag_id → what _entry returns
    texts: dict[str, str] = field(default_factory=dict)  # digest → text; many pipelines share their defaults

    @classmethod
    def read(cls, folder: Path, env: str = "") -> LastGood:
        """Return what is kept in ``folder``; nothing if that cannot be read."""
        try:
            kept = json.loads((folder / FILE).read_text(encoding="utf-8"))
            texts = dict(kept["texts"])
            entries = {dag_id: entry for dag_id, entry in kept["pipelines"].items() if _is_whole(entry, texts)}
            return cls(folder, env, entries, texts)
        except _UNUSABLE:
            return cls(folder, env)

    @property
    def known(self) -> Known:
        """What the last check found, for the next."""
        known = {}
        for entry in self.pipelines.values():
            with suppress(KeyError, TypeError):
                known[entry["file"]] = Checked.from_json(entry["checked"])
        return known

    def keep(self, pipelines: Iterable[Pipeline], checked: Known, directory: Path, existing: Collection[str]) -> None:
        """Keep ``pipelines``, which are good, and forget those that do not exist any more; writes only what is new."""
        before, root = self.pipelines, str(directory.parent)
        self.pipelines = {
            dag_id: entry
            for dag_id, entry in before.items()
            if dag_id in existing or (entry["root"] != root and Path(entry["root"]).is_dir())  # another configuration's
        }
        for pipeline in pipelines:
            old, found = before.get(pipeline.dag_id, {}), checked[pipeline.file]
            same = old and old["checked"]["key"] == found.key and (old["file"], old["root"]) == (pipeline.file, root)
            if not same:
                self.pipelines[pipeline.dag_id] = self._entry(pipeline, found, directory)
        if self.pipelines != before:
            with suppress(OSError):
                self._write()

    def recall(self, dag_id: str) -> Pipeline | None:
        """Return the pipeline as it was last good; None when nothing is kept or it is good no longer."""
        entry = self.pipelines.get(dag_id)
        if entry is None:
            return None
        with tempfile.TemporaryDirectory() as folder, suppress(*_UNUSABLE):
            _write_files(Path(folder), {file: self.texts[digest] for file, digest in entry["texts"].items()})
            loaded = load_one(dag_id, Path(folder) / entry["config"], env=entry["env"])
            return next(iter(loaded.pipelines), None)
        return None

    def _entry(self, pipeline: Pipeline, checked: Checked, directory: Path) -> dict[str, Any]:
        texts = _texts(pipeline, directory)
        digests = {file: hashlib.sha256(text.encode()).hexdigest()[:32] for file, text in texts.items()}
        self.texts.update({digests[file]: text for file, text in texts.items()})
        kept = {"root": str(directory.parent), "config": directory.name, "env": self.env, "texts": digests}
        return {"file": pipeline.file, **kept, "checked": checked.as_json()}

    def _write(self) -> None:
        """Replace the file in one step: a worker may be reading."""
        used = {digest for entry in self.pipelines.values() for digest in entry["texts"].values()}
        kept = {"pipelines": self.pipelines, "texts": {digest: self.texts[digest] for digest in sorted(used)}}
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=self.folder, suffix=".tmp", delete=False, encoding="utf-8") as file:
            file.write(json.dumps(kept))  # json.dump would write it in a million pieces
        os.chmod(file.name, 0o644)  # workers may run as somebody else
        os.replace(file.name, self.folder / FILE)


def _is_whole(entry: dict[str, Any], texts: dict[str, str]) -> bool:
    complete = entry.keys() >= _KEYS and texts.keys() >= set(entry["texts"].values())
    return complete and "key" in entry["checked"]


def _texts(pipeline: Pipeline, directory: Path) -> dict[str, str]:
    """The texts of the pipeline's files, and an empty file for each pipeline that it starts: they must exist."""
    texts = {document.file: document.text for document in pipeline.layers.documents if document.text}
    for dag_id in _started(pipeline):
        texts.setdefault(f"{directory.name}/pipelines/{dag_id}.yaml", "")
    return texts


def _started(pipeline: Pipeline) -> list[str]:
    """The pipelines that this one starts, by name."""
    triggers = [task for task in pipeline.tasks if task.operator == "trigger_retraining"]
    named = {task.parameters.get("pipeline") for task in triggers}
    mapped = {name for task in triggers for name in task.expand.get("pipeline", ()) if not isinstance(name, dict)}
    return sorted(name for name in named | mapped if isinstance(name, str))


def _write_files(home: Path, texts: dict[str, str]) -> None:
    for file, text in texts.items():
        if PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts:
            raise OSError(f"{file} lies outside of the configuration")
        path = home / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
