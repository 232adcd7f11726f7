"""The JSON Schemas of the language, ready to check with, and the defaults they declare."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

_PACKAGE = Path(__file__).resolve().parent.parent
_SUFFIX = ".schema.json"


def schema_dir() -> Path:
    """Return where the schemas are: at the repository's root, or inside an installed package."""
    in_repository = _PACKAGE.parent / "schemas"
    return in_repository if in_repository.is_dir() else _PACKAGE / "schemas"


@cache
def operators() -> tuple[str, ...]:
    """Return the names of Driftgate's own operators, sorted."""
    return tuple(sorted(path.name.removesuffix(_SUFFIX) for path in (schema_dir() / "operators").glob("*.json")))


@cache
def envelope() -> Schema:
    """Return the schema of a pipeline without its tasks, of which each is checked by its operator's own."""
    schema: Schema = _inline(_pipeline_file())
    schema["properties"]["tasks"].pop("additionalProperties")
    return schema


@cache
def sections() -> tuple[str, ...]:
    """Return the keys of a pipeline that operators receive whole."""
    properties = envelope()["properties"]
    return tuple(key for key, schema in properties.items() if schema.get("type") == "object" and key != "tasks")


@cache
def task_settings() -> Schema:
    """Return the properties that every task may have, whatever its operator."""
    properties: Schema = _inline(_pipeline_file()["$defs"]["task"]["properties"])
    properties["operator"].pop("anyOf")  # told in plain words by validate.py
    return properties


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
        "properties": {**own["properties"], **task_settings()},
        "additionalProperties": own.get("additionalProperties", False),
    }


def with_defaults(data: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """Return a deep copy of ``data`` in which every default that ``schema`` declares is filled in."""
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    absent = {key: rules["default"] for key, rules in properties.items() if "default" in rules and key not in data}
    return {key: _filled(value, properties.get(key, others)) for key, value in {**data, **absent}.items()}


def _filled(value: Any, schema: Any) -> Any:
    if isinstance(value, Mapping):
        return with_defaults(value, schema if isinstance(schema, dict) else {})
    return copy.deepcopy(value) if isinstance(value, list) else value


@cache
def _read(name: str) -> Schema:
    schema: Schema = json.loads((schema_dir() / name).read_text(encoding="utf-8"))
    return schema


def _pipeline_file() -> Schema:
    return _read(f"pipeline{_SUFFIX}")


def _inline(schema: Any) -> Any:
    """Return ``schema`` with every $ref replaced by what it names; what stands beside it takes precedence.

    Checking is faster for it, and so is looking up the description or the default of a property.
    """
    if isinstance(schema, list):
        return [_inline(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "#/$defs/" in schema.get("$ref", ""):
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**_pipeline_file()["$defs"][schema["$ref"].rpartition("/")[2]], **beside}
    return {key: _inline(value) for key, value in schema.items() if key != "$defs"}
