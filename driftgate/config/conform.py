"""The part of JSON Schema that the schemas use, checked so that each fault can be explained.

Reading a configuration must take no time, and a general validator takes longer to import than all the rest to run.
What differs on purpose: a whole number is one that is written as such (2.0 would reach Airflow as a float), and of
a list only repeated scalars count as repeated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from driftgate.config.words import KeyPath, called, show

Schema = dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """What a keyword of a schema has against the value at ``path``."""

    path: KeyPath
    keyword: str
    rule: Any
    value: Any
    schema: Schema

    @property
    def name(self) -> str:
        return called(self.path) or "the file"

    @property
    def but(self) -> str:
        """The value, as the end of a sentence about what it must be."""
        return ", but it is empty" if self.value is None else f", not {show(self.value)}"


def findings(value: Any, schema: Schema, path: KeyPath = ()) -> Iterator[Finding]:
    """Return everything that ``schema`` has against ``value``, which stands at ``path``; a wrong type says it all."""
    if "type" in schema and not _type(value, schema["type"]):
        yield Finding(path, "type", schema["type"], value, schema)
        return
    for keyword, rule in schema.items():
        if keyword in _WITHIN:
            yield from _WITHIN[keyword](value, rule, schema, path)
        elif keyword in _HOLDS and not _HOLDS[keyword](value, rule):
            yield Finding(path, keyword, rule, value, schema)


def _type(value: Any, rule: Any) -> bool:
    return any(_IS[name](value) for name in ([rule] if isinstance(rule, str) else rule))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_IS: dict[str, Callable[[Any], bool]] = {
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "null": lambda value: value is None,
    "number": _is_number,
    "object": lambda value: isinstance(value, dict),
    "string": lambda value: isinstance(value, str),
}


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same in JSON, where true is not 1."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _pattern(value: Any, rule: str) -> bool:
    return not isinstance(value, str) or _compiled(rule).search(value) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace("$", r"\Z"))  # Python's $ would let a final line break pass


# keyword → whether the value itself keeps the rule; what the rule is not about does
_HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "const": same,
    "enum": lambda value, rule: any(same(value, option) for option in rule),
    "exclusiveMaximum": lambda value, rule: not _is_number(value) or value < rule,
    "exclusiveMinimum": lambda value, rule: not _is_number(value) or value > rule,
    "maxLength": lambda value, rule: not isinstance(value, str) or len(value) <= rule,
    "maxProperties": lambda value, rule: not isinstance(value, dict) or len(value) <= rule,
    "maximum": lambda value, rule: not _is_number(value) or value <= rule,
    "minItems": lambda value, rule: not isinstance(value, list) or len(value) >= rule,
    "minLength": lambda value, rule: not isinstance(value, str) or len(value) >= rule,
    "minProperties": lambda value, rule: not isinstance(value, dict) or len(value) >= rule,
    "minimum": lambda value, rule: not _is_number(value) or value >= rule,
    "oneOf": lambda value, rule: sum(next(findings(value, option), None) is None for option in rule) == 1,
    "pattern": _pattern,
    "required": lambda value, rule: not isinstance(value, dict) or all(key in value for key in rule),
}


def _properties(value: Any, rule: Schema, schema: Schema, path: KeyPath) -> Iterator[Finding]:
    if isinstance(value, dict):
        for key in rule:
            if key in value:
                yield from findings(value[key], rule[key], (*path, key))


def _additional(value: Any, rule: Any, schema: Schema, path: KeyPath) -> Iterator[Finding]:
    known = schema.get("properties", {})
    others = [key for key in value if key not in known] if isinstance(value, dict) else []
    if rule is False and others:
        yield Finding(path, "additionalProperties", rule, value, schema)
    elif isinstance(rule, dict):
        for key in others:
            yield from findings(value[key], rule, (*path, key))


def _names(value: Any, rule: Schema, schema: Schema, path: KeyPath) -> Iterator[Finding]:
    for key in value if isinstance(value, dict) else ():
        for finding in findings(key, rule, (*path, key)):
            yield Finding(finding.path, "propertyNames", finding.rule, key, rule)


def _items(value: Any, rule: Schema, schema: Schema, path: KeyPath) -> Iterator[Finding]:
    for index, item in enumerate(value if isinstance(value, list) else ()):
        yield from findings(item, rule, (*path, index))


def _unique(value: Any, rule: bool, schema: Schema, path: KeyPath) -> Iterator[Finding]:
    seen = set()
    for index, item in enumerate(value if rule and isinstance(value, list) else ()):
        if isinstance(item, str | int | float):
            key = (isinstance(item, bool), item)
            if key in seen:
                yield Finding((*path, index), "uniqueItems", rule, item, schema)
            seen.add(key)


# keyword → what it has against the values inside
_WITHIN: dict[str, Callable[[Any, Any, Schema, KeyPath], Iterator[Finding]]] = {
    "additionalProperties": _additional,
    "items": _items,
    "properties": _properties,
    "propertyNames": _names,
    "uniqueItems": _unique,
}
