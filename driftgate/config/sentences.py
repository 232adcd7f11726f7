"""Schema errors in plain words: one function for each keyword of JSON Schema that the schemas use."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any

from driftgate.config import schemas
from driftgate.config.conform import Finding, Schema
from driftgate.config.cron import number_hint
from driftgate.config.layers import Layers
from driftgate.config.meant import duration_hint
from driftgate.config.places import hint_for_key, stands_for
from driftgate.config.words import called, listing, literal, shorten, suggest
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
RENAME = "rename the file: a pipeline's name has letters, digits, '_', '-' and '.', at most 200 of them"
_NAMES = ("Airflow", "Parquet", "Python")  # that begin a description
_YES_NO = dict.fromkeys(("yes", "on", "y", "true"), "true") | dict.fromkeys(("no", "off", "n", "false"), "false")
# What other tools call a choice → what it is called here.
_CHOICES = {
    "bool": "boolean",
    "date": "datetime",
    "debug": "info",
    "double": "number",
    "e-mail": "email",
    "float": "number",
    "int": "integer",
    "smtp": "email",
    "str": "string",
    "text": "string",
    "timestamp": "datetime",
}
_DURATION = "a duration"
_PERCENT = re.compile(r"(-?[0-9.]+) ?%")


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
    yield layers.problem(finding.path, "wrong-type", message, _type_hint(finding, types))


def _type_hint(finding: Finding, types: list[str]) -> str:
    value, schema = finding.value, finding.schema
    if schema.get("title") == _DURATION and (hint := duration_hint(value)):
        return hint
    if isinstance(value, list | dict) and (hint := _hint_from_collection(finding, types)):
        return hint
    if "patternErrorMessage" in schema:
        return str(schema["patternErrorMessage"])
    if types == ["object"]:
        return _hint_for_mapping(finding)
    if isinstance(value, str):
        return _hint_from_text(finding, types, value)
    return _hint_from_number(finding, types) if isinstance(value, bool | int | float) else _usage(finding)


def _hint_from_collection(finding: Finding, types: list[str]) -> str:
    value = finding.value
    if isinstance(value, dict):
        return f"write a list: {flow(list(value))}" if types == ["array"] else ""
    if finding.path[-1:] == ("asset",):
        return f"write any: {flow(value)}, or all: {flow(value)}"
    if "all" in finding.schema.get("properties", ()):
        return f"write {flow({'any': value})}, or {flow({'all': value})}"
    return f"write {flow(value[0])} without brackets" if types == ["string"] and len(value) == 1 else ""


def _hint_from_number(finding: Finding, types: list[str]) -> str:
    value = finding.value
    if finding.path == ("schedule",) and isinstance(value, int) and not isinstance(value, bool):
        return number_hint(value)
    if "integer" in types and isinstance(value, float) and value.is_integer():
        return f"write {int(value)}"
    return f'put it in quotes: "{literal(value)}"' if "string" in types else _usage(finding)


def _hint_for_mapping(finding: Finding) -> str:
    """Return how to write a mapping in place of what is there."""
    path, value = finding.path, finding.value
    samples, key = finding.schema.get("examples") or [], path[-1] if path else ""
    if finding.schema.get("maxProperties") == 1 and samples and isinstance(value, bool | int | float):
        return f"write {key}: {flow(dict.fromkeys(samples[0], value))}"
    if isinstance(value, list) and key == "tasks":
        return "write each task's id as a key, and its operator and so on below it, indented: no '-' before them"
    if path[-2:-1] == ("tasks",):  # a task
        named = isinstance(value, str) and (value in schemas.operators() or "." in value)
        return f"write {key}: {{operator: {value}}}" if named else "write operator: and so on below it, indented"
    if isinstance(key, int) and samples:
        return f"write {flow(samples[0])}, say"
    example = f", or {key}: {flow(samples[0])}" if samples else ""
    return f"write its keys on the lines below it, indented{example}"


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
    meant = {stands_for(key, finding.rule): key for key in finding.value if key not in properties}
    told = finding.schema.get("additionalProperties") is False  # a misspelt key is then told as unknown
    for key in finding.rule:
        if key in finding.value or (told and key in meant):
            continue
        if key in meant:
            message = f"'{shorten(meant[key])}' should be '{key}'"
            hint = f"write {key}: {flow(finding.value[meant[key]])}"
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
        return _operator_to_add(finding.value)
    return how_to_add(key, schema)


def _operator_to_add(task: dict[str, Any]) -> str:
    """Return the hint for a task without an operator; its own keys may say which one it must be."""
    own = task.keys() - schemas.task_keys().keys()
    fitting = [name for name in schemas.operators() if own and own <= schemas.parameters(name)["properties"].keys()]
    if fitting:
        return f"add operator: {listing(fitting)}"
    return f"add operator: and what the task runs, such as {flow({'operator': 'log_status'})[1:-1]}"


def how_to_add(key: str, schema: Schema) -> str:
    """Return a hint that shows ``key`` as it could stand in the file, and says what it is."""
    samples = schema.get("examples") or [schema.get("default", (schema.get("enum") or ["…"])[0])]
    sample = flow(samples[0])
    what = _lowered(re.split(r"[:;.] |\.$", schema.get("description", ""))[0])
    return f"add {key}: {'…' if '{{' in sample else sample}" + (f" ({what})" if what else "")


def _lowered(text: str) -> str:
    """Return a sentence's beginning as it reads within another sentence; names keep their capital."""
    first, _, rest = text.partition(" ")
    name = first in _NAMES or not first[1:].islower() or rest[:1].isupper()
    return text if name else text[:1].lower() + text[1:]


def _additional_properties(finding: Finding, layers: Layers) -> Iterator[Problem]:
    known = list(finding.schema.get("properties", {}))
    for key in [key for key in finding.value if key not in known][:20]:
        where = f" in {finding.name}" if finding.path else ""
        message = f"unknown key '{shorten(key)}'{where}"
        hint = hint_for_key(key, finding.schema, finding.value[key], _beside(key, finding, layers))
        yield layers.problem((*finding.path, key), "unknown-key", message, hint, at_key=True)


def _beside(key: str, finding: Finding, layers: Layers) -> set[str]:
    """Return the known keys that stand beside ``key`` in the same file."""
    file = layers.place((*finding.path, key), at_key=True)[0]
    known = [other for other in finding.schema.get("properties", {}) if other in finding.value]
    return {other for other in known if layers.place((*finding.path, other), at_key=True)[0] == file}


def _enum(finding: Finding, layers: Layers) -> Iterator[Problem]:
    message = f"{finding.name} must be {listing(finding.rule)}{finding.but}"
    texts = [option for option in finding.rule if isinstance(option, str)]
    yield layers.problem(finding.path, "not-a-choice", message, _choice_hint(finding.value, texts))


def _choice_hint(value: Any, options: list[str]) -> str:
    if not isinstance(value, str):
        return ""
    usual = _CHOICES.get(value.lower())
    return f"write {usual}" if usual in options else suggest(value, options)


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
    schema, value = finding.schema, finding.value
    is_share = re.search(r"\bshare\b", schema.get("description", ""), re.IGNORECASE)
    if is_share and 1 < value <= 100:
        return f"it is a share: {value} % is {value / 100:g}"
    if not schema.get("description"):  # a param's own rule
        bound, kind = ("minimum", "greater") if finding.keyword == "minimum" else ("maximum", "less")
        return f"write {schema[bound]} or {kind}, or change {bound}" if bound in schema else ""
    return _usage(finding)


def _pattern(finding: Finding, layers: Layers) -> Iterator[Problem]:
    title = finding.schema.get("title", "written otherwise")
    hint = duration_hint(finding.value) if title == _DURATION else ""
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
        message = f"{finding.name} must have exactly one of {listing(schema['properties'])}"
        samples = schema.get("examples") or [{"above": 0.9}]
        hint = "keep one of them" if finding.value else f"such as {flow(samples[0])}"
        yield layers.problem(finding.path, "not-exactly-one", message, hint)
    elif finding.keyword == "maxLength":
        message = f"{finding.name} must be at most {finding.rule} characters long"
        yield layers.problem(finding.path, "too-long", message)
    else:
        yield layers.problem(finding.path, "empty", f"{finding.name} must not be empty", _usage(finding))


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
    "pattern": _pattern,
    "propertyNames": _property_names,
    "required": _required,
    "type": _type,
    "uniqueItems": _unique,
}
