from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftgate.config.cron import PRESETS, check_schedule

VALID = [
    "* * * * *", "*/5 * * * *", "0 6 * * 1", "0 0 1,15 * *", "5/15 * * * *", "0 22-2 * * *", "0 0 * jan-mar/2 7",
    "0 0 * JAN Mon", "0 0 * * fri-mon", "0 0 L * *", "0 0 ? * MON#2", "0 0 29 2 *", "0 0 31 */2 *", "0 0 30 2 1",
    "0 0 31 nov-jan *", " 0  0 * * * ",
]  # fmt: skip
INVALID = [
    "", "*", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *",
    "* * * * 8", "* * * foo *", "* * * * monday", "*/0 * * * *", "1- * * * *", "1,,2 * * * *", "a b c d e",
    "0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 30-31 feb ?", "@", "@hourley", "@none", "-1 * * * *", "² * * * *",
]  # fmt: skip


@pytest.mark.parametrize("schedule", [*PRESETS, *VALID])
def test_a_schedule_is_accepted(schedule: str) -> None:
    assert check_schedule(schedule) is None


@pytest.mark.parametrize("schedule", INVALID)
def test_what_is_no_schedule_is_refused_with_a_hint(schedule: str) -> None:
    fault = check_schedule(schedule)

    assert fault is not None
    assert all(fault)


_NUMBERS = st.integers(0, 70).map(str)
_NAMES = st.sampled_from(["jan", "dec", "mon", "SUN", "xyz", "*", "?", "l", "mon#2", "l5"])
_ATOMS = st.one_of(_NUMBERS, _NAMES)
_PARTS = st.tuples(_ATOMS, st.sampled_from(["", "-", "/"]), _NUMBERS).map(
    lambda p: p[0] + (p[1] + p[2] if p[1] else "")
)
_FIELDS = st.lists(_PARTS, min_size=1, max_size=3).map(",".join)


@given(st.lists(_FIELDS, min_size=5, max_size=5).map(" ".join))
def test_what_is_accepted_is_accepted_by_the_scheduler_too(schedule: str) -> None:
    croniter = pytest.importorskip("croniter").croniter

    if check_schedule(schedule) is None:
        assert croniter.is_valid(schedule)
