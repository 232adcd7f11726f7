"""Schema errors in plain words: one function for each keyword of JSON Schema that the schemas use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import PurePath

from driftgate.config import written
from driftgate.config.conform import Finding, Schema
from driftgate.config.hints import (
    DURATION,
    as_written,
    choice_hint,
    flow,
    how_to_add,
    operator_to_add,
    range_hint,
    type_hint,
    usage,
)
from driftgate.config.layers import Layers
from driftgate.config.meant import duration_hint
from driftgate.config.places import hint_for_key, stands_for
from driftgate.config.words import called, listing, literal, shorten
from driftgate.errors import Problem

__all__ = ["explain", "flow", "how_to_add"]

_TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "a mapping",
    "string": "text",
}
RENAME = "rename the file: a pipeline's name has letters, digits, '_', '-' and '.', at most 200 of them"


def explain(finding: Finding, layers: Layers) -> Iterator[Problem]:
    """Return the problems that ``finding`` amounts to."""
    return _KEYWORDS.get(finding.keyword, _other)(finding, layers)


def _type(finding: Finding, layers: Layers) -> Iterator[Problem]:
    types = [finding.rule] if isinstance(finding.rule, str) else finding.rule
    expected = finding.schema.get("title") or listing(_TYPES[name] for name in types)
    but = finding.but
    if finding.value is None and layers.place(finding.path) != layers.place(finding.path, at_key=True):
        but = ", but it is null"  # written out
    message = f"{finding.name} must be {expected}{but}"
    problem = layers.problem(finding.path, "wrong-type", message, type_hint(finding, types))
    if types == ["array"] and isinstance(finding.value, str) and problem.message == message:
        lines = layers.lines(finding.path)
        if found := written.item(lines, problem.line, problem.column):
            line, column, message, hint = found
            problem = replace(problem, line=line, column=column, message=message, hint=hint)
    yield problem


def _required(finding: Finding, layers: Layers) -> Iterator[Problem]:
    properties = finding.schema["properties"]
    meant = {stands_for(key, finding.rule): key for key in finding.value if key not in properties}
    told = finding.schema.get("additionalProperties") is False  # a misspelt key is then told as unknown
    for key in finding.rule:
        if key in finding.value or (told and key in meant):
            continue
        if key in meant:
            message = f"'{shorten(meant[key])}' should be '{key}'"
            hint = f"write {key}: {as_written(finding.value[meant[key]])}"
            yield layers.problem((*finding.path, meant[key]), "unknown-key", message, hint, at_key=True)
        else:
            hint = _how_to_add_here(key, properties.get(key, {}), finding, layers)
            yield layers.problem((*finding.path, key), "missing-key", f"{finding.name} has no '{key}'", hint)


def _how_to_add_here(key: str, schema: Schema, finding: Finding, layers: Layers) -> str:
    if key == "dag_id":
        stem = PurePath(layers.documents[layers.home].file).stem
        fits = re.search(schema.get("pattern", ""), stem)
        return f"add dag_id: {stem}, the name of the file" if fits else RENAME
    if key == "operator":
        return operator_to_add(finding.value)
    return how_to_add(key, schema)


def _additional_properties(finding: Finding, layers: Layers) -> Iterator[Problem]:
    known = list(finding.schema.get("properties", {}))
    for key in [key for key in finding.value if key not in known][:20]:
        where = f" in {finding.name}" if finding.path else ""
        message = f"unknown key '{shorten(key)}'{where}"
        moved = finding.schema.get("movedKeys", {}).get(key)
        hint = moved or hint_for_key(key, finding.schema, finding.value[key], _beside(key, finding, layers))
        yield layers.problem((*finding.path, key), "unknown-key", message, hint, at_key=True)


def _beside(key: str, finding: Finding, layers: Layers) -> set[str]:
    """Return the known keys that stand beside ``key`` in the same file."""
    file = layers.place((*finding.path, key), at_key=True)[0]
    known = [other for other in finding.schema.get("properties", {}) if other in finding.value]
    return {other for other in known if layers.place((*finding.path, other), at_key=True)[0] == file}


def _enum(finding: Finding, layers: Layers) -> Iterator[Problem]:
    message = f"{finding.name} must be {listing(finding.rule)}{finding.but}"
    texts = [option for option in finding.rule if isinstance(option, str)]
    yield layers.problem(finding.path, "not-a-choice", message, choice_hint(finding, texts))


def _const(finding: Finding, layers: Layers) -> Iterator[Problem]:
    message = f"{finding.name} must be {literal(finding.rule)}{finding.but}"
    yield layers.problem(finding.path, "not-a-choice", message, f"write {literal(finding.rule)}, or leave it out")


def _range(finding: Finding, layers: Layers) -> Iterator[Problem]:
    message = f"{finding.name} must be {_range_of(finding.schema)}{finding.but}"
    yield layers.problem(finding.path, "out-of-range", message, range_hint(finding))


def _range_of(schema: Schema) -> str:
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "greater than",
        "maximum": "at most",
        "exclusiveMaximum": "less than",
    }
    return " and ".join(f"{word} {schema[key]}" for key, word in words.items() if key in schema)


def _pattern(finding: Finding, layers: Layers) -> Iterator[Problem]:
    title = finding.schema.get("title", "written otherwise")
    hint = duration_hint(finding.value) if title == DURATION else ""
    message = f"{finding.name} must be {title}{finding.but}"
    hint = hint or str(finding.schema.get("patternErrorMessage", ""))
    yield layers.problem(finding.path, "wrong-format", message, hint)


def _property_names(finding: Finding, layers: Layers) -> Iterator[Problem]:
    where = called(finding.path[:-1])
    message = f"'{shorten(finding.value)}' in {where} cannot be {finding.schema.get('title', 'a key')}"
    hint = str(finding.schema.get("patternErrorMessage", ""))
    yield layers.problem(finding.path, "wrong-format", message, hint, at_key=True)


def _unique(finding: Finding, layers: Layers) -> Iterator[Problem]:
    message = f"{called(finding.path[:-1])} lists '{literal(finding.value)}' twice"
    yield layers.problem(finding.path, "repeated-item", message, "remove one of the two")


def _size(finding: Finding, layers: Layers) -> Iterator[Problem]:
    schema = finding.schema
    if schema.get("minProperties") == schema.get("maxProperties") == 1:
        yield _not_one(finding, layers, list(schema["properties"]), bool(finding.value))
    elif finding.keyword == "maxLength":
        message = f"{finding.name} must be at most {finding.rule} characters long"
        yield layers.problem(finding.path, "too-long", message)
    else:
        yield layers.problem(finding.path, "empty", f"{finding.name} must not be empty", usage(finding))


def _one_of(finding: Finding, layers: Layers) -> Iterator[Problem]:
    options = [key for option in finding.rule for key in option["required"]]
    written = [key for key in options if key in finding.value]
    if not written and any(key not in finding.schema["properties"] for key in finding.value):
        return  # a misspelt key is told as unknown
    yield _not_one(finding, layers, options, bool(written))


def _not_one(finding: Finding, layers: Layers, options: list[str], several: bool) -> Problem:
    message = f"{finding.name} must have exactly one of {listing(options)}"
    samples = finding.schema.get("examples") or [{options[0]: "…"}]
    hint = "keep one of them" if several else f"such as {flow({**samples[0], **finding.value})}"
    return layers.problem(finding.path, "not-exactly-one", message, hint)


def _other(finding: Finding, layers: Layers) -> Iterator[Problem]:
    yield layers.problem(finding.path, "wrong-format", f"{finding.name} is not valid{finding.but}", usage(finding))


_KEYWORDS: dict[str, Callable[[Finding, Layers], Iterator[Problem]]] = {
    "additionalProperties": _additional_properties,
    "const": _const,
    "enum": _enum,
    "exclusiveMaximum": _range,
    "exclusiveMinimum": _range,
    "maxLength": _size,
    "maxProperties": _size,
    "maximum": _range,
    "minItems": _size,
    "minLength": _size,
    "minProperties": _size,
    "minimum": _range,
    "oneOf": _one_of,
    "pattern": _pattern,
    "propertyNames": _property_names,
    "required": _required,
    "type": _type,
    "uniqueItems": _unique,
}
