"""Data quality: every failed check is named, at once."""

import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer

from driftgate.errors import UserMistake
from driftgate.services import quality

TABLE = pd.DataFrame(
    {
        "age": [31, 45, None, 400],
        "city": ["Bonn", "Rome", "Bonn", "Oslo"],
        "target": [0, 1, 2, 1],
        "active": [True, False, True, True],
        "since": ["2026-01-01", "2026-02-30", "2026-03-01", "2026-04-01"],
    }
)


def columns(**rules: object) -> dict[str, object]:
    return {"columns": rules}


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ({"min_rows": 5}, "4 rows, at least 5 needed"),
        ({"max_missing_share": 0.2}, "age: 25.0% of the values are missing, at most 20.0% allowed"),
        (columns(age={"max_missing_share": 0.1}), "age: 25.0% of the values are missing, at most 10.0% allowed"),
        (columns(age={"max": 120}), "age: 1 value above 120 (such as 400.0)"),
        (columns(age={"min": 40}), "age: 1 value below 40 (such as 31.0)"),
        (columns(target={"allowed": [0, 1]}), "target: 1 value not among 0, 1 (such as 2)"),
        (columns(city={"allowed": ["Bonn"]}), "city: 2 values not among Bonn (such as Rome, Oslo)"),
        (columns(city={"unique": True}), "city: 1 value repeated, though all must differ (such as Bonn)"),
        (columns(active={"allowed": [True]}), "active: 1 value not among True (such as False)"),
        (columns(city={"type": "number"}), "city: holds str values, number expected"),
        (columns(age={"type": "string"}), "age: holds float64 values, string expected"),
        (columns(target={"type": "boolean"}), "target: holds int64 values, boolean expected"),
        (columns(since={"type": "datetime"}), "since: holds str values, datetime expected"),
        (columns(income={"type": "number"}), "column 'income' is missing"),
        (columns(city={"min": 3}), "city: the values cannot be compared, so whether any is below 3 is unknown"),
    ],
)
def test_a_broken_rule_is_one_sentence(rules: dict[str, object], sentence: str) -> None:
    assert quality.failed_checks(TABLE, rules) == [sentence]


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"min_rows": 4, "max_missing_share": 0.25, "max_duplicate_share": 0},
        columns(age={"type": "integer", "min": 31, "max": 400}),
        columns(city={"type": "string"}, active={"type": "boolean"}, target={"type": "number", "allowed": [0, 1, 2]}),
        {"max_missing_share": 0.1, "columns": {"age": {"max_missing_share": 0.5}}},
    ],
)
def test_rules_at_their_bounds_pass(rules: dict[str, object]) -> None:
    assert quality.failed_checks(TABLE, rules) == []


def test_duplicates_are_counted_over_whole_rows() -> None:
    doubled = pd.concat([TABLE, TABLE])
    assert quality.failed_checks(doubled, {"max_duplicate_share": 0.1}) == [
        "50.0% of the rows are duplicates, at most 10.0% allowed"
    ]


def test_all_failures_are_reported_at_once() -> None:
    rules = {"min_rows": 300, **columns(age={"max": 120}, target={"allowed": [0, 1]}, income={"type": "number"})}
    with pytest.raises(UserMistake) as caught:
        quality.validate(TABLE, rules)
    assert str(caught.value) == (
        "the training data failed 4 checks:\n"
        "  - column 'income' is missing\n"
        "  - age: 1 value above 120 (such as 400.0)\n"
        "  - target: 1 value not among 0, 1 (such as 2)\n"
        "  - 4 rows, at least 300 needed"
    )


def test_an_empty_table_fails_without_a_crash() -> None:
    rules = {
        "min_rows": 1,
        "max_duplicate_share": 0,
        "max_missing_share": 0,
        **columns(age={"type": "number", "min": 1}),
    }
    assert quality.failed_checks(TABLE.iloc[:0], rules) == ["0 rows, at least 1 needed"]


def test_a_fit_table_returns_its_size() -> None:
    table = load_breast_cancer(as_frame=True).frame
    assert quality.validate(table, {"min_rows": 300, "max_missing_share": 0.05}) == {"rows": 569, "columns": 31}
