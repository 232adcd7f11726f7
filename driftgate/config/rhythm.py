"""How often a schedule comes round: the shortest time between two runs, and the runs in a month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise

from driftgate.config.cron import FIELDS, check_schedule, expand_field
from driftgate.durations import is_duration, parse_duration

_MONTH = timedelta(days=365.25 / 12)
PRESET_CRONS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
}
_FIRST, _DAYS = date(2024, 1, 1), 4 * 365 + 1  # as many days as it takes for leap years to repeat


@dataclass(frozen=True)
class Rhythm:
    """How often something happens."""

    shortest: timedelta  # between one time and the next
    per_month: float


def rhythm(schedule: object) -> Rhythm | None:
    """Return how often ``schedule`` comes round; None when it cannot be told."""
    if not isinstance(schedule, str):
        return None
    if is_duration(schedule):
        every = parse_duration(schedule)
        return Rhythm(every, _MONTH / every)
    cron = PRESET_CRONS.get(schedule, schedule)
    return None if cron.startswith("@") or check_schedule(cron) else _of_cron(cron)


@lru_cache(maxsize=256)
def _of_cron(cron: str) -> Rhythm | None:
    fields = cron.lower().split()
    if any(char in "".join((fields[2], fields[4])) for char in "#l?"):
        return None  # the last Friday of a month, and the like
    minutes, hours, days, months, weekdays = (
        expand_field(field, low, high, names) for field, (_, low, high, names) in zip(fields, FIELDS, strict=True)
    )
    times = [timedelta(hours=hour, minutes=minute) for hour in sorted(hours) for minute in sorted(minutes)]
    if fields[2:] == ["*", "*", "*"]:
        return _rhythm(times, range(_DAYS))
    every_day, every_weekday = fields[2].startswith("*"), fields[4].startswith("*")
    found = []
    for number in range(_DAYS):
        day = _FIRST + timedelta(days=number)
        on_day, on_weekday = day.day in days, bool({day.isoweekday(), day.isoweekday() % 7} & weekdays)
        matches = on_day and on_weekday if every_day or every_weekday else on_day or on_weekday
        if day.month in months and matches:
            found.append(number)
    return _rhythm(times, found)


def _rhythm(times: list[timedelta], days: Sequence[int]) -> Rhythm | None:
    if not times or not days:
        return None
    gaps = [after - before for before, after in pairwise(times)]
    if len(days) > 1:
        nearest = min(after - before for before, after in pairwise(days))
        gaps.append(timedelta(days=nearest) + times[0] - times[-1])
    return Rhythm(min(gaps, default=timedelta(days=_DAYS)), len(times) * len(days) / 48)
