"""What a backtest says, in words that text and Markdown share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from driftgate.backtest.model import Backtest, Replay, Retraining, Stretch, Trial
from driftgate.services.drift import SEVERITIES

REPLAYED = "A replay keeps the recorded PSI: one retraining more, or one less, would have changed what followed."
HEADS = (*SEVERITIES, "alerts", "retrainings", "longest critical")
_MINUTE = "%Y-%m-%d %H:%M"
_LONGEST = 32  # name in a table


def title(test: Backtest) -> str:
    """Return what was replayed on what."""
    env = f" in the environment {test.environment}" if test.environment else ""
    return f"{test.dag_id}{env} on {test.history.source}: {extent(test)}"


def extent(test: Backtest) -> str:
    """Return how long the history is."""
    windows = test.history.windows
    if len(windows) == 1:
        return f"1 window, {moment(windows[0].at)} UTC"
    gaps = f", {rough(test.gaps)} of it without any" if test.gaps else ""
    return f"{len(windows)} windows, {moment(windows[0].at)} to {moment(windows[-1].at)} UTC{gaps}"


def moment(at: datetime) -> str:
    """Return a time, to the minute."""
    return at.strftime(_MINUTE)


def rough(length: timedelta) -> str:
    """Return a length of time in its two greatest units: ``3d 4h``."""
    seconds = int(length.total_seconds())
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2]) or "0s"


def labels(test: Backtest) -> list[str]:
    """Return what the rows of a table are called: by number if their names are long."""
    names = [trial.name for trial in test.trials]
    if max(map(len, names)) <= _LONGEST:
        return names
    return [name if number == 0 else f"#{number}" for number, name in enumerate(names)]


def cells(trial: Trial) -> list[str]:
    """Return a row of the table, in the order of HEADS; nothing for a trial that is refused."""
    if trial.replay is None or trial.severities is None:
        return []
    shares = [trial.severities[name] for name in SEVERITIES]
    bands = [f"{share.share:.1%} ({share.windows})" if share.windows else "–" for share in shares]
    counts = [str(len(trial.replay.alerts)), str(len(trial.replay.retrainings))]
    return [*bands, *counts, stretch(trial.untreated)]


def stretch(longest: Stretch | None) -> str:
    """Return the longest critical time without a retraining."""
    return rough(longest.length) if longest else "–"


def groups(trial: Trial) -> str:
    """Return of what events the alerts of a trial tell."""
    assert trial.replay is not None  # noqa: S101 (for the type checker)
    counted = Counter(f"{alert.severity}" if alert.event == "drift" else "refused" for alert in trial.replay.alerts)
    return ", ".join(f"{counted[name]} {name}" for name in (*SEVERITIES, "refused") if counted[name])


def dates(retrainings: Sequence[Retraining], most: int) -> list[str]:
    """Return when retrainings began, the first ``most``, and how many more there are."""
    shown = [moment(each.at) for each in retrainings[:most]]
    more = len(retrainings) - len(shown)
    return [*shown, f"and {more} more"] if more else shown


def refusals(replay: Replay) -> list[str]:
    """Return why the guard said no, each reason with how often, times and counts left out."""
    counted = Counter(_reason(each.reason) for each in replay.refusals)
    return [f"{count} × {reason}" for reason, count in counted.most_common()]


def _reason(reason: str) -> str:
    if reason.startswith("cooldown"):
        return "cooldown"
    return "max_per_week" if "max_per_week" in reason else "consecutive" if "consecutive" in reason else reason


def unknown(replay: Replay) -> str:
    """Return why windows are unknown: the most frequent reason, as it was first given; "" if none is."""
    reasons = [step.reason for step in replay.steps if step.severity == "unknown"]
    kinds = Counter(re.sub(r"[0-9]+", "#", reason) for reason in reasons)
    if not kinds:
        return ""
    kind, count = kinds.most_common(1)[0]
    example = next(reason for reason in reasons if re.sub(r"[0-9]+", "#", reason) == kind)
    return f"{count} of {len(replay.steps)} windows: {example}"
