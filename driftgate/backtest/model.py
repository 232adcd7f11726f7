"""The outcome of a backtest as data. Drawing it is another matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from driftgate.errors import Problem
from driftgate.services.history import History


@dataclass(frozen=True)
class Step:
    """What the monitor's run on one window found."""

    at: datetime
    psi: float | None  # of all features together, as it was judged
    severity: str
    streak: int
    reason: str = ""  # why it is unknown


@dataclass(frozen=True)
class Alert:
    """A message that went out, on the channels that did not know it yet."""

    at: datetime
    task: str
    event: Literal["drift", "refused"]
    severity: str
    channels: tuple[str, ...]


@dataclass(frozen=True)
class Retraining:
    """A run that was started."""

    at: datetime
    task: str
    pipeline: str
    psi: float | None


@dataclass(frozen=True)
class Refusal:
    """A retraining that the guard did not allow."""

    at: datetime
    task: str
    reason: str


@dataclass(frozen=True)
class Replay:
    """Everything that a monitor found and did, in the order of time."""

    steps: tuple[Step, ...]
    alerts: tuple[Alert, ...]
    retrainings: tuple[Retraining, ...]
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True)
class Share:
    """How much of the history one severity makes."""

    windows: int
    time: timedelta
    share: float  # of the time that windows stand for, 0 to 1


@dataclass(frozen=True)
class Stretch:
    """A stretch of time."""

    start: datetime
    length: timedelta


@dataclass(frozen=True)
class Trial:
    """One set of settings, and what comes of it; ``replay`` is None when validation refuses it."""

    name: str  # "present", or the settings as they were given
    settings: Mapping[str, Any]  # dotted path → value, of what is proposed
    psi: Mapping[str, Any]  # the section in force
    replay: Replay | None = None
    severities: Mapping[str, Share] | None = None
    untreated: Stretch | None = None  # the longest critical time in which no retraining began
    problems: tuple[Problem, ...] = ()  # why it is refused, or what there is to warn of


@dataclass(frozen=True)
class Backtest:
    """A history under the present settings, and under others."""

    dag_id: str
    file: str
    environment: str
    history: History
    covered: timedelta  # what the windows stand for
    gaps: timedelta  # between them, of which nobody knows anything
    present: Trial
    proposals: Sequence[Trial]
    notes: tuple[str, ...]

    @property
    def trials(self) -> list[Trial]:
        """The present settings first."""
        return [self.present, *self.proposals]
