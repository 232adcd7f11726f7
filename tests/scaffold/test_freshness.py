"""How old data may be fits how often they are trained on."""

from __future__ import annotations

import pytest

from driftgate.scaffold.freshness import max_age


@pytest.mark.parametrize(
    ("schedule", "age"),
    [
        ("@weekly", "8d"),
        ("@daily", "28h"),
        ("@hourly", "69m"),
        ("@monthly", "36d"),
        ("6h", "7h"),
        ("0 6 * * 1-5", "4d"),  # over a weekend
        ("@once", None),
        (None, None),
        ("nonsense", None),
    ],
)
def test_the_longest_time_between_two_runs_and_a_seventh_more(schedule: str | None, age: str | None) -> None:
    assert max_age(schedule) == age
