"""The guard on retraining: one request, one run."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftgate.services.guard import REMEMBERED, WEEK, Decision, Guard, Request, decide, not_ahead, remember, run_id_at
from driftgate.services.reminders import refusal

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SIX_HOURS = timedelta(hours=6)
GUARD = Guard(SIX_HOURS)


def ask(
    by: str = "drift_monitoring/now",
    now: datetime = NOON,
    requests: tuple[Request, ...] = (),
    busy: int = 0,
    paused: bool = False,
    streak: int = 1,
    guard: Guard = GUARD,
) -> Decision:
    return decide(
        guard, by=by, now=now, streak=streak, requests=requests, busy=busy, paused=paused, target="model_retraining"
    )


def earlier(hours: float, by: str = "drift_monitoring/before") -> Request:
    return Request(NOON - timedelta(hours=hours), "drift__before", by)


def test_the_first_request_starts_a_run() -> None:
    assert ask() == Decision("drift__2026-06-01T12:00:00Z", "no retraining within the cooldown, none queued or running")


@pytest.mark.parametrize("hours", [0, 1, 5.999])
def test_within_the_cooldown_nothing_starts_and_the_next_time_is_told(hours: float) -> None:
    decision = ask(requests=(earlier(hours),))
    assert decision.run_id is None
    next_time = NOON - timedelta(hours=hours) + SIX_HOURS
    assert f"the next is possible from {next_time:%Y-%m-%d %H:%M} UTC" in decision.reason


def test_when_the_cooldown_is_over_a_run_starts() -> None:
    assert ask(requests=(earlier(6),)).run_id


def test_a_drift_run_that_asked_before_gets_the_same_run_again() -> None:
    asked = earlier(100, by="drift_monitoring/now")
    assert ask(requests=(asked,), busy=1).run_id == "drift__before"


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


moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


@given(moments, st.integers(60, 10**6))
def test_two_requests_a_cooldown_apart_never_share_a_run_id(moment: datetime, seconds: int) -> None:
    cooldown = timedelta(seconds=seconds)
    assert run_id_at(moment, cooldown) != run_id_at(moment + cooldown, cooldown)


@given(st.lists(st.tuples(st.integers(0, 20_000), st.sampled_from("abc")), max_size=60), st.none() | st.integers(1, 5))
def test_however_often_it_is_asked_runs_are_a_cooldown_apart(asked: list[tuple[int, str]], most: int | None) -> None:
    requests: list[Request] = []
    for minutes, monitor in sorted(asked):
        now = NOON + timedelta(minutes=minutes)
        decision = ask(
            by=f"{monitor}/{minutes}", now=now, requests=tuple(requests), guard=Guard(SIX_HOURS, max_per_week=most)
        )
        if decision.run_id and decision.run_id not in {request.run_id for request in requests}:
            requests = remember(requests, Request(now, decision.run_id, f"{monitor}/{minutes}"))
    times = [request.at for request in requests]
    assert all(later - sooner >= SIX_HOURS for sooner, later in pairwise(times))
    assert most is None or all(later - sooner >= WEEK for sooner, later in zip(times, times[most:], strict=False))


def test_requests_are_remembered_until_they_no_longer_matter() -> None:
    old = Request(NOON - REMEMBERED, "drift__old", "x")
    new = Request(NOON, "drift__new", "y")
    assert remember([old, earlier(1)], new) == [earlier(1), new]
    assert Request.from_json(new.to_json()) == new
