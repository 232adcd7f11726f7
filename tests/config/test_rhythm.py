from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from driftgate.config.cron import PRESETS
from driftgate.config.rhythm import rhythm

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("schedule", "shortest", "per_month"),
    [
        ("@hourly", HOUR, 730.5),
        ("@daily", 24 * HOUR, 30.44),
        ("@weekly", 168 * HOUR, 4.35),
        ("@monthly", 28 * 24 * HOUR, 1),
        ("6h", 6 * HOUR, 121.75),
        ("90s", timedelta(seconds=90), 29_220),
        ("*/15 * * * *", HOUR / 4, 2_922),
        ("5/20 * * * *", HOUR / 3, 2_191.5),
        ("0 8-18 * * mon-fri", HOUR, 239),
        ("0 0,1,12 * * *", HOUR, 91.3),
        ("30 23 1,15 * *", 14 * 24 * HOUR, 2),
        ("0 0 1 * 1", 24 * HOUR, 5.2),
        ("0 0 29 2 *", timedelta(days=1461), 0.02),
    ],
)
def test_how_often_a_schedule_comes_round(schedule: str, shortest: timedelta, per_month: float) -> None:
    found = rhythm(schedule)

    assert found is not None
    assert found.shortest == shortest
    assert found.per_month == pytest.approx(per_month, rel=0.02, abs=0.01)


@pytest.mark.parametrize("schedule", [None, "@once", "@continuous", "0 0 L * *", "0 0 * * mon#2", "nonsense", 5, {}])
def test_what_cannot_be_told_is_not_guessed(schedule: object) -> None:
    assert rhythm(schedule) is None


@pytest.mark.parametrize(
    "schedule", ["0 6 * * 1", "*/7 3 1-7 * *", "15 4 */10 2,8 *", "0 22-2 * * fri-sun", "0 0 13 * 5"]
)
def test_it_agrees_with_the_scheduler(schedule: str) -> None:
    croniter = pytest.importorskip("croniter").croniter
    start, end = datetime(2024, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    times = [start]
    for time in croniter(schedule, start - timedelta(minutes=1), ret_type=datetime):
        if time >= end:
            break
        times.append(time)
    found = rhythm(schedule)

    assert found is not None
    assert found.per_month == pytest.approx((len(times) - 1) / 48, rel=0.001)
    assert found.shortest == min(after - before for before, after in pairwise(times[1:]))


def test_every_preset_has_a_rhythm_but_those_without_times() -> None:
    assert [preset for preset in PRESETS if rhythm(preset) is None] == ["@once", "@continuous"]
