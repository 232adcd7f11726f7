"""Who was told what, so that nobody is told the same twice: for a while, and never again in the same run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

CLOCK_SKEW = timedelta(minutes=5)
REMEMBERED = 100  # entries; nobody clears a task that was followed by more alerts than that


@dataclass(frozen=True)
class Told:
    """What a run had to say on a channel, and whether it said it or somebody had said it before."""

    run: str
    channel: str
    topic: str  # what must change to be news: a severity
    at: datetime
    sent: bool

    def to_json(self) -> dict[str, Any]:
        """As stored in Airflow's asset state."""
        return {**asdict(self), "at": self.at.isoformat()}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Told:
        """The inverse of ``to_json``."""
        return cls(**{**stored, "at": datetime.fromisoformat(stored["at"])})


@dataclass(frozen=True)
class News:
    """Something that a run has to say now. ``since``: when it became so, None if nobody knows."""

    run: str
    topic: str
    now: datetime
    since: datetime | None = None


def known(news: News, channel: str, told: Sequence[Told], repeat_after: timedelta | None) -> str:
    """Return why ``news`` need not be told on ``channel``; "" when it must be."""
    here = [entry for entry in told if entry.channel == channel]
    if any(entry.run == news.run and entry.topic == news.topic for entry in here):
        return "this run told it already, or had nothing new to tell"
    # What a clock that was ahead has dated later than now says nothing: rather once too often than not at all.
    sent = [entry for entry in here if entry.sent and entry.at <= news.now + CLOCK_SKEW]
    # Who knows since when it is so can tell news from what was told before something else was: reasons that alternate.
    last = next((entry for entry in reversed(sent) if news.since is None or entry.topic == news.topic), None)
    if last is None or last.topic != news.topic or (news.since is not None and news.since > last.at):
        return ""
    if repeat_after is not None and news.now - last.at >= repeat_after:
        return ""
    again = f", to be repeated from {last.at + repeat_after:%Y-%m-%d %H:%M} UTC" if repeat_after is not None else ""
    return f"told at {last.at:%Y-%m-%d %H:%M} UTC by {last.run}, and unchanged since{again}"


def known_to(
    news: News, channels: Iterable[str], told: Sequence[Told], repeat_after: timedelta | None
) -> dict[str, str]:
    """Return the channels on which ``news`` need not be told, each with the reason; the others must be told."""
    reasons = {name: known(news, name, told, repeat_after) for name in dict.fromkeys(channels)}
    return {name: why for name, why in reasons.items() if why}


def refusal(severity: str, reason: str) -> str:
    """Return the topic of a retraining refused: other times and counts in its reason are no other reason."""
    return f"{severity}, no retraining: {re.sub(r'[0-9]+', '#', reason)}"


def since(before: Any, value: str, now: datetime) -> dict[str, str]:
    """Return what is seen now, and since when; ``before`` is what this returned the last time, or anything else."""
    if isinstance(before, Mapping) and before.get("value") == value:
        began = str(before["since"])
        if datetime.fromisoformat(began) <= now + CLOCK_SKEW:  # else a clock was ahead
            return {"value": value, "since": began}
    return {"value": value, "since": now.isoformat(timespec="seconds")}


def remember(told: Sequence[Told], new: Told) -> list[Told]:
    """The entries to keep, the newest last; what was last sent on each channel is never forgotten."""
    entries = [*told, new]
    last_sent = {entry.channel: entry for entry in entries if entry.sent}
    return [
        entry
        for i, entry in enumerate(entries, REMEMBERED - len(entries))
        if i >= 0 or last_sent.get(entry.channel) is entry
    ]
