"""Two values of a configuration side by side: where they differ, and whether the difference means anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, NamedTuple

from driftgate.config.conform import Schema
from driftgate.config.words import KeyPath
from driftgate.durations import is_duration, parse_duration


class Absence(Enum):
    """Stands where a key is not there; None is a value."""

    MISSING = "missing"


MISSING = Absence.MISSING


@dataclass(frozen=True)
class Difference:
    """A value that differs; MISSING where there is none. ``same``: written differently, and means the same."""

    path: KeyPath
    before: Any
    after: Any
    same: bool = False

    @property
    def kind(self) -> Literal["added", "removed", "changed"]:
        """What happened to the value."""
        return kind(self.before, self.after)


class Side(NamedTuple):
    """A value with every default filled in, and what somebody wrote of it (MISSING: nothing, it is a default)."""

    value: Any
    written: Any

    def get(self, key: str | int) -> Side:
        """Return what is at ``key``."""
        return Side(_get(self.value, key), _get(self.written, key))

    @property
    def opened(self) -> Side:
        """A mapping that is not there as one in which nothing is."""
        return Side({}, MISSING) if self.value is MISSING else self


Whole = Callable[[KeyPath], bool]


def differences(
    before: Side, after: Side, schema: Schema, path: KeyPath, whole: Whole, opened: Whole
) -> Iterator[Difference]:
    """Return where two values differ, in the order of ``after``.

    ``whole`` tells which mappings are compared as one value, ``opened`` which are looked into even where one side
    lacks them. A default that one side has and the other does not is no difference if nobody wrote anything there.
    """
    one, other = (before.opened, after.opened) if opened(path) else (before, after)
    if isinstance(one.value, Mapping) and isinstance(other.value, Mapping) and not whole(path):
        for key in dict.fromkeys([*other.value, *one.value]):
            if not _is_mere_default(one, other, key) and not _is_mere_default(other, one, key):
                yield from differences(one.get(key), other.get(key), inner(schema, key), (*path, key), whole, opened)
    elif _are_alike(before.value, after.value):
        for index, _ in enumerate(after.value):
            below = inner(schema, index)
            yield from differences(before.get(index), after.get(index), below, (*path, index), whole, opened)
    elif not equal(before.value, after.value):
        same = equal(_meaning(before.value, schema), _meaning(after.value, schema))
        yield Difference(path, before.value, after.value, same)


def kind(before: Any, after: Any) -> Literal["added", "removed", "changed"]:
    """Return what makes the one value the other."""
    return "added" if before is MISSING else "removed" if after is MISSING else "changed"


def inner(schema: Schema, key: str | int) -> Schema:
    """Return the schema of what is at ``key``; an empty one where nothing is said of it."""
    found = schema.get("items") if isinstance(key, int) else _property(schema, key)
    return found if isinstance(found, dict) else {}


def equal(one: Any, other: Any) -> bool:
    """Tell whether two values are the same, where neither true nor 1.0 is 1, and the order of keys does not count."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return type(one) is type(other) and bool(one == other)


def _property(schema: Schema, key: str) -> Any:
    properties = schema.get("properties", {})
    return properties[key] if key in properties else schema.get("additionalProperties")


def _get(value: Any, key: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(key, MISSING)
    return value[key] if isinstance(value, list) and isinstance(key, int) and key < len(value) else MISSING


def _is_mere_default(one: Side, other: Side, key: str) -> bool:
    return key not in one.value and one.written is MISSING and other.get(key).written is MISSING


def without_common_defaults(one: Side, other: Side) -> tuple[Any, Any]:
    """Return the values of both; of mappings, without what is the same in both and was written in neither."""
    keys = [key for side in (one, other) if isinstance(side.value, Mapping) for key in side.value]
    defaults = {
        key
        for key in keys
        if one.get(key).written is MISSING
        and other.get(key).written is MISSING
        and (MISSING in (one.value, other.value) or equal(one.get(key).value, other.get(key).value))
    }
    return _trimmed(one.value, defaults), _trimmed(other.value, defaults)


def _trimmed(value: Any, keys: set[str]) -> Any:
    return {key: value[key] for key in value if key not in keys} if isinstance(value, Mapping) else value


def _are_alike(one: Any, other: Any) -> bool:
    """Tell whether two lists are of as many mappings, so that each can be compared with its counterpart."""
    lists = isinstance(one, list) and isinstance(other, list) and len(one) == len(other) > 0
    return lists and all(isinstance(item, Mapping) for item in (*one, *other))


def _meaning(value: Any, schema: Schema) -> Any:
    """Return what a value comes to: two durations may be as long, and lists without order hold the same."""
    if isinstance(value, str) and schema.get("title") == "a duration" and is_duration(value):
        return parse_duration(value)
    if isinstance(value, int) and not isinstance(value, bool) and schema.get("type") == "number":
        return float(value)
    if isinstance(value, list) and schema.get("uniqueItems"):
        return sorted(value, key=lambda item: (type(item).__name__, str(item)))
    return value
