from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from driftgate.serving.errors import MAX_FAULTS_SHOWN, Fault, InvalidInputError
from driftgate.serving.inputs import Column, to_frame

COLUMNS = (
    Column("size", "double"),
    Column("small", "float"),
    Column("count", "long"),
    Column("code", "integer"),
    Column("flag", "boolean"),
    Column("colour", "string"),
    Column("note", "string", required=False),
)
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
        to_frame(rows, COLUMNS)
    return list(caught.value.faults)


def test_rows_become_columns_in_the_order_and_types_of_the_signature() -> None:
    frame = to_frame([dict(reversed(GOOD.items()))], COLUMNS)
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
    assert to_frame([{**GOOD, "count": 2**62 + 1}], COLUMNS)["count"].tolist() == [2**62 + 1]


def test_null_and_nan_are_missing_numbers() -> None:
    frame = to_frame([{**GOOD, "size": None, "count": None, "code": math.nan}], COLUMNS)
    assert frame[["size", "count", "code"]].isna().all(axis=None)
    assert frame["count"].dtype == np.float64


def test_an_optional_feature_may_be_absent() -> None:
    row = {name: value for name, value in GOOD.items() if name != "note"}
    assert to_frame([row], COLUMNS)["note"].isna().all()


@pytest.mark.parametrize(
    ("feature", "value", "message"),
    [
        ("size", "1.5", "must be a number, not '1.5'"),
        ("size", True, "must be a number, not true"),
        ("size", [1], "must be a number, not a list"),
        ("size", {"a": 1}, "must be a number, not an object"),
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
        to_frame(rows, COLUMNS)
    assert len(caught.value.faults) == 30
    assert len(caught.value.extension()["errors"]) == MAX_FAULTS_SHOWN


def test_a_long_value_is_shortened() -> None:
    (fault,) = faults_of({**GOOD, "size": "x" * 1000})
    assert len(fault.message) < 100
