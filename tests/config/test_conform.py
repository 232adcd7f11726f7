"""Our checker against the one that everybody uses: what one finds wrong, the other does too."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from driftgate.config import schemas
from driftgate.config.conform import Schema, findings
from driftgate.config.source import document, raw

ROOT = Path(__file__).parents[2]
EVERY_KEY = document(raw(ROOT / "tests" / "cases" / "valid" / "every_key.yaml"), "x").data


def _pattern(validator: Any, rule: str, value: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not re.search(rule.replace("$", r"\Z"), value):  # to the very end
        yield ValidationError(f"{value!r} does not match {rule!r}")


_whole = Draft202012Validator.TYPE_CHECKER.redefine(
    "integer", lambda checker, value: isinstance(value, int) and not isinstance(value, bool)
)
Oracle = extend(Draft202012Validator, validators={"pattern": _pattern}, type_checker=_whole)


def known(schema: Any) -> Any:
    """``schema`` without what it has for editors only."""
    if isinstance(schema, dict):
        return {
            key: known(value) for key, value in schema.items() if key not in {"anyOf", "allOf", "if", "then", "else"}
        }
    return [known(item) for item in schema] if isinstance(schema, list) else schema


SCHEMAS: dict[str, Schema] = {
    "": schemas.envelope(),
    "condition": schemas.definition("condition"),
    "channel": schemas.definition("channel"),
    "group": schemas.group(),
    "param": schemas.definition("param"),
    **{operator: schemas.task(operator) for operator in schemas.operators()},
}
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 3), st.sampled_from([0.5, 1.0, 2.0, -0.0]),
    st.sampled_from(["", "6h", "6h\n", "a b", "x@y", "2026-01-01", "max", "s3://a", "log_status", "é" * 300]),
)  # fmt: skip
KEYS = st.sampled_from(sorted({key for schema in SCHEMAS.values() for key in schema.get("properties", {})} | {"x y"}))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


def agree(value: Any, schema: Schema) -> bool:
    return Oracle(known(schema)).is_valid(value) == (not any(findings(value, schema)))


@pytest.mark.parametrize("name", SCHEMAS)
@given(value=VALUES)
def test_any_value_is_judged_as_json_schema_judges_it(name: str, value: Any) -> None:
    assert agree(value, SCHEMAS[name])


@given(st.data())
def test_a_pipeline_with_one_value_changed_is_judged_as_json_schema_judges_it(data: st.DataObject) -> None:
    changed = copy.deepcopy(dict(EVERY_KEY))
    inner: Any = changed
    while isinstance(inner, dict) and inner:
        key = data.draw(st.sampled_from(sorted(inner)))
        if not isinstance(inner[key], dict) or data.draw(st.booleans()):
            inner[key] = data.draw(VALUES)
            break
        inner = inner[key]

    assert agree(changed, schemas.envelope())


def test_true_is_not_one_and_a_whole_number_is_written_as_one() -> None:
    assert [finding.keyword for finding in findings(True, {"enum": [1]})] == ["enum"]
    assert [finding.keyword for finding in findings(2.0, {"type": "integer"})] == ["type"]
    assert list(findings([1, True, 1.5, "1"], {"uniqueItems": True})) == []


def test_a_finding_knows_where_it_is() -> None:
    schema = {"properties": {"a": {"items": {"type": "string"}}}}

    assert [finding.path for finding in findings({"a": ["x", 1, 2]}, schema)] == [("a", 1), ("a", 2)]
