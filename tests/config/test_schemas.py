from __future__ import annotations

import json
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from driftgate.config import schemas
from driftgate.config.layers import Layers
from driftgate.config.load import find_pipelines
from driftgate.config.source import document, raw

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
    return Layers((document(raw(path), "x.yaml"), document(raw(defaults), "d.yaml"))).data


def properties(schema: Any, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        for key, value in schema.get("properties", {}).items():
            yield f"{name}.{key}", resolved(value)
        for key, value in schema.items():
            if key not in {"if", "then", "else", "examples", "default"}:
                yield from properties(value, f"{name}.{key}")
    if isinstance(schema, list):
        for value in schema:
            yield from properties(value, name)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A property with what its reference says about it; what stands beside the reference takes precedence."""
    while "#/$defs/" in schema.get("$ref", ""):
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**PIPELINE["$defs"][schema["$ref"].rpartition("/")[2]], **beside}
    return schema


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_schema_is_one(path: Path) -> None:
    Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_property_is_described(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))

    assert schema["description"]
    assert [name for name, value in properties(schema) if not value.get("description", "").endswith(".")] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_property_has_a_default_or_an_example(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))

    assert [name for name, value in properties(schema) if not {"default", "examples"} & set(value)] == []


@pytest.mark.parametrize("operator", ["", *schemas.operators()])
def test_examples_and_defaults_are_valid_themselves(operator: str) -> None:
    schema = schemas.parameters(operator) if operator else schemas.envelope()
    for name, value in properties(schema):
        for sample in [*value.get("examples", []), *([value["default"]] if "default" in value else [])]:
            assert Draft202012Validator(value).is_valid(sample), (name, sample)


def test_the_operators_of_the_pipeline_schema_are_the_files() -> None:
    task = PIPELINE["$defs"]["task"]
    conditions = [branch["if"]["properties"]["operator"].get("const") for branch in task["allOf"][:-1]]
    whole = [branch["then"].get("else", branch["then"])["$ref"] for branch in task["allOf"][:-1]]
    branches = zip(conditions, (branch["then"] for branch in task["allOf"]), strict=False)
    expanded = {operator: set(then["then"]["properties"]) for operator, then in branches if "then" in then}

    assert task["properties"]["operator"]["anyOf"][0]["enum"] == list(schemas.operators())
    assert conditions == list(schemas.operators())
    assert whole == [f"operators/{operator}.schema.json" for operator in schemas.operators()]
    for operator, known in expanded.items():
        assert known == set(schemas.parameters(operator)["properties"])


def test_no_operator_has_a_parameter_that_is_a_setting_of_every_task() -> None:
    for operator in schemas.operators():
        assert not set(schemas.parameters(operator)["properties"]) & set(schemas.task_keys())


def test_settings_are_arguments_of_airflow_and_so_is_the_envelope() -> None:
    sdk = pytest.importorskip("airflow.sdk")
    operator, dag = (set(signature(cls.__init__).parameters) for cls in (sdk.BaseOperator, sdk.DAG))
    ours = {"api_version", "extends", "timezone", "tasks", *schemas.sections()}

    assert set(schemas.task_keys()) - operator == {"operator", "depends_on", "expand", "expand_kwargs", "alerts"}
    assert set(schemas.common_settings()) | {"owner"} <= operator
    assert set(schemas.envelope()["properties"]) - dag == ours | set(schemas.common_settings()) | {"owner"}


def test_the_choices_are_those_of_airflow() -> None:
    pytest.importorskip("airflow.sdk")
    from airflow.task.trigger_rule import TriggerRule
    from airflow.task.weight_rule import WeightRule

    rules = schemas.task_keys()["trigger_rule"]["enum"]
    assert sorted(rules) == sorted(rule.value for rule in TriggerRule)
    assert sorted(schemas.task_keys()["weight_rule"]["enum"]) == sorted(rule.value for rule in WeightRule)


def test_an_environment_has_the_keys_that_its_checks_know() -> None:
    assert set(schemas.environment()["properties"]) == {"defaults", "pipelines"}


@pytest.mark.parametrize("name", ["defaults.schema.json", "environment.schema.json"])
def test_parts_of_pipelines_need_not_be_complete_in_an_editor(name: str) -> None:
    part = {"psi": {"minor": 0.2}, "tasks": {"hello": {"retries": 5}}}
    data = part if name.startswith("defaults") else {"defaults": part, "pipelines": {"x": part}}
    checker = Draft202012Validator({"$ref": f"/schemas/{name}"}, registry=REGISTRY)

    assert list(checker.iter_errors(data)) == []
    assert not checker.is_valid({"shedule": None})


def test_a_file_that_extends_another_need_not_be_complete_in_an_editor() -> None:
    text = {"dag_id": "x", "extends": "y", "psi": {"minor": 0.2}, "tasks": {"hello": {"retries": 5}}}

    assert list(editor().iter_errors(text)) == []
    assert not editor().is_valid({key: value for key, value in text.items() if key != "extends"})


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

    assert retraining == {"pipeline": "p", "guard": {"cooldown": "6h", "consecutive": 1, "new_data": True}}
    assert psi == {
        "minor": 0.1, "min_samples": 7, "aggregate": "max", "share": 0.5, "features": {}, "ignore": [],
        "alert_after": 1, "stale_after": "24h",
    }  # fmt: skip


def test_filling_in_defaults_changes_nothing_that_is_shared() -> None:
    given = {"alerts": {"channels": {"mail": {"type": "email"}}}}

    schemas.with_defaults(given, schemas.envelope())["tags"].append("x")

    assert given == {"alerts": {"channels": {"mail": {"type": "email"}}}}
    assert schemas.with_defaults({}, schemas.envelope())["tags"] == []
