"""What is proposed for a table: rules that it keeps, as tight as can be defended."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from driftgate.errors import UserMistake
from driftgate.scaffold.quality import MOST_COLUMNS, propose
from driftgate.services.quality import failed_checks

ROWS = 60


def table(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"label": [0, 1] * (ROWS // 2), **columns})


def rules(name: str, values: Any) -> dict[str, Any]:
    return dict(propose(table(**{name: values}), "label").section["columns"][name])


numbers = st.floats(allow_nan=True, allow_infinity=True, width=64) | st.integers(-(2**40), 2**40).map(float)
words = st.sampled_from(["red", "green", "", "2026-01-31", "no", "1", "ä: b", None])
COLUMNS = st.one_of(
    st.lists(numbers, min_size=ROWS, max_size=ROWS),
    st.lists(st.integers(-5, 300), min_size=ROWS, max_size=ROWS),
    st.lists(words, min_size=ROWS, max_size=ROWS),
    st.lists(st.text(max_size=5), min_size=ROWS, max_size=ROWS),
    st.lists(st.booleans(), min_size=ROWS, max_size=ROWS),
    st.lists(st.dates().map(str), min_size=ROWS, max_size=ROWS),
    st.just([None] * ROWS),
)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.lists(COLUMNS, min_size=1, max_size=3), st.sampled_from([["a", "b"], [0, 1], [True, False], [1.0, 2.0]]))
def test_the_table_keeps_what_is_proposed_for_it(columns: list[list[Any]], labels: list[Any]) -> None:
    data = pd.DataFrame({"label": labels * (ROWS // 2)} | {f"c{number}": each for number, each in enumerate(columns)})

    assert failed_checks(data, propose(data, "label").section) == []


def test_a_range_has_some_room_and_round_ends() -> None:
    assert rules("age", np.linspace(18, 74, ROWS).round()) == {"type": "integer", "min": 12, "max": 80}
    assert rules("share", np.linspace(0.1, 0.9, ROWS)) == {"type": "number", "min": 0.02, "max": 0.98}
    assert rules("degrees", np.linspace(-20, 35.5, ROWS)) == {"type": "number", "min": -26, "max": 42}
    assert rules("one", [7] * ROWS) == {"type": "integer", "min": 6, "max": 8}


def test_few_words_are_all_that_may_occur() -> None:
    assert rules("plan", ["plus", "basic", "plus"] * (ROWS // 3)) == {"type": "string", "allowed": ["basic", "plus"]}
    assert rules("name", [f"n{number % 30}" for number in range(ROWS)]) == {"type": "string"}
    assert rules("id", [f"n{number}" for number in range(ROWS)]) == {"type": "string", "unique": True}


def test_only_what_often_misses_has_a_limit_of_its_own() -> None:
    few, many = [None, *[1.5] * (ROWS - 1)], [None] * 12 + [1.5] * (ROWS - 12)

    assert "max_missing_share" not in rules("few", few)
    assert rules("many", many)["max_missing_share"] == 0.4


def test_the_target_has_no_gaps_and_no_other_values() -> None:
    found = propose(table(), "label")

    assert found.section["columns"]["label"] == {"type": "integer", "allowed": [0, 1], "max_missing_share": 0}
    assert (found.classes, found.min_rows) == (2, 30)


def test_the_column_with_the_newest_dates_tells_the_age() -> None:
    born = pd.date_range("1980-01-01", periods=ROWS)
    seen = pd.date_range("2026-01-01", periods=ROWS).strftime("%Y-%m-%d")
    found = propose(table(born=born, seen=list(seen)), "label")

    assert found.timestamp_column == "seen"
    assert found.section["columns"]["seen"] == {"type": "datetime"}
    assert any("'seen' holds dates as text" in note for note in found.notes)


def test_what_teaches_nothing_is_said() -> None:
    columns = {"empty": [None] * ROWS, "fixed": [7] * ROWS, "some": [None, 7] * (ROWS // 2)}
    found = propose(table(**columns), "label")
    same = "is the same in every row, so it teaches a model nothing: leave it out of the data"

    assert found.notes == (f"'empty' {same}", f"'fixed' {same}")


def test_rows_without_a_target_are_told() -> None:
    data = table(age=[1, 2] * (ROWS // 2)).astype({"label": "Int64"})
    data.loc[:4, "label"] = None
    found = propose(data, "label")

    assert found.notes == ("'label' is missing in 5 of 60 rows, which its rule forbids: leave them out",)
    assert [check for check in failed_checks(data, found.section) if "label" in check] != []


def test_very_wide_tables_have_rules_for_the_first_columns() -> None:
    found = propose(table(**{f"c{number}": [0.5] * ROWS for number in range(60)}), "label")

    assert len(found.columns) == MOST_COLUMNS
    assert f"only the first {MOST_COLUMNS} of 61 columns have rules" in found.notes


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.5, 2.5] * (ROWS // 2), "a quantity or a name, not a class"),
        (list(range(ROWS)), "has 60 different values"),
        ([1] * ROWS, "has no two different values"),
    ],
)
def test_what_is_no_class_cannot_be_learnt(values: list[Any], message: str) -> None:
    with pytest.raises(UserMistake, match=message):
        propose(table(y=values), "y")


def test_a_target_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(UserMistake, match="no column 'labl'; they have label, a"):
        propose(table(a=[1] * ROWS), "labl")
