"""May drift start another retraining now? One pure decision over what is known of earlier ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

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


def decide(
    *,
    by: str,
    now: datetime,
    cooldown: timedelta,
    requests: Sequence[Request],
    busy: int,
    paused: bool,
    target: str,
) -> Decision:
    """Decide whether the drift run ``by`` may start ``target``.

    ``busy`` counts its queued and running runs. A drift run that asked before gets the run id of then, so that
    a retry or a cleared task can never start a second one, whatever became of the first.
    """
    if paused:
        return Decision(None, f"{target} is paused: unpause it, or its runs would pile up in the queue")
    if (own := next((request for request in requests if request.by == by), None)) is not None:
        return Decision(own.run_id, f"this drift run asked for {own.run_id} already")
    if busy:
        return Decision(None, f"{target} has {busy} run{'s' if busy > 1 else ''} queued or running already")
    last = max((request.at for request in requests), default=None)
    if last is not None and now - last < cooldown:
        return Decision(None, f"cooldown: the last retraining was asked for at {last:%Y-%m-%d %H:%M} UTC, "
                              f"the next is possible from {last + cooldown:%Y-%m-%d %H:%M} UTC")  # fmt: skip
    return Decision(run_id_at(now, cooldown), "no retraining within the cooldown, none queued or running")


def run_id_at(now: datetime, cooldown: timedelta) -> str:
    """The same id for all who ask within one stretch of the cooldown's length.

    Airflow refuses a second run of the same id: the one guard that also holds between monitors that decide at the
    same moment (but for one where two stretches meet; there the queued run of the first stops the second). Two
    requests that are a cooldown apart never fall into the same stretch.
    """
    length = int(cooldown.total_seconds())
    start = int(now.timestamp()) // length * length
    return f"drift__{datetime.fromtimestamp(start, UTC):%Y-%m-%dT%H:%M:%SZ}"


def remember(requests: Sequence[Request], new: Request) -> list[Request]:
    """The requests to keep: the new one, and the earlier ones that may still matter."""
    kept = [request for request in requests if new.at - request.at < REMEMBERED and request.by != new.by]
    return [*kept, new]
