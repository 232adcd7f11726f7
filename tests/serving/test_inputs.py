from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftgate.serving.errors import MAX_FAULTS_SHOWN, Fault, InvalidInputError
from driftgate.serving.inputs import Column, Signature

COLUMNS = (
    Column("size", "double"),
    Column("small", "float"),
    Column("count", "long"),
    Column("code", "integer"),
    Column("flag", "boolean"),
    Column("colour", "string"),
    Column("note", "string", required=False),
)
SIGNATURE = Signature(COLUMNS)
NUMBERS = Signature((Column("x", "double"), Column("y", "double")))
GOOD: dict[str, Any] = {
    "size": 1.5,
    "small": 0.1,
    "count": 3,
    "code": 4.0,
    "flag": True,
    "colour": "red",
    "note": None,
}


def faults_of(*rows: dict[str, Any]) -> list[Fault]:
    with pytest.raises(InvalidInputError) as caught:
        SIGNATURE.read(rows)
    return list(caught.value.faults)


def test_rows_become_columns_in_the_order_and_types_of_the_signature() -> None:
    frame = SIGNATURE.read([dict(reversed(GOOD.items()))]).frame
    assert list(frame.columns) == [column.name for column in COLUMNS]
    assert [str(frame[name].dtype) for name in ("size", "small", "count", "code", "flag")] == [
        "float64",
        "float32",
        "int64",
        "int32",
        "bool",
    ]
    assert frame["colour"].tolist() == ["red"]


def test_large_whole_numbers_keep_every_digit() -> None:
    assert SIGNATURE.read([{**GOOD, "count": 2**62 + 1}]).frame["count"].tolist() == [2**62 + 1]


def test_null_is_a_missing_number() -> None:
    frame = SIGNATURE.read([{**GOOD, "size": None, "count": None, "code": None}]).frame
    assert frame[["size", "count", "code"]].isna().all(axis=None)
    assert frame["count"].dtype == np.float64


def test_an_optional_feature_may_be_absent() -> None:
    row = {name: value for name, value in GOOD.items() if name != "note"}
    assert SIGNATURE.read([row]).frame["note"].isna().all()


@pytest.mark.parametrize(
    ("feature", "value", "message"),
    [
        ("size", "1.5", "must be a number, not '1.5'"),
        ("size", True, "must be a number, not true"),
        ("size", [1], "must be a number, not a list"),
        ("size", {"a": 1}, "must be a number, not an object"),
        ("size", math.nan, "must be a number or null, not NaN"),
        ("size", math.inf, "must be finite"),
        ("size", -math.inf, "must be finite"),
        ("size", 10**400, "is too large for the type double"),
        ("small", 1e39, "is too large for the type float"),
        ("count", 1.5, "must be a whole number, not 1.5"),
        ("count", 2**63, "is too large for the type long"),
        ("code", 2**31, "is too large for the type integer"),
        ("flag", 1, "must be true or false, not 1"),
        ("flag", None, "must not be null"),
        ("colour", 7, "must be text, not 7"),
        ("colour", None, "must not be null"),
        ("colours", "red", "is not a feature of the model"),
    ],
)
def test_a_wrong_value_is_named(feature: str, value: object, message: str) -> None:
    assert faults_of(GOOD, {**GOOD, feature: value}) == [Fault(1, feature, message)]


def test_a_missing_feature_is_named() -> None:
    assert faults_of({name: value for name, value in GOOD.items() if name != "flag"}) == [
        Fault(0, "flag", "is missing")
    ]


def test_all_faults_are_found_and_the_first_ones_shown() -> None:
    rows = [{**GOOD, "flag": None}] * 30
    with pytest.raises(InvalidInputError, match=r"^Row 0: feature 'flag' must not be null\. \(29 more\)$") as caught:
        SIGNATURE.read(rows)
    assert len(caught.value.faults) == 30
    assert len(caught.value.extension()["errors"]) == MAX_FAULTS_SHOWN


def test_a_long_value_is_shortened() -> None:
    (fault,) = faults_of({**GOOD, "size": "x" * 1000})
    assert len(fault.message) < 100


def test_numbers_are_read_in_the_order_of_the_signature() -> None:
    inputs = NUMBERS.read([{"y": 2, "x": 1.5}, {"x": None, "y": -1}])
    np.testing.assert_array_equal(inputs.numbers, [[1.5, 2.0], [np.nan, -1.0]])
    assert list(inputs.frame.columns) == ["x", "y"]


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.just(10**400), st.just([])
)
ROWS = st.dictionaries(st.sampled_from(["x", "y", "z"]), VALUES)


@given(st.lists(ROWS, min_size=1, max_size=4))
def test_the_quick_look_and_the_check_agree(rows: list[dict[str, Any]]) -> None:
    quick = NUMBERS._quickly(rows)
    try:
        NUMBERS._check(rows)
    except InvalidInputError:
        assert quick is None
    else:
        has_gap = any(value is None for row in rows for value in row.values())
        assert (quick is None) == has_gap
