"""The guard on retraining: one request, one run."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftgate.services.guard import (
    MOST_OLD,
    WEEK,
    Decision,
    Guard,
    Request,
    decide,
    free_run_id,
    last_run_ids,
    not_ahead,
    remember,
)
from driftgate.services.reminders import refusal

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SIX_HOURS = timedelta(hours=6)
GUARD = Guard(SIX_HOURS)


def ask(
    now: datetime = NOON,
    requests: tuple[Request, ...] = (),
    busy: int = 0,
    paused: bool = False,
    streak: int = 1,
    guard: Guard = GUARD,
    measured: datetime | None = None,
    severity: str = "critical",
    later: str = "",
) -> Decision:
    return decide(
        guard, now=now, streak=streak, requests=requests, busy=busy, paused=paused, target="model_retraining",
        run_id="drift__8", measured=measured, severity=severity, later=later,
    )  # fmt: skip


def earlier(hours: float, by: str = "drift_monitoring/before") -> Request:
    return Request(NOON - timedelta(hours=hours), "drift__before", by)


def test_the_first_request_starts_a_run() -> None:
    assert ask() == Decision("drift__8", "no retraining within the cooldown, none queued or running")


@pytest.mark.parametrize("hours", [0, 1, 5.999])
def test_within_the_cooldown_nothing_starts_and_the_next_time_is_told(hours: float) -> None:
    decision = ask(requests=(earlier(hours),))
    assert decision.run_id is None
    next_time = NOON - timedelta(hours=hours) + SIX_HOURS
    assert f"the next is possible from {next_time:%Y-%m-%d %H:%M} UTC" in decision.reason


def test_when_the_cooldown_is_over_a_run_starts() -> None:
    assert ask(requests=(earlier(6),)).run_id


def test_a_cooldown_of_a_year_is_no_shorter() -> None:
    guard = Guard(timedelta(days=365), max_per_week=3)
    asked = [earlier(24 * 364)]
    assert guard.that_matter(asked, NOON) == asked
    assert ask(guard=guard, requests=tuple(asked)).run_id is None
    assert guard.that_matter([earlier(24 * 365)], NOON) == []


def test_requests_of_a_week_matter_where_weeks_are_limited() -> None:
    asked = [earlier(100), earlier(7), earlier(1)]
    assert GUARD.that_matter(asked, NOON) == asked[2:]
    assert Guard(SIX_HOURS, max_per_week=2).that_matter(asked, NOON) == asked


def test_while_one_is_queued_or_running_nothing_starts() -> None:
    assert ask(busy=2) == Decision(None, "model_retraining has runs queued or running already: 2")


def test_a_paused_pipeline_is_not_asked() -> None:
    decision = ask(paused=True)
    assert decision.run_id is None
    assert decision.reason.startswith("model_retraining is paused")


def test_no_more_than_the_given_number_start_in_a_week() -> None:
    guard = Guard(SIX_HOURS, max_per_week=2)
    requests = (
        Request(NOON - timedelta(hours=160), "drift__a", "a"),
        Request(NOON - timedelta(hours=7), "drift__b", "b"),
    )
    decision = ask(requests=requests, guard=guard)
    assert decision.run_id is None
    next_time = NOON - timedelta(hours=160) + WEEK
    assert decision.reason == (
        "2 retrainings were asked for within seven days, which is all that guard.max_per_week allows; "
        f"the next is possible from {next_time:%Y-%m-%d %H:%M} UTC"
    )
    assert ask(requests=requests, guard=guard, now=next_time).run_id


def test_a_run_that_two_monitors_asked_for_counts_once() -> None:
    both = (earlier(7, "one/now"), earlier(7, "other/now"))
    assert ask(requests=both, guard=Guard(SIX_HOURS, max_per_week=2)).run_id


def test_requests_from_a_clock_that_was_ahead_hold_back_for_one_cooldown_only() -> None:
    asked = not_ahead([earlier(-24 * 7), earlier(8)], NOON)
    assert [request.at for request in asked] == [NOON, NOON - timedelta(hours=8)]
    assert ask(requests=tuple(asked)).run_id is None
    assert ask(requests=tuple(asked), now=NOON + SIX_HOURS).run_id


@pytest.mark.parametrize("streak", [1, 2])
def test_drift_must_last_for_as_many_runs_as_asked(streak: int) -> None:
    decision = ask(streak=streak, guard=Guard(SIX_HOURS, consecutive=3))
    reason = f"drift has been this severe for {streak} of the 3 runs in a row that are needed (guard.consecutive)"
    assert decision == Decision(None, reason)
    assert ask(streak=3, guard=Guard(SIX_HOURS, consecutive=3)).run_id


@pytest.mark.parametrize(
    ("guard", "one", "other"),
    [
        (Guard(SIX_HOURS, consecutive=30), {"streak": 1}, {"streak": 2}),
        (Guard(SIX_HOURS, consecutive=30), {"streak": 3}, {"streak": 21}),
        (Guard(SIX_HOURS), {"busy": 1}, {"busy": 2}),
        (Guard(SIX_HOURS), {"requests": (earlier(1),)}, {"requests": (earlier(5),)}),
        (Guard(SIX_HOURS, max_per_week=1), {"requests": (earlier(7),)}, {"requests": (earlier(99),)}),
    ],
)
def test_another_number_is_no_other_reason_to_tell(guard: Guard, one: dict[str, Any], other: dict[str, Any]) -> None:
    before, after = (ask(guard=guard, **asked).reason for asked in (one, other))
    assert before != after
    assert refusal("critical", before) == refusal("critical", after)


def test_drift_that_was_measured_long_ago_starts_nothing() -> None:
    guard = Guard.of({"cooldown": "6h", "consecutive": 1}, {"stale_after": "24h"})
    assert ask(guard=guard, measured=NOON - timedelta(hours=24)).run_id
    decision = ask(guard=guard, measured=NOON - timedelta(hours=25))
    assert decision == Decision(
        None,
        "the drift was measured at 2026-05-31 11:00 UTC, more than 1d ago (psi.stale_after): measure it anew",
    )


@pytest.mark.parametrize("severity", ["none", "unknown"])
def test_where_there_is_no_drift_to_mend_nothing_starts_however_it_is_wired(severity: str) -> None:
    assert ask(severity=severity) == Decision(None, f"severity is {severity}, which no retraining mends")


def test_drift_that_a_later_run_no_longer_found_starts_nothing() -> None:
    assert ask(later="none") == Decision(None, "a later run has found severity none")


def test_who_sees_the_same_runs_asks_for_the_same_run() -> None:
    assert free_run_id(7, lambda _: False) == free_run_id(7, lambda _: False) == "drift__8"
    assert free_run_id(8, lambda _: False) == "drift__9"


def test_the_last_runs_are_looked_at_for_starts_that_nobody_remembers() -> None:
    assert last_run_ids(0) == []
    assert last_run_ids(3) == ["drift__1", "drift__2", "drift__3"]
    assert (last_run_ids(1_000)[0], last_run_ids(1_000)[-1]) == ("drift__600", "drift__1000")


def test_an_old_run_that_holds_the_id_is_passed_over() -> None:
    assert free_run_id(7, {"drift__8", "drift__8.2"}.__contains__) == "drift__8.3"


@given(st.lists(st.tuples(st.integers(0, 20_000), st.sampled_from("abc")), max_size=60), st.none() | st.integers(1, 5))
def test_however_often_it_is_asked_runs_are_a_cooldown_apart(asked: list[tuple[int, str]], most: int | None) -> None:
    requests: list[Request] = []
    for minutes, monitor in sorted(asked):
        now, guard = NOON + timedelta(minutes=minutes), Guard(SIX_HOURS, max_per_week=most)
        if ask(now=now, requests=tuple(guard.that_matter(requests, now)), guard=guard).run_id:
            requests = remember(requests, Request(now, f"drift__{len(requests)}", f"{monitor}/{minutes}"))
    times = [request.at for request in requests]
    assert all(later - sooner >= SIX_HOURS for sooner, later in pairwise(times))
    assert most is None or all(later - sooner >= WEEK for sooner, later in zip(times, times[most:], strict=False))


def test_requests_of_a_week_are_remembered_and_the_newest_of_those_before() -> None:
    new = Request(NOON, "drift__new", "y")
    old = [earlier(24 * 7 + hours, by=f"old/{hours}") for hours in range(MOST_OLD + 1, 0, -1)]
    recent = [earlier(hours, by=f"recent/{hours}") for hours in range(100, 0, -1)]
    assert remember([*recent, *old], new) == [*old[1:], *recent, new]
    assert remember([new], new) == [new]
    assert Request.from_json(new.to_json()) == new
