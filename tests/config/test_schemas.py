from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from driftgate.config import schemas
from driftgate.config.layers import Layers
from driftgate.config.load import find_pipelines
from driftgate.config.source import read

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "schemas").rglob("*.json"))
PIPELINE = json.loads((ROOT / "schemas" / "pipeline.schema.json").read_text(encoding="utf-8"))
REGISTRY: Registry[Any] = Registry().with_resources(
    (f"/{path.relative_to(ROOT).as_posix()}", Resource.from_contents(json.loads(path.read_text(encoding="utf-8"))))
    for path in FILES
)


def editor() -> Draft202012Validator:
    """The published schema as an editor uses it, with its references to other files."""
    return Draft202012Validator({"$ref": "/schemas/pipeline.schema.json"}, registry=REGISTRY)


def effective(path: Path) -> Any:
    defaults = ROOT / "config" / "defaults.yaml"
    return Layers((read(path, "x.yaml"), read(defaults, "d.yaml"))).data


def properties(schema: Any, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        for key, value in schema.get("properties", {}).items():
            if "const" not in value or "description" in value:
                yield f"{name}.{key}", value
        for key, value in schema.items():
            if key not in {"if", "examples", "default"}:
                yield from properties(value, f"{name}.{key}")
    if isinstance(schema, list):
        for value in schema:
            yield from properties(value, name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_schema_is_one(path: Path) -> None:
    Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_property_is_described(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))

    assert schema["description"]
    assert [name for name, value in properties(schema) if not value.get("description", "").endswith(".")] == []


@pytest.mark.parametrize("operator", ["", *schemas.operators()])
def test_examples_and_defaults_are_valid_themselves(operator: str) -> None:
    schema = schemas.parameters(operator) if operator else schemas.envelope()
    for name, value in properties(schema):
        for sample in [*value.get("examples", []), *([value["default"]] if "default" in value else [])]:
            assert Draft202012Validator(value).is_valid(sample), (name, sample)


def test_the_operators_of_the_pipeline_schema_are_the_files() -> None:
    task = PIPELINE["$defs"]["task"]
    conditions = [branch["if"]["properties"]["operator"].get("const") for branch in task["allOf"][:-1]]
    references = [branch["then"]["$ref"] for branch in task["allOf"][:-1]]

    assert task["properties"]["operator"]["anyOf"][0]["enum"] == list(schemas.operators())
    assert conditions == list(schemas.operators())
    assert references == [f"operators/{operator}.schema.json" for operator in schemas.operators()]


def test_no_operator_has_a_parameter_that_is_a_setting_of_every_task() -> None:
    for operator in schemas.operators():
        assert not set(schemas.parameters(operator)["properties"]) & set(schemas.task_settings())


VALID = [*find_pipelines(ROOT / "config"), *sorted((ROOT / "tests" / "cases" / "valid").glob("*.yaml"))]


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_editors_find_nothing_in_a_valid_file(path: Path) -> None:
    assert list(editor().iter_errors(effective(path))) == []


INVALID = sorted((ROOT / "tests" / "cases" / "invalid").glob("schema-*/config/pipelines/example.yaml"))


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.parts[-4])
def test_editors_complain_about_an_invalid_file_too(path: Path) -> None:
    assert not editor().is_valid(effective(path))


def test_defaults_are_filled_in_at_every_level_and_nothing_is_overwritten() -> None:
    retraining = schemas.with_defaults({"pipeline": "p"}, schemas.parameters("trigger_retraining"))
    psi = schemas.with_defaults({"psi": {"minor": 0.1, "min_samples": 7}}, schemas.envelope())["psi"]

    assert retraining == {"pipeline": "p", "guard": {"cooldown": "6h"}}
    assert psi == {"minor": 0.1, "min_samples": 7, "aggregate": "max"}


def test_filling_in_defaults_changes_nothing_that_is_shared() -> None:
    given = {"alerts": {"channels": {"mail": {"type": "email"}}}}

    schemas.with_defaults(given, schemas.envelope())["tags"].append("x")

    assert given == {"alerts": {"channels": {"mail": {"type": "email"}}}}
    assert schemas.with_defaults({}, schemas.envelope())["tags"] == []
