"""Schema errors in plain words: one function for each keyword of JSON Schema that the schemas use."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from driftgate.config.conform import Finding, Schema
from driftgate.config.layers import Layers
from driftgate.config.words import closest, dotted, listing, literal, shorten, suggest, suggest_key
from driftgate.errors import Problem

_TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "a mapping",
    "string": "text",
}
_YES_NO = dict.fromkeys(("yes", "on", "y", "true"), "true") | dict.fromkeys(("no", "off", "n", "false"), "false")
_PERCENT = re.compile(r"(-?[0-9.]+) ?%")


def explain(finding: Finding, layers: Layers) -> Iterator[Problem]:
    """Return the problems that ``finding`` amounts to."""
    return _KEYWORDS.get(finding.keyword, _other)(finding, layers)


def _type(finding: Finding, layers: Layers) -> Iterator[Problem]:
    types = [finding.rule] if isinstance(finding.rule, str) else finding.rule
    expected = finding.schema.get("title") or listing(_TYPES[name] for name in types)
    message = f"{finding.name} must be {expected}{finding.but}"
    yield layers.problem(finding.path, "wrong-type", message, _type_hint(finding, types))


def _type_hint(finding: Finding, types: list[str]) -> str:
    value = finding.value
    if "patternErrorMessage" in finding.schema:
        return str(finding.schema["patternErrorMessage"])
    if isinstance(value, str):
        return _hint_from_text(finding, types, value)
    if isinstance(value, list) and "all" in finding.schema.get("properties", ()):
        return "write all: and the list, or any: and the list"
    if "integer" in types and isinstance(value, float) and value.is_integer():
        return f"write {int(value)}"
    if "string" in types and isinstance(value, bool | int | float):
        return f'put it in quotes: "{literal(value)}"'
    return _usage(finding)


def _hint_from_text(finding: Finding, types: list[str], text: str) -> str:
    if "null" in types or text.lower() in {"~", "none", "null"}:
        return "write null without quotes" if "null" in types else _usage(finding)
    if "boolean" in types and text.lower() in _YES_NO:
        return f"write {_YES_NO[text.lower()]} without quotes"
    if ("number" in types or "integer" in types) and (number := _number_in(text)):
        return f"write {number}" if number != text else f"write {number} without quotes"
    if types == ["array"] and text:
        return f"write a list: [{shorten(text)}]"
    return _usage(finding)


def _number_in(text: str) -> str | None:
    """Return the number that ``text`` was meant to be: 0,95 → 0.95, 5% → 0.05, 1_000 → 1000."""
    percent = _PERCENT.fullmatch(text.strip())
    try:
        number = float(percent[1]) / 100 if percent else float(text.replace(",", "."))
    except ValueError:
        return None
    return f"{number:g}" if math.isfinite(number) and abs(number) < 1e6 else None


def _usage(finding: Finding) -> str:
    description = str(finding.schema.get("description", ""))
    examples = finding.schema.get("examples") or []
    return f"{description} Example: {flow(examples[0])}".strip() if examples else description


def flow(value: Any) -> str:
    """Return ``value`` as YAML on one line."""
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(flow(item) for item in value) + "]"
        case str() if not re.fullmatch(r"[A-Za-z/][\w ./:@-]*", value):
            return f'"{value}"'
        case _:
            return literal(value)


def _required(finding: Finding, layers: Layers) -> Iterator[Problem]:
    properties = finding.schema["properties"]
    meant = {closest(key, finding.rule): key for key in finding.value if key not in properties}
    told = finding.schema.get("additionalProperties") is False  # a misspelt key is then told as unknown
    for key in finding.rule:
        if key not in finding.value and not (told and key in meant):
            hint = how_to_add(key, properties.get(key, {}))
            if key in meant:
                hint = f"did you mean '{key}' by '{shorten(meant[key])}'?"
            message = f"{finding.name} has no '{key}'"
            yield layers.problem((*finding.path, key), "missing-key", message, hint)


def how_to_add(key: str, schema: Schema) -> str:
    """Return a hint that shows ``key`` as it could stand in the file, and says what it is."""
    sample = schema.get("examples") or [schema["default"]] if "default" in schema else schema.get("examples")
    sample = sample or schema.get("enum") or ["…"]
    description = schema.get("description", "").rstrip(".")
    return f"add {key}: {flow(sample[0])}" + (f"   # {description}" if description else "")


def _additional_properties(finding: Finding, layers: Layers) -> Iterator[Problem]:
    known = list(finding.schema.get("properties", {}))
    for key in [key for key in finding.value if key not in known][:20]:
        where = f" in {finding.name}" if finding.path else ""
        message = f"unknown key '{shorten(key)}'{where}"
        moved = finding.schema.get("movedKeys", {}).get(key)
        hint = moved or suggest_key(key, known, finding.schema.get("unknownKeyHint", ""))
        yield layers.problem((*finding.path, key), "unknown-key", message, hint, at_key=True)


def _enum(finding: Finding, layers: Layers) -> Iterator[Problem]:
    message = f"{finding.name} must be {listing(finding.rule)}{finding.but}"
    texts = [option for option in finding.rule if isinstance(option, str)]
    hint = suggest(finding.value, texts) if isinstance(finding.value, str) else ""
    yield layers.problem(finding.path, "not-a-choice", message, hint)


def _const(finding: Finding, layers: Layers) -> Iterator[Problem]:
    message = f"{finding.name} must be {literal(finding.rule)}{finding.but}"
    yield layers.problem(finding.path, "not-a-choice", message, f"write {literal(finding.rule)}, or leave it out")


def _range(finding: Finding, layers: Layers) -> Iterator[Problem]:
    message = f"{finding.name} must be {_range_of(finding.schema)}{finding.but}"
    yield layers.problem(finding.path, "out-of-range", message, _range_hint(finding))


def _range_of(schema: Schema) -> str:
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "greater than",
        "maximum": "at most",
        "exclusiveMaximum": "less than",
    }
    return " and ".join(f"{word} {schema[key]}" for key, word in words.items() if key in schema)


def _range_hint(finding: Finding) -> str:
    schema = finding.schema
    lower, upper = (
        schema.get("minimum", schema.get("exclusiveMinimum")),
        schema.get("maximum", schema.get("exclusiveMaximum")),
    )
    if lower in (0, 0.5) and upper == 1 and 1 < finding.value <= 100:
        return f"it is a share: {finding.value} % is {finding.value / 100:g}"
    return _usage(finding)


def _pattern(finding: Finding, layers: Layers) -> Iterator[Problem]:
    message = f"{finding.name} must be {finding.schema.get('title', 'written otherwise')}{finding.but}"
    hint = str(finding.schema.get("patternErrorMessage", ""))
    yield layers.problem(finding.path, "wrong-format", message, hint)


def _property_names(finding: Finding, layers: Layers) -> Iterator[Problem]:
    where = dotted(finding.path[:-1])
    message = f"'{shorten(finding.value)}' in {where} cannot be {finding.schema.get('title', 'a key')}"
    hint = str(finding.schema.get("patternErrorMessage", ""))
    yield layers.problem(finding.path, "wrong-format", message, hint, at_key=True)


def _unique(finding: Finding, layers: Layers) -> Iterator[Problem]:
    message = f"{dotted(finding.path[:-1])} lists '{literal(finding.value)}' twice"
    yield layers.problem(finding.path, "repeated-item", message, "remove one of the two")


def _size(finding: Finding, layers: Layers) -> Iterator[Problem]:
    schema = finding.schema
    if schema.get("minProperties") == schema.get("maxProperties") == 1:
        yield _not_one(finding, layers, list(schema["properties"]), bool(finding.value))
    elif finding.keyword == "maxLength":
        message = f"{finding.name} must be at most {finding.rule} characters long"
        yield layers.problem(finding.path, "too-long", message)
    else:
        yield layers.problem(finding.path, "empty", f"{finding.name} must not be empty", _usage(finding))


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
    yield layers.problem(finding.path, "wrong-format", f"{finding.name} is not valid{finding.but}", _usage(finding))


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
