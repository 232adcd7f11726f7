"""May drift start another retraining now? One pure decision over what is known of earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, count
from operator import attrgetter
from typing import Any

from driftgate.durations import format_duration, parse_duration

WEEK = timedelta(days=7)
_NOTHING_TO_MEND = ("none", "unknown")
_LOOKED_BACK = 400  # runs of the target, for starts that nobody remembers
MOST_OLD = 200  # requests to remember that are older: a cooldown may be minutes, or a year


@dataclass(frozen=True)
class Request:
    """A retraining asked for: when, under which run id, and by which task of which run; ``started``: and it got it."""

    at: datetime
    run_id: str
    by: str
    started: bool = False

    def to_json(self) -> dict[str, Any]:
        """As stored in Airflow's asset state."""
        return {"at": self.at.isoformat(), "run_id": self.run_id, "by": self.by, "started": self.started}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Request:
        """The inverse of ``to_json``."""
        return cls(datetime.fromisoformat(stored["at"]), stored["run_id"], stored["by"], stored["started"])


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
    stale_after: timedelta | None = None  # the age at which a drift says nothing of the present

    @classmethod
    def of(cls, section: Mapping[str, Any], psi: Mapping[str, Any] | None = None) -> Guard:
        """Return the guard that ``guard`` of a task and ``psi`` of its pipeline, defaults filled in, describe."""
        stale_after = (psi or {}).get("stale_after")
        return cls(
            parse_duration(section["cooldown"]),
            section.get("max_per_week"),
            section["consecutive"],
            parse_duration(stale_after) if stale_after else None,
        )

    def that_matter(self, requests: Sequence[Request], now: datetime) -> list[Request]:
        """Return the requests that are recent enough to hold another back."""
        span = max(self.cooldown, WEEK) if self.max_per_week is not None else self.cooldown
        return [request for request in requests if now - request.at < span]


def decide(
    guard: Guard,
    *,
    now: datetime,
    streak: int,
    requests: Sequence[Request],
    busy: int,
    paused: bool,
    target: str,
    run_id: str,
    severity: str,
    measured: datetime | None = None,
    later: str = "",
) -> Decision:
    """Decide whether drift may start ``target`` as ``run_id``; reasons of one kind differ in their numbers alone.

    ``streak`` counts the drift runs in a row that found this ``severity``, ``busy`` the target's queued and running
    runs; ``requests`` are those that became a run. ``measured`` is when the drift was, ``later`` the severity that a
    later run has found instead.
    """
    if severity in _NOTHING_TO_MEND:
        return Decision(None, f"severity is {severity}, which no retraining mends")
    if paused:
        return Decision(None, f"{target} is paused: unpause it, or its runs would pile up in the queue")
    if busy:
        return Decision(None, f"{target} has runs queued or running already: {busy}")
    if guard.stale_after is not None and measured is not None and now - measured > guard.stale_after:
        age = f"more than {format_duration(guard.stale_after)} ago (psi.stale_after)"
        return Decision(None, f"the drift was measured at {measured:%Y-%m-%d %H:%M} UTC, {age}: measure it anew")
    if later:
        return Decision(None, f"a later run has found severity {later}")
    if streak < guard.consecutive:
        lasted = f"drift has been this severe for {streak} of the {guard.consecutive} runs in a row"
        return Decision(None, f"{lasted} that are needed (guard.consecutive)")
    in_time = sorted(requests, key=attrgetter("at"))
    runs = {request.run_id: request.at for request in in_time}  # several monitors may have asked for the same
    if refusal := _too_soon(guard, now, sorted(runs.values())):
        return Decision(None, refusal)
    return Decision(run_id, "no retraining within the cooldown, none queued or running")


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


def free_run_id(runs: int, is_taken: Callable[[str], bool]) -> str:
    """Return the run id of who asks for a retraining while the target has ``runs`` runs in all.

    All who see the same runs get the same id, and Airflow accepts each id once: of monitors that decide at the same
    moment, one starts the retraining, and whoever comes later sees it. Where runs have been deleted, an old run may
    hold the id; then all see that, too.
    """
    name = _run_id(runs + 1)
    others = (f"{name}.{again}" for again in count(2))
    return next(each for each in chain([name], others) if not is_taken(each))


def last_run_ids(runs: int) -> list[str]:
    """Return the ids under which drift may have started the last of a target's ``runs`` runs."""
    return [_run_id(number) for number in range(max(1, runs - _LOOKED_BACK), runs + 1)]


def _run_id(number: int) -> str:
    return f"drift__{number}"


def not_ahead(requests: Sequence[Request], now: datetime) -> list[Request]:
    """Return the requests; those that a clock which was ahead has dated later than ``now`` count as made now.

    They would hold retrainings back until that time comes.
    """
    return [replace(request, at=min(request.at, now)) for request in requests]


def remember(requests: Sequence[Request], new: Request) -> list[Request]:
    """The requests to keep, oldest first: the new one, all of a week, and the newest of those before."""
    others = sorted((request for request in requests if request.by != new.by), key=attrgetter("at"))
    old = [request for request in others if new.at - request.at >= WEEK]
    return [*old[-MOST_OLD:], *others[len(old) :], new]
