"""How old the data may be, given how often the pipeline trains on them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

from driftgate.config.cron import check_schedule
from driftgate.durations import is_duration, parse_duration
from driftgate.plan.runs import times

_FROM = datetime(2026, 1, 1, tzinfo=UTC)
_RUNS = 400
_SPARE = 8 / 7  # a day in a week


def max_age(schedule: str | None) -> str | None:
    """Return the longest time between two runs and a seventh more, as a duration; None when it cannot be told."""
    gap = _longest_gap(schedule)
    if gap is None:
        return None
    spare = gap * _SPARE
    for unit, size in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1))):
        if spare >= 2 * size:
            return f"{math.ceil(spare / size)}{unit}"
    return f"{math.ceil(spare / timedelta(seconds=1))}s"


def _longest_gap(schedule: str | None) -> timedelta | None:
    if schedule is None:
        return None
    if is_duration(schedule):
        return parse_duration(schedule)
    if schedule in ("@once", "@continuous") or check_schedule(schedule):
        return None
    return max(after - before for before, after in pairwise(islice(times(schedule, "UTC", _FROM), _RUNS)))
