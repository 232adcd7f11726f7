from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftgate.config import meant
from driftgate.config.cron import check_schedule
from driftgate.durations import is_duration


@pytest.mark.parametrize(
    ("written", "duration"),
    [
        (60, "60s"), ("1h30", "90m"), ("PT3H", "3h"), ("P1DT12H", "36h"), ("5 min", "5m"), ("1.5h", "90m"),
        ("01:30:00", "90m"), ("six hours", "6h"), ("1 day and 6 hours", "30h"), ("6H", "6h"), ("a week", "1w"),
        ({"hours": 1, "minutes": 5}, "65m"), ("1h 30m", "90m"), (0, ""), (-5, ""), ("2 months", ""), ("soon", ""),
        ("", ""), ("0.5s", ""), (True, ""),
    ],
)  # fmt: skip
def test_a_duration_in_other_words_is_recognised(written: object, duration: str) -> None:
    assert meant.duration(written) == duration


@pytest.mark.parametrize(
    ("written", "hint"),
    [(0, "write at least 1s, or leave it out"), ("0 hours", "write at least 1h, or leave it out"), ("soon", "")],
)
def test_no_time_at_all_is_too_little(written: object, hint: str) -> None:
    assert meant.duration_hint(written) == hint


@pytest.mark.parametrize(
    ("written", "schedule"),
    [
        ("every day at 4", '"0 4 * * *"'), ("daily at 4:30pm", '"30 16 * * *"'), ("Monday", '"0 0 * * mon"'),
        ("mondays at 6", '"0 6 * * mon"'), ("every weekday at 7", '"0 7 * * mon-fri"'), ("nightly", '"@daily"'),
        ("every hour", '"@hourly"'), ("every 15 minutes", "15m"), ("90 minutes", "90m"), ("at 12am daily", ""),
        ("day at 12am", '"0 0 * * *"'), ("every day at 25", ""), ("whenever", ""),
    ],
)  # fmt: skip
def test_a_schedule_in_other_words_is_recognised(written: str, schedule: str) -> None:
    assert meant.schedule(written) == schedule


@given(st.one_of(st.text(), st.from_regex(r"(every )?(day|monday)( at)? [0-9:apm ]{1,8}"), st.integers()))
def test_what_is_recognised_can_be_written(written: str | int) -> None:
    duration, schedule = meant.duration(written), meant.schedule(str(written))

    assert not duration or is_duration(duration)
    assert not schedule or check_schedule(schedule.strip('"')) is None
