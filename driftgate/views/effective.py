"""A pipeline's configuration as it will run: everything merged, every default that says something filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from driftgate.config import schemas
from driftgate.config.conform import Schema
from driftgate.config.layers import Layers
from driftgate.config.mapped import always_given, given
from driftgate.config.tree import is_group
from driftgate.config.words import KeyPath

DEFAULT = "default"
_FIRST = ("operator", "depends_on")


def effective(layers: Layers) -> dict[str, Any]:
    """Return the whole configuration that ``layers``, which must have been found valid, describe.

    It is a pipeline file of its own: with nothing to inherit from, it means the same.
    """
    data = _complete(layers.data, schemas.envelope())
    data["tasks"] = _entries(data["tasks"])
    data.pop("extends", None)  # done
    return _ordered(data, schemas.envelope()["properties"])


def origin(layers: Layers, path: KeyPath) -> str:
    """Return where the value at ``path`` was written, as ``file:line``, or that it is a default."""
    if not _exists(layers.data, path):
        return DEFAULT
    file, line, _ = layers.place(path)
    return f"{file}:{line}"


def _entries(entries: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _group(entry) if is_group(entry) else _task(entry) for name, entry in entries.items()}


def _group(group: Mapping[str, Any]) -> dict[str, Any]:
    complete = {**_complete(group, schemas.group()), "tasks": _entries(group["tasks"])}
    return _ordered(complete, ("tooltip", "depends_on", *complete))


def _task(task: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task with its defaults, but for what each of its expansions brings along."""
    complete = dict(task)
    if always_given(task) is not None:
        filled = _complete(task, schemas.task(task["operator"]))
        complete = {key: value for key, value in filled.items() if key in task or key not in given(task)}
    return _ordered(complete, (*_FIRST, *complete))


def _complete(data: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    return _telling(schemas.with_defaults(data, schema), data)


def _telling(filled: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``filled`` without the defaults that say nothing: empty text, lists and mappings."""
    return {
        key: _telling(value, written.get(key, {})) if isinstance(value, Mapping) else value
        for key, value in filled.items()
        if key in written or value not in ("", [], {})
    }


def _ordered(data: Mapping[str, Any], order: Iterable[str]) -> dict[str, Any]:
    known = [key for key in order if key in data]
    return {key: data[key] for key in dict.fromkeys([*known, *data])}


def _exists(data: Any, path: KeyPath) -> bool:
    for part in path:
        if isinstance(data, Mapping):
            if part not in data:
                return False
        elif not (isinstance(data, list) and isinstance(part, int) and part < len(data)):
            return False
        data = data[part]
    return True
