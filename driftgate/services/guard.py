"""May drift start another retraining now? One pure decision over what is known of earlier ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from driftgate.durations import parse_duration

WEEK = timedelta(days=7)
REMEMBERED = timedelta(days=60)  # far longer than any cooldown


@dataclass(frozen=True)
class Request:
    """A retraining asked for: when, under which run id, and by which drift run."""

    at: datetime
    run_id: str
    by: str

    def to_json(self) -> dict[str, str]:
        """As stored in Airflow's asset state."""
        return {"at": self.at.isoformat(), "run_id": self.run_id, "by": self.by}

    @classmethod
    def from_json(cls, stored: dict[str, str]) -> Request:
        """The inverse of ``to_json``."""
        return cls(datetime.fromisoformat(stored["at"]), stored["run_id"], stored["by"])


@dataclass(frozen=True)
class Decision:
    """``run_id`` to start, or None with the reason why not."""

    run_id: str | None
    reason: str


@dataclass(frozen=True)
class Guard:
    """What a pipeline's file says holds retrainings back."""

    cooldown: timedelta  # between two
    max_per_week: int | None = None  # in any seven days
    consecutive: int = 1  # drift runs, this one included, that must have found the same severity

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> Guard:
        """Return the guard that ``guard`` of a task, its defaults filled in, describes."""
        return cls(parse_duration(section["cooldown"]), section.get("max_per_week"), section["consecutive"])


def decide(
    guard: Guard,
    *,
    by: str,
    now: datetime,
    streak: int,
    requests: Sequence[Request],
    busy: int,
    paused: bool,
    target: str,
) -> Decision:
    """Decide whether the drift run ``by`` may start ``target``; reasons of one kind differ in their numbers alone.

    ``streak`` counts the drift runs in a row that found the present severity, ``busy`` the target's queued and
    running runs. A drift run that asked before gets the run id of then, so that a retry or a cleared task can never
    start a second one, whatever became of the first.
    """
    if paused:
        return Decision(None, f"{target} is paused: unpause it, or its runs would pile up in the queue")
    if (own := next((request for request in requests if request.by == by), None)) is not None:
        return Decision(own.run_id, f"this drift run asked for {own.run_id} already")
    if busy:
        return Decision(None, f"{target} has runs queued or running already: {busy}")
    if streak < guard.consecutive:
        lasted = f"drift has been this severe for {streak} of the {guard.consecutive} runs in a row"
        return Decision(None, f"{lasted} that are needed (guard.consecutive)")
    in_time = sorted(requests, key=attrgetter("at"))
    runs = {request.run_id: request.at for request in in_time}  # several monitors may have asked for the same
    if refusal := _too_soon(guard, now, sorted(runs.values())):
        return Decision(None, refusal)
    return Decision(run_id_at(now, guard.cooldown), "no retraining within the cooldown, none queued or running")


def _too_soon(guard: Guard, now: datetime, asked: Sequence[datetime]) -> str:
    """Why the times of earlier requests forbid another; empty if they do not."""
    if asked and now - asked[-1] < guard.cooldown:
        return (
            f"cooldown: the last retraining was asked for at {asked[-1]:%Y-%m-%d %H:%M} UTC, "
            f"the next is possible from {asked[-1] + guard.cooldown:%Y-%m-%d %H:%M} UTC"
        )
    recent = [at for at in asked if now - at < WEEK]
    if guard.max_per_week is not None and len(recent) >= guard.max_per_week:
        return (
            f"{len(recent)} retrainings were asked for within seven days, which is all that guard.max_per_week allows; "
            f"the next is possible from {recent[-guard.max_per_week] + WEEK:%Y-%m-%d %H:%M} UTC"
        )
    return ""


def run_id_at(now: datetime, cooldown: timedelta) -> str:
    """The same id for all who ask within one stretch of the cooldown's length.

    Airflow refuses a second run of the same id: the one guard that also holds between monitors that decide at the
    same moment (but for one where two stretches meet; there the queued run of the first stops the second). Two
    requests that are a cooldown apart never fall into the same stretch.
    """
    length = int(cooldown.total_seconds())
    start = int(now.timestamp()) // length * length
    return f"drift__{datetime.fromtimestamp(start, UTC):%Y-%m-%dT%H:%M:%SZ}"


def not_ahead(requests: Sequence[Request], now: datetime) -> list[Request]:
    """Return the requests; those that a clock which was ahead has dated later than ``now`` count as made now.

    They would hold retrainings back until that time comes.
    """
    return [replace(request, at=min(request.at, now)) for request in requests]


def remember(requests: Sequence[Request], new: Request) -> list[Request]:
    """The requests to keep: the new one, and the earlier ones that may still matter."""
    kept = [request for request in requests if new.at - request.at < REMEMBERED and request.by != new.by]
    return [*kept, new]
