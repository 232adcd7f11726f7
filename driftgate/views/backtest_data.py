"""A backtest as data, for programs."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from driftgate.backtest.model import Backtest, Replay, Share, Trial


def backtest_data(test: Backtest) -> dict[str, Any]:
    """Return ``test`` as JSON has it; docs/backtest.md names every field. Lengths of time are seconds."""
    windows = test.history.windows
    distance = test.history.distance
    return {
        "dag_id": test.dag_id,
        "file": test.file,
        "environment": test.environment or None,
        "history": {
            "source": test.history.source,
            "windows": len(windows),
            "start": windows[0].at.isoformat(),
            "end": windows[-1].at.isoformat(),
            "every": _seconds(distance) if distance else None,
            "covered": _seconds(test.covered),
            "gaps": _seconds(test.gaps),
        },
        "notes": list(test.notes),
        "trials": [_trial(trial) for trial in test.trials],
    }


def _trial(trial: Trial) -> dict[str, Any]:
    told = {
        "name": trial.name,
        "settings": dict(trial.settings),
        "valid": trial.replay is not None,
        "problems": [asdict(problem) for problem in trial.problems],
    }
    if trial.replay is None or trial.severities is None:
        return told
    longest = trial.untreated
    told_longest = {"start": longest.start.isoformat(), "seconds": _seconds(longest.length)} if longest else None
    return {
        **told,
        "severities": {name: _share(share) for name, share in trial.severities.items()},
        **_decisions(trial.replay),
        "longest_critical": told_longest,
    }


def _share(share: Share) -> dict[str, Any]:
    return {"windows": share.windows, "seconds": _seconds(share.time), "share": round(share.share, 6)}


def _decisions(replay: Replay) -> dict[str, Any]:
    kinds = {"alerts": replay.alerts, "retrainings": replay.retrainings, "refusals": replay.refusals}
    return {
        name: [{**vars(each), "at": each.at.isoformat()} for each in decisions]  # type: ignore[attr-defined]
        for name, decisions in kinds.items()
    }


def _seconds(length: timedelta) -> int:
    return int(length.total_seconds())
