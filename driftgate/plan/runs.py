"""When a pipeline runs next: the times that Airflow's own timetables come to, without Airflow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from driftgate.config.dates import timezone
from driftgate.config.model import AssetSchedule, Condition
from driftgate.config.rhythm import PRESET_CRONS
from driftgate.durations import format_duration

if TYPE_CHECKING:
    from driftgate.config.model import Pipeline

_COUNT = 3
_WORDS = {
    None: "only when somebody starts it",
    "@once": "once",
    "@continuous": "again as soon as the run before has ended",
}


@dataclass(frozen=True)
class Runs:
    """When a pipeline runs: in words, and where times can be told, the next of them."""

    words: str
    times: tuple[datetime, ...] = ()  # in the timezone of the pipeline


def next_runs(pipeline: Pipeline, now: datetime) -> Runs:
    """Return when ``pipeline`` runs after ``now``."""
    schedule = pipeline.schedule
    if isinstance(schedule, AssetSchedule):
        return _with_assets(schedule, pipeline, now)
    if isinstance(schedule, timedelta):
        return Runs(f"every {format_duration(schedule)}, counted from the last run")
    if schedule in _WORDS:
        return Runs(_WORDS[schedule])
    return Runs(f"cron {schedule}", _next(str(schedule), pipeline, now))


def same_times(one: str, other: str) -> bool:
    """Tell whether two schedules, neither of them an interval, are the same in other words."""
    return one == other or ("@" not in _cron(one) + _cron(other) and _fields(one) == _fields(other))


def _fields(schedule: str) -> tuple[Any, ...]:
    from croniter import croniter

    expanded = croniter(_cron(schedule))
    return expanded.expanded, expanded.nth_weekday_of_month


def _cron(schedule: str) -> str:
    return PRESET_CRONS.get(schedule, schedule)


def _with_assets(schedule: AssetSchedule, pipeline: Pipeline, now: datetime) -> Runs:
    words = f"when {_condition(schedule.condition)}"
    if schedule.cron is None:
        return Runs(words)
    return Runs(f"cron {schedule.cron}, and {words}", _next(schedule.cron, pipeline, now))


def _condition(condition: Condition) -> str:
    kind, of = condition
    if kind == "asset":
        return f"{of} is updated"
    inner = [_condition(each) for each in of]
    joined = (" or " if kind == "any" else " and ").join(inner)
    return joined if len(inner) == 1 else f"({joined})"


def _next(cron: str, pipeline: Pipeline, now: datetime) -> tuple[datetime, ...]:
    after = max(now, pipeline.start_date - timedelta(microseconds=1)).astimezone(UTC)
    zone = timezone(pipeline.timezone)
    found = islice(times(cron, pipeline.timezone, after), _COUNT)
    return tuple(time.astimezone(zone) for time in found if not pipeline.end_date or time <= pipeline.end_date)


def times(cron: str, zone_name: str, after: datetime) -> Iterator[datetime]:
    """Return every time after ``after``, in UTC, as Airflow's CronTriggerTimetable does.

    Where a clock change skips a time the run comes as much later, where it repeats one at the second of the two;
    what runs every hour runs in the repeated hour too.
    """
    from croniter import croniter  # late: only a changed schedule asks for it

    zone, expression = timezone(zone_name), _cron(cron)
    while True:
        local = after.astimezone(zone).replace(tzinfo=None)
        expanded = croniter(expression, local)
        found: datetime = expanded.get_next(datetime)
        if expanded.expanded[1] == ["*"]:
            after = after + (found - local)
        else:
            after = found.replace(tzinfo=zone, fold=1).astimezone(UTC)
            if after.astimezone(zone).replace(tzinfo=None) != found:  # a time that the clock skips
                after = found.replace(tzinfo=zone, fold=0).astimezone(UTC)
        yield after
