"""Settings that are tried out: from what somebody writes on a command line to layers over a pipeline's files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import product
from typing import Any

from driftgate.config import source
from driftgate.config.source import Document
from driftgate.config.words import KeyPath, dotted, shorten
from driftgate.durations import format_duration, is_duration, parse_duration
from driftgate.errors import ConfigError, Problem, UserMistake

MOST_TRIALS = 200
_PART = re.compile(r'"((?:[^"\\]|\\.)*)"|([^."=]+)')


class Unreadable(UserMistake):
    """What was written is no setting."""


@dataclass(frozen=True)
class Setting:
    """One value to lie over those of the files."""

    name: str  # as it was given: psi.critical=0.3
    path: KeyPath
    document: Document  # with this value alone

    @property
    def value(self) -> Any:
        """The value."""
        found: Any = self.document.data
        for key in self.path:
            found = found[key]
        return found


@dataclass(frozen=True)
class Proposal:
    """Settings that are tried out together; none of them for the present."""

    settings: tuple[Setting, ...] = ()

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return ", ".join(setting.name for setting in self.settings) or "present"

    @property
    def documents(self) -> list[Document]:
        """The layers, from the top."""
        return [setting.document for setting in reversed(self.settings)]

    @property
    def values(self) -> Mapping[str, Any]:
        """Dotted path → value."""
        return {dotted(setting.path): setting.value for setting in self.settings}


def proposals(sets: Sequence[str], grids: Sequence[str]) -> list[Proposal]:
    """Return what ``--set`` and ``--grid`` ask for: all of the first together, with each combination of the second.

    Raises Unreadable for what is no setting or no grid, ConfigError for a value that is no YAML.
    """
    together = [_setting(text, f"--set {text}") for text in sets]
    axes = [[_setting(text, f"--grid {text}") for text in _points(grid)] for grid in grids]
    count = 1
    for axis in axes:
        count *= len(axis)
    if count > MOST_TRIALS:
        raise Unreadable(f"--grid: {count} combinations are more than the {MOST_TRIALS} that anybody would compare")
    made = [Proposal((*together, *point)) for point in product(*axes)]
    for proposal in made[:1]:
        _check_once(proposal)
    return [proposal for proposal in made if proposal.settings]


def _check_once(proposal: Proposal) -> None:
    paths = [setting.path for setting in proposal.settings]
    for number, path in enumerate(paths):
        if path in paths[:number]:
            raise Unreadable(f"{dotted(path)} is set twice; give each of several values with --grid {dotted(path)}=…")


def _setting(text: str, place: str) -> Setting:
    path, value = _split(text, place)
    document = source.parse(_yaml(path, value).encode("utf-8", "surrogateescape"), place)
    if document.problems:
        raise ConfigError([without_line(problem) for problem in document.problems])
    return Setting(text, path, document)


def _split(text: str, place: str) -> tuple[KeyPath, str]:
    """Return path and value; a name with dots in it stands in double quotes."""
    path: list[str] = []
    position = 0
    while part := _PART.match(text, position):
        path.append((part[2] or "").strip() if part[1] is None else str(json.loads(f'"{part[1]}"')))
        position = part.end()
        if text[position : position + 1] == "=" and all(path):
            return tuple(path), text[position + 1 :]
        if text[position : position + 1] != ".":
            break
        position += 1
    raise Unreadable(f"{place.split()[0]}: '{shorten(text)}' is no setting; write it like psi.critical=0.3")


def _yaml(path: KeyPath, value: str) -> str:
    lines = [f"{'  ' * depth}{json.dumps(key, ensure_ascii=False)}:" for depth, key in enumerate(path)]
    return "\n".join(lines) + f" {value}\n"


def without_line(problem: Problem) -> Problem:
    """Return ``problem`` at its setting as a whole: lines and columns of it mean nothing to people."""
    if not problem.file.startswith(("--set ", "--grid ")):
        return problem
    return Problem(problem.file, 0, 0, problem.path, problem.code, problem.message, problem.hint, problem.severity)


def _points(grid: str) -> list[str]:
    """Return the settings that ``psi.critical=0.15:0.4:0.05`` stands for, its last value included."""
    path, equals, values = grid.rpartition("=")
    parts = [part.strip() for part in values.split(":")]
    if not equals or len(parts) != 3:
        raise Unreadable(
            f"--grid: '{shorten(grid)}' is no grid; write it like psi.critical=0.15:0.4:0.05 (first:last:step)"
        )
    return [f"{path}={value}" for value in _range(grid, parts)]


def _range(grid: str, parts: Sequence[str]) -> Iterator[str]:
    durations = all(map(is_duration, parts))
    try:
        first, last, step = (
            Decimal(int(parse_duration(part).total_seconds())) if durations else Decimal(part) for part in parts
        )
        finite = first.is_finite() and last.is_finite() and step.is_finite()
    except InvalidOperation:
        finite = False
    if not finite:
        raise Unreadable(f"--grid: '{shorten(grid)}': {', '.join(parts)} must be numbers, or durations such as 6h")
    if step <= 0 or last < first:
        raise Unreadable(f"--grid: '{shorten(grid)}' has no values; it goes up, by a step above 0")
    if (last - first) / step >= MOST_TRIALS:
        raise Unreadable(f"--grid: '{shorten(grid)}' has more than {MOST_TRIALS} values")
    value = first
    while value <= last:
        yield format_duration(_seconds(value)) if durations else f"{value.normalize():f}"
        value += step


def _seconds(value: Decimal) -> Any:
    from datetime import timedelta

    return timedelta(seconds=int(value))
