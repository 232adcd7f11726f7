"""A backtest as a picture: the PSI over time in its bands, and what was decided."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftgate.backtest.model import Backtest, Step, Trial
from driftgate.errors import UserMistake
from driftgate.views.backtest_words import title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_PANELS = 8
_COLOURS = {"none": "#e6f4ea", "minor": "#fff7d6", "moderate": "#ffe3c2", "critical": "#fbd3d0"}


def check_plottable(path: Path) -> None:
    """Raise UserMistake unless ``path`` ends like a picture that can be drawn, in a folder that exists."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    kinds = sorted(FigureCanvasAgg.get_supported_filetypes())
    kind = path.suffix.lower().removeprefix(".")
    if kind not in kinds:
        ends = f"ends in .{kind}" if kind else "has no ending"
        raise UserMistake(f"--plot: {path} {ends}, and can be one of .{', .'.join(kinds)}")
    if not path.parent.is_dir():
        raise UserMistake(f"--plot: there is no folder {path.parent}")


def draw(test: Backtest, path: Path) -> int:
    """Draw a panel for each trial, MOST_PANELS at most, into ``path``; returns how many are left out."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    trials = [trial for trial in test.trials if trial.replay is not None]
    shown = trials[:MOST_PANELS]
    figure = Figure(figsize=(12, 1.2 + 2.8 * len(shown)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title(test), fontsize=10)
    panels = figure.subplots(len(shown), 1, sharex=True, sharey=True, squeeze=False)
    distance = test.history.distance
    highest = max((step.psi or 0 for trial in shown if trial.replay for step in trial.replay.steps), default=0)
    for panel, trial in zip(panels[:, 0], shown, strict=True):
        _panel(panel, trial, 1.1 * max(highest, trial.psi["critical"]), distance and 2 * distance)
    panels[0, 0].legend(loc="upper left", fontsize=8, ncols=4)
    try:
        figure.savefig(path, dpi=120)
    except OSError as error:
        raise UserMistake(f"--plot: {path} cannot be written: {error.strerror or error}") from None
    return len(trials) - len(shown)


def _panel(panel: Axes, trial: Trial, top: float, gap: timedelta | None) -> None:
    assert trial.replay is not None  # noqa: S101 (for the type checker)
    steps, psi = trial.replay.steps, trial.psi
    _bands(panel, psi, top)
    times, values = _line(steps, gap)
    panel.plot(times, values, color="#1f4e79", linewidth=0.8, marker="." if len(steps) < 200 else None, label="PSI")
    at = {step.at: step.psi or 0.0 for step in steps}
    unknown: list[Any] = [step.at for step in steps if step.severity == "unknown"]
    alerts: list[Any] = [alert.at for alert in trial.replay.alerts]
    retrainings: list[Any] = [each.at for each in trial.replay.retrainings]
    panel.plot(unknown, [0] * len(unknown), "|", color="#777777", markersize=6, label="unknown")
    panel.plot(alerts, [at[time] for time in alerts], "o", mfc="none", color="#b26a00", markersize=6, label="alert")
    panel.plot(retrainings, [at[time] for time in retrainings], "^", color="#b00020", markersize=7, label="retraining")
    panel.set_ylim(0, top)
    panel.set_ylabel("PSI")
    panel.set_title(trial.name, fontsize=9, loc="left")


def _line(steps: Sequence[Step], gap: timedelta | None) -> tuple[list[Any], list[float]]:
    """Return the times and values of a line that ends where nobody knows anything."""
    times: list[Any] = []
    values: list[float] = []
    for step in steps:
        if gap and times and step.at - times[-1] > gap:
            times.append(times[-1])
            values.append(float("nan"))
        times.append(step.at)
        values.append(float("nan") if step.psi is None else step.psi)
    return times, values


def _bands(panel: Axes, psi: Any, top: float) -> None:
    bounds = [0.0, psi["minor"], psi["moderate"], psi["critical"], top]
    for name, (low, high) in zip(_COLOURS, pairwise(bounds), strict=True):
        panel.axhspan(low, max(low, high), color=_COLOURS[name], zorder=0)
        panel.text(1.005, (low + high) / 2, name, transform=panel.get_yaxis_transform(), fontsize=7, va="center")
