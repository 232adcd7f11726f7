"""Which rows are held out: at random, or the newest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftgate.errors import UserMistake
from driftgate.services.holdout import Choice, split

BY_TIME = Choice("target", 0.2, split_by="made")


def table(made: list[Any], target: list[int] | None = None) -> pd.DataFrame:
    labels = target or [place % 2 for place in range(len(made))]
    return pd.DataFrame({"x": range(len(made)), "made": made, "target": labels})


def test_the_newest_rows_are_held_out_in_whatever_order_they_come() -> None:
    days = [f"2026-01-{day:02d}" for day in (3, 9, 1, 10, 5, 6, 7, 8, 2, 4)]
    parts = split(table(days), BY_TIME)
    assert list(parts.held_x["x"]) == [1, 3]
    assert list(parts.held_x.columns) == ["x"]
    assert parts.undated == 0


def test_dates_of_several_kinds_and_zones_are_put_in_order() -> None:
    made = ["2026-01-01", "2026-01-02 10:00", "2026-01-03T00:00:00Z", "2026-01-03T02:00:00+03:00", "2026-01-03 05:00"]
    assert list(split(table(made, [0, 1, 0, 1, 1]), Choice("target", 0.4, "made")).held_x["x"]) == [2, 4]


def test_rows_without_a_date_are_in_neither_part_and_are_counted() -> None:
    made = [*pd.date_range("2026-01-01", periods=8).astype(str), None, ""]
    parts = split(table(made), BY_TIME)
    assert (len(parts.train_x), len(parts.held_x), parts.undated) == (6, 2, 2)


@pytest.mark.parametrize("newest", [2, 3, 7])
def test_rows_of_one_moment_stay_together(newest: int) -> None:
    made = ["2026-01-01"] * (10 - newest) + ["2026-01-02"] * newest
    assert len(split(table(made), BY_TIME).held_x) == newest


def test_a_tie_goes_to_the_side_that_comes_nearer_to_the_share() -> None:
    made = ["2026-01-01"] * 4 + ["2026-01-02"] * 5 + ["2026-01-03"]
    assert len(split(table(made), BY_TIME).held_x) == 1


@given(st.lists(st.one_of(st.none(), st.integers(0, 20)), min_size=4, max_size=40), st.floats(0.01, 0.99))
def test_nothing_held_out_is_older_than_what_is_trained_on(days: list[int | None], share: float) -> None:
    made = pd.Series([pd.NaT if day is None else pd.Timestamp("2026-01-01") + pd.Timedelta(days=day) for day in days])
    rows = pd.DataFrame({"x": range(len(days)), "made": made, "target": [place % 2 for place in range(len(days))]})
    try:
        parts = split(rows, Choice("target", share, "made"))
    except UserMistake:
        return
    old, new = rows["made"][parts.train_x.index], rows["made"][parts.held_x.index]
    assert len(old) > 0 < len(new)
    assert old.max() < new.min()
    assert len(old) + len(new) + parts.undated == len(rows)


@pytest.mark.parametrize(
    ("made", "target", "message"),
    [
        (["2026-01-01"] * 4, [0, 1, 0, 1], "every row has the same date in 'made'"),
        ([1, 2, 3, 4], [0, 1, 0, 1], "'made' holds numbers, not dates"),
        (["2026-01-01", "13/01/2026", "02/01/2026", None], [0, 1, 0, 1], "'13/01/2026' to split.* 2 of 4 rows"),
        (["a", "b", None, "d"], [0, 1, 0, 1], "'made' holds no dates to split the rows by"),
        (
            ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"],
            [0, 0, 0, 1],
            "older than the hold-out has",
        ),
    ],
)
def test_dates_that_split_nothing_are_a_mistake(made: list[Any], target: list[int], message: str) -> None:
    with pytest.raises(UserMistake, match=message) as caught:
        split(table(made, target), Choice("target", 0.25, "made"))
    assert caught.value.path == ("model", "split", "by")


def test_a_column_that_is_not_there_is_named_with_its_setting() -> None:
    with pytest.raises(UserMistake, match="no column 'gone'") as caught:
        split(table(["2026-01-01"] * 4), Choice("target", 0.25, timestamp_column="gone"))
    assert caught.value.path == ("dataset", "timestamp_column")


def test_text_dates_are_no_feature_of_a_random_split_either() -> None:
    rows = table(["2026-01-01"] * 40)
    parts = split(rows, Choice("target", 0.25, timestamp_column="made"))
    assert list(parts.train_x.columns) == ["x"]
    assert parts.held_y.mean() == 0.5


def test_the_seed_is_that_of_the_rows_held_out() -> None:
    rows = table(list(pd.date_range("2026-01-01", periods=20).astype(str)))
    seed = split(rows, BY_TIME).seed
    assert split(rows.copy(), BY_TIME).seed == seed
    assert split(rows, Choice("target", 0.4, "made")).seed != seed
    assert np.random.default_rng(seed).random() == np.random.default_rng(seed).random()
