"""How a message names a path, shows a value and guesses what was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from driftgate.errors import printable

KeyPath = tuple[str | int, ...]

_LONGEST = 60
_MOST_OPTIONS = 1_000  # comparing words takes time; nobody misspells one of thousands
_MOST_KEYS = 20  # that a hint lists
# What people bring along from Airflow 2, dag-factory and other tools, and what it is called here.
_FORMER_NAMES = {
    "concurrency": "max_active_tasks",
    "default_args": "owner, retries, retry_delay and so on at the top level",
    "dependencies": "depends_on",
    "inherits": "extends",
    "needs": "depends_on",
    "schedule_interval": "schedule",
    "upstream": "depends_on",
}


def dotted(path: Sequence[str | int]) -> str:
    """Return ``path`` as people write it: ``tasks.send_alert.channels[0]``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{printable(part)}" for part in path)
    return text.removeprefix(".")


def called(path: Sequence[str | int]) -> str:
    """Return ``path`` as a sentence calls it: inside of groups, ``retry_delay of extract.orders.fetch``."""
    depth = 0
    while len(path) > depth + 1 and path[depth] == "tasks" and isinstance(path[depth + 1], str):
        depth += 2
    if depth < 4:
        return dotted(path)
    name = dotted(path[1:depth:2])
    return f"{dotted(path[depth:])} of {name}" if len(path) > depth else name


def shorten(text: str) -> str:
    """Return ``text`` printable and no longer than a message can bear."""
    return printable(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def show(value: Any) -> str:
    """Return ``value`` as a noun: ``the text '0,95'``, ``the number 5``, ``true``, ``a list``."""
    match value:
        case None:
            return "empty (null)"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text '{shorten(value)}'"
        case list():
            return "a list"
        case _:
            return "a mapping"


def literal(value: Any) -> str:
    """Return ``value`` as one would write it in YAML, for lists of choices."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return shorten(value)
        case _:
            return str(value)


def listing(options: Iterable[Any], conjunction: str = "or") -> str:
    """Return the options as a sentence does: ``a, b or c``."""
    words = [literal(option) for option in options]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {conjunction} {words[-1]}"


def closest(word: str, options: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the option that ``word`` most likely stands for, blind to case, spaces and hyphens."""
    plain = {_plain(option): option for option in islice(options, _MOST_OPTIONS)}
    matches = difflib.get_close_matches(_plain(word[:200]), plain, n=1, cutoff=cutoff)
    letters = sorted(_plain(word[:200]))
    turned = (option for key, option in plain.items() if len(letters) > 1 and sorted(key) == letters)  # ot → to
    return plain[matches[0]] if matches else next(turned, None)


def _plain(word: str) -> str:
    return word.lower().replace("-", "_").replace(" ", "_")


def suggest(word: str, options: Iterable[str], otherwise: str = "") -> str:
    """Return a hint: what ``word`` was meant to be, or ``otherwise`` when nothing is near."""
    meant = closest(word, options)
    return f"did you mean '{printable(meant)}'?" if meant else otherwise


def suggest_key(word: str, options: Sequence[str], otherwise: str = "") -> str:
    """Return a hint for an unknown key; knows what keys were called elsewhere. ``otherwise`` replaces the list."""
    if word == "tasks" and "operator" in options:
        return "a group has tasks and no operator"
    former = _FORMER_NAMES.get(_plain(word))
    if former and former.split(",")[0] in options:
        return f"here it is called {former}"
    listed = f"possible keys: {', '.join(sorted(options))}" if options else ""
    if len(options) > _MOST_KEYS:
        listed = f"possible keys: {', '.join(options[:8])} …; docs/reference.md has them all"
    return suggest(word, options, otherwise or listed)
