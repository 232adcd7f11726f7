"""The JSON Schemas of the language, ready to check with, and the defaults they declare."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from driftgate.config.conform import Schema

_PACKAGE = Path(__file__).resolve().parent.parent
_SUFFIX = ".schema.json"
_NO_SECTIONS = ("params", "tasks")
_NOTHING: Schema = {}
_others: list[Path] = []  # folders to read instead, the last of them


def schema_dir() -> Path:
    """Return where the schemas are: at the repository's root, or inside an installed package."""
    if _others:
        return _others[-1]
    in_repository = _PACKAGE.parent / "schemas"
    return in_repository if in_repository.is_dir() else _PACKAGE / "schemas"


@contextmanager
def using(folder: Path) -> Iterator[None]:
    """Read the schemas in ``folder`` instead until the end of the block: those of another state of the language."""
    _others.append(folder)
    _forget()
    try:
        yield
    finally:
        _others.pop()
        _forget()


def _forget() -> None:
    for cached in (operators, envelope, environment, sections, alert_events, common_settings, task_keys, group,
                   parameters, task, definition, channel, _read):  # fmt: skip
        cached.cache_clear()


@cache
def operators() -> tuple[str, ...]:
    """Return the names of Driftgate's own operators, sorted."""
    return tuple(sorted(path.name.removesuffix(_SUFFIX) for path in (schema_dir() / "operators").glob("*.json")))


@cache
def envelope() -> Schema:
    """Return the schema of a complete pipeline without its tasks, of which each is checked by its operator's own."""
    file = _pipeline_file()
    complete = _inline(file["else"])  # what editors must not ask of a file that extends another
    complete["properties"]["tasks"] = {}
    schema = _overlay(_define("part"), {**complete, "required": [*file["required"], *complete["required"]]})
    schema["properties"]["tasks"].pop("additionalProperties")
    return schema


@cache
def environment() -> Schema:
    """Return the schema of an environment's file, of which the parts of pipelines are checked as such."""
    schema: Schema = _read(f"environment{_SUFFIX}")
    part = {"type": "object", "description": "Keys of a pipeline."}
    parts = {"defaults": {"type": "object"}, "pipelines": {"type": "object", "additionalProperties": part}}
    return _overlay(schema, {"properties": parts})


@cache
def sections() -> tuple[str, ...]:
    """Return the keys of a pipeline that operators receive whole."""
    properties = envelope()["properties"]
    return tuple(
        key for key, schema in properties.items() if schema.get("type") == "object" and key not in _NO_SECTIONS
    )


@cache
def alert_events() -> tuple[str, ...]:
    """The things that channels can be told of: keys of the section ``alerts``."""
    return tuple(key for key in envelope()["properties"]["alerts"]["properties"] if key.startswith("on_"))


@cache
def common_settings() -> tuple[str, ...]:
    """Return the keys that a pipeline may set for all its tasks, and a task for itself."""
    suffix = "_setting"
    return tuple(key.removesuffix(suffix) for key in _pipeline_file()["$defs"] if key.endswith(suffix))


@cache
def task_keys() -> Schema:
    """Return the properties that every task may have, whatever its operator."""
    properties: Schema = _inline(_pipeline_file()["$defs"]["task"]["properties"])
    return properties


@cache
def group() -> Schema:
    """Return the schema of a group without its tasks."""
    schema = {**_define("group"), "required": ["tasks"]}
    schema["properties"]["tasks"].pop("additionalProperties")
    return schema


@cache
def parameters(operator: str) -> Schema:
    """Return the schema of an operator's own parameters; of a foreign operator, one that allows everything."""
    if operator not in operators():
        return {"type": "object", "properties": {}, "additionalProperties": True}
    schema: Schema = _inline(_read(f"operators/{operator}{_SUFFIX}"))
    return schema


@cache
def task(operator: str) -> Schema:
    """Return the schema of a whole task with this operator."""
    own = parameters(operator)
    return {
        "type": "object",
        "required": ["operator", *own.get("required", [])],
        "properties": {**own["properties"], **task_keys()},
        "additionalProperties": own.get("additionalProperties", False),
        "movedKeys": own.get("movedKeys", _NOTHING),
    }


@cache
def definition(name: str) -> Schema:
    """Return one of the definitions that the schemas share."""
    return _define(name)


@cache
def channel(kind: str) -> Schema | None:
    """Return what a channel of one type needs and may have; None if there is no such type."""
    if "channel" not in _pipeline_file()["$defs"]:  # of an older state of the language
        return None
    common = _define("channel")
    for branch in common["allOf"]:
        if branch["if"]["properties"]["type"]["const"] == kind:
            own = branch["then"]
            absent = {key for key, rules in own["properties"].items() if rules is False}
            properties = {
                key: {**rules, **own["properties"].get(key, _NOTHING)}
                for key, rules in common["properties"].items()
                if key not in absent
            }
            return {"required": own["required"], "properties": properties, "additionalProperties": False}
    return None


def _define(name: str) -> Schema:
    schema: Schema = _inline({"$ref": f"#/$defs/{name}"})
    return schema


def with_defaults(data: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """Return a deep copy of ``data`` in which every default that ``schema`` declares is filled in."""
    properties, others = schema.get("properties", _NOTHING), schema.get("additionalProperties")
    filled = {key: _filled(value, properties.get(key, others)) for key, value in data.items()}
    for key, rules in properties.items():
        if "default" in rules and key not in filled:
            filled[key] = _filled(rules["default"], rules)
    return filled


def _filled(value: Any, schema: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return with_defaults(value, schema if isinstance(schema, dict) else _NOTHING)
    return [_filled(item, None) for item in value] if kind is list else value


@cache
def _read(name: str) -> Schema:
    schema: Schema = json.loads((schema_dir() / name).read_text(encoding="utf-8"))
    return schema


def _pipeline_file() -> Schema:
    return _read(f"pipeline{_SUFFIX}")


def _overlay(below: Schema, above: Schema) -> Schema:
    """Return ``below`` with what ``above`` adds to it, at every level."""
    both = {key: _overlay(below[key], value) for key, value in above.items() if isinstance(below.get(key), dict)}
    return {**below, **above, **both}


def _inline(schema: Any, within: tuple[str, ...] = ()) -> Any:
    """Return ``schema`` with every $ref replaced by what it names; what stands beside it takes precedence.

    Checking is faster for it, and so is looking up the description or the default of a property. A definition
    that holds itself is cut off there: who checks it goes down step by step.
    """
    if isinstance(schema, list):
        return [_inline(item, within) for item in schema]
    if not isinstance(schema, dict):
        return schema
    _, _, name = schema.get("$ref", "").partition("#/$defs/")
    if name in within:
        return {}
    if name:
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return _inline({**_pipeline_file()["$defs"][name], **beside}, (*within, name))
    return {key: _inline(value, within) for key, value in schema.items() if key != "$defs"}
