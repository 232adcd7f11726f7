"""Several documents as one configuration: merged data, and the place each value came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, Literal

from driftgate.config import written
from driftgate.config.order import Order
from driftgate.config.source import Document
from driftgate.config.tree import Tree
from driftgate.config.words import KeyPath, dotted
from driftgate.errors import Problem


@dataclass(frozen=True)
class Layers:
    """Documents of which each lies over the next: the topmost that has a value decides it."""

    documents: tuple[Document, ...]
    home: int = 0  # which of them is the pipeline's own file

    @cached_property
    def data(self) -> Mapping[str, Any]:
        """The effective configuration."""
        return reduce(_lay, (document.data for document in reversed(self.documents)), {})

    @cached_property
    def order(self) -> Order:
        """The order of its tasks."""
        return Order(Tree(self.data.get("tasks")))

    def at(self, path: Sequence[str | int]) -> Any:
        """Return the value at the effective ``path``, which must exist."""
        return _value(self.data, path)

    def place(self, path: Sequence[str | int], *, at_key: bool = False) -> tuple[str, int, int]:
        """Return file, line and column of the value (or key) at the effective ``path``.

        What does not exist is where its nearest existing parent is. What several documents have a part in, and
        what is missing, is in the pipeline's own file rather than in what lies over it.
        """
        document = self._home_of(path)
        return document.file, *document.position(path, at_key=at_key)

    def _home_of(self, path: Sequence[str | int]) -> Document:
        existing = _existing(self.data, path)
        shared = len(existing) < len(path) or isinstance(self.at(existing), dict)
        home = self.home if shared else 0
        documents = (*self.documents[home:], *self.documents[:home])
        return next(doc for doc in documents if _has(doc.data, existing))

    def lines(self, path: Sequence[str | int]) -> list[str]:
        """Return the lines of the document in which the effective ``path`` has its place."""
        return self._home_of(path).lines

    def topmost(self, *paths: KeyPath) -> KeyPath:
        """Return the path whose value comes from the topmost layer, the first of several: it was decided last."""
        return min(paths, key=lambda path: next(n for n, doc in enumerate(self.documents) if _has(doc.data, path)))

    def problem(
        self,
        path: KeyPath,
        code: str,
        message: str,
        hint: str = "",
        *,
        at_key: bool = False,
        severity: Literal["error", "warning"] = "error",
    ) -> Problem:
        """Return a Problem with the value (or key) at ``path``, placed in the file it came from.

        What is wrong with how that is written comes first: it is why the rest is wrong.
        """
        file, line, column = self.place(path, at_key=at_key)
        text = path[-1] if at_key and path else self._text_at(path)
        if isinstance(text, str) and (content := self._line(path, line)):
            if odd := written.odd_character(content, column, text):
                column, message, hint = odd
            elif not at_key:
                hint = written.comment(content, column, text) or hint
        return Problem(file, line, column, dotted(path), code, message, hint, severity)

    def _text_at(self, path: KeyPath) -> Any:
        return self.at(path) if len(_existing(self.data, path)) == len(path) else None

    def _line(self, path: KeyPath, line: int) -> str:
        lines = self.lines(path)
        return lines[line - 1] if 0 < line <= len(lines) else ""


def _lay(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return one layer over another.

    A gate is one comparison: another over it takes its place, and so does a channel of another type.
    """
    merged = merge(below, above)
    lower, upper = (_channels(layer) for layer in (below, above))
    for name in lower.keys() & upper.keys():
        types = [channel.get("type") for channel in (lower[name], upper[name]) if isinstance(channel, dict)]
        if len(types) == 2 and types[1] not in (None, types[0]):
            merged["alerts"]["channels"][name] = upper[name]
    gates = [layer.get("gates") for layer in (below, above)]
    if all(isinstance(layer, dict) for layer in gates):
        merged["gates"] = {**gates[0], **gates[1]}  # type: ignore[dict-item]
    return merged


def _channels(layer: Mapping[str, Any]) -> Mapping[str, Any]:
    alerts = layer.get("alerts")
    channels = alerts.get("channels") if isinstance(alerts, dict) else None
    return channels if isinstance(channels, dict) else {}


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``above`` laid over ``below``: mappings merge deeply, everything else replaces."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = merge(old, value) if both and old is not None else value
    return merged


def _value(data: Any, path: Sequence[str | int]) -> Any:
    for part in path:
        data = data[part]
    return data


def _existing(data: Any, path: Sequence[str | int]) -> Sequence[str | int]:
    """Return the part of ``path`` that ``data`` has."""
    for length, part in enumerate(path):
        in_list = isinstance(part, int) and isinstance(data, list) and 0 <= part < len(data)
        if not in_list and not (isinstance(data, dict) and part in data):
            return path[:length]
        data = data[part]
    return path


def _has(data: Any, path: Sequence[str | int]) -> bool:
    return len(_existing(data, path)) == len(path)
