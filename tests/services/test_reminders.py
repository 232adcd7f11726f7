"""Who is told what, and when again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from driftgate.services.reminders import REMEMBERED, News, Told, known, remember, since

START = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def told(run: str, topic: str, hours: float, *, sent: bool = True, channel: str = "mail") -> Told:
    return Told(run, channel, topic, at(hours), sent)


def news(run: str, topic: str, hours: float, since: float | None = 0) -> News:
    return News(run, topic, at(hours), None if since is None else at(since))


def test_what_nobody_was_told_is_news() -> None:
    assert known(news("a", "moderate", 0), "mail", [], DAY) == ""
    assert known(news("b", "moderate", 1), "slack", [told("a", "moderate", 0)], DAY) == ""


def test_what_has_not_changed_is_no_news_until_it_is_time_to_remind() -> None:
    before = [told("a", "moderate", 0)]
    reason = "told at 2026-06-01 00:00 UTC by a, and unchanged since"
    assert (
        known(news("b", "moderate", 23.9), "mail", before, DAY) == f"{reason}, to be repeated from 2026-06-02 00:00 UTC"
    )
    assert known(news("b", "moderate", 24), "mail", before, DAY) == ""
    assert known(news("b", "moderate", 9_999), "mail", before, None) == reason


def test_another_severity_is_news_and_so_is_one_that_came_back() -> None:
    before = [told("a", "moderate", 0)]
    assert known(news("b", "critical", 1), "mail", before, DAY) == ""
    assert known(news("b", "moderate", 5, since=4), "mail", before, DAY) == ""


def test_reasons_that_alternate_are_told_once_each() -> None:
    before = [told("a", "busy", 1), told("b", "cooldown", 2)]
    assert known(news("c", "busy", 3), "mail", before, DAY).startswith("told at 2026-06-01 01:00 UTC by a")
    assert known(news("c", "paused", 3), "mail", before, DAY) == ""
    assert known(news("c", "busy", 3, since=None), "mail", before, DAY) == ""


def test_a_task_cleared_says_nothing_twice_however_much_later_and_whatever_came_after() -> None:
    sent = [told("a", "moderate", 0), told("b", "critical", 5)]
    assert "this run told it already" in known(news("a", "moderate", 99), "mail", sent, DAY)
    silent = [told("a", "moderate", 0), told("b", "moderate", 1, sent=False), told("c", "critical", 5)]
    assert "this run told it already" in known(news("b", "moderate", 99), "mail", silent, DAY)


def test_a_run_whose_check_was_cleared_and_found_worse_tells_it() -> None:
    assert known(news("a", "critical", 1, since=1), "mail", [told("a", "moderate", 0)], DAY) == ""


def test_what_a_clock_that_was_ahead_has_told_silences_nobody_and_is_told_once_more() -> None:
    ahead = told("r1", "moderate", 24 * 7)
    assert not known(news("r2", "moderate", 1, since=0), "mail", [ahead], DAY)
    both = [ahead, told("r2", "moderate", 1)]
    assert known(news("r3", "moderate", 2, since=0), "mail", both, DAY)
    assert known(news("r1", "moderate", 2, since=0), "mail", both, DAY), "a task cleared"


def test_since_when_is_no_time_to_come() -> None:
    ahead = {"value": "moderate", "since": at(24 * 7).isoformat()}
    assert since(ahead, "moderate", at(1)) == {"value": "moderate", "since": at(1).isoformat()}
    assert since({"value": "moderate", "since": at(0).isoformat()}, "moderate", at(1))["since"] == at(0).isoformat()


def test_an_entry_survives_storage() -> None:
    assert Told.from_json(told("a", "moderate", 0).to_json()) == told("a", "moderate", 0)


@given(st.lists(st.tuples(st.sampled_from(["mail", "slack"]), st.booleans()), max_size=3 * REMEMBERED))
def test_memory_is_bounded_and_never_forgets_what_was_sent_last(entries: list[tuple[str, bool]]) -> None:
    kept: list[Told] = []
    last: dict[str, Told] = {}
    for hour, (channel, sent) in enumerate(entries):
        kept = remember(kept, new := told(str(hour), "moderate", hour, sent=sent, channel=channel))
        last |= {channel: new} if sent else {}
    assert len(kept) <= REMEMBERED + 2
    assert set(last.values()) <= set(kept)
