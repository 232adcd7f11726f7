"""A backtest: a history through a pipeline as it is, and as it would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from driftgate.backtest.model import Backtest, Replay, Share, Stretch, Trial
from driftgate.backtest.proposals import Proposal, Setting, Unreadable, without_line
from driftgate.backtest.replay import checking_task, measure_all, measured_alike, replay
from driftgate.config.load import load_proposal
from driftgate.config.model import Pipeline
from driftgate.config.rhythm import Rhythm, rhythm
from driftgate.config.words import dotted, listing
from driftgate.durations import format_duration, parse_duration
from driftgate.errors import ConfigError
from driftgate.services.drift import SEVERITIES
from driftgate.services.history import History

_REPLAYED = ("alerts", "psi", "tasks")  # the parts of a pipeline that decide
_OF_ALERTS = ("on_refused", "repeat_after")
_OF_TASKS = ("alerts", "channels", "depends_on", "guard", "operator", "pipeline", "routes", "tasks", "trigger_rule")
_HOUR = timedelta(hours=1)
_WINDOW = "24h"  # that `driftgate serve` looks at when nobody says otherwise


def present(path: Path, directory: Path, env: str | None) -> Pipeline:
    """Return the pipeline as it is. Raises ConfigError when it has errors, NoMonitor when it decides nothing."""
    pipeline, _ = load_proposal(path, directory, env, ())
    checking_task(pipeline)
    return pipeline


def backtest(
    pipeline: Pipeline, directory: Path, env: str | None, proposals: Sequence[Proposal], history: History
) -> Backtest:
    """Return what ``pipeline`` decides on ``history``, and what it would with each of ``proposals``.

    Raises Unreadable for a setting on which no decision depends, ConfigError when nothing proposed is valid.
    """
    usual = rhythm(pipeline.layers.data.get("schedule"))
    alone = usual.shortest if usual else _HOUR
    spans = history.spans(alone)
    whole = history.windows[-1].at - history.windows[0].at + spans[-1]
    tried = _Trials(pipeline, directory, env, history, spans)
    trials = [tried.try_out(proposal) for proposal in proposals]
    if trials and all(trial.replay is None for trial in trials):
        raise ConfigError(trials[0].problems)
    return Backtest(
        dag_id=pipeline.dag_id,
        file=pipeline.file,
        environment=env or "",
        history=history,
        covered=sum(spans, timedelta()),
        gaps=whole - sum(spans, timedelta()),
        present=tried.of(Proposal(), pipeline),
        proposals=trials,
        notes=(*history.notes, *_window_note(history, pipeline), *_rhythm_note(history, usual, pipeline)),
    )


def _window_note(history: History, pipeline: Pipeline) -> Sequence[str]:
    """Say so where the windows are others than those that the monitor asks for: their PSI is another."""
    asked = checking_task(pipeline).parameters.get("window")
    looked, told = parse_duration(asked or _WINDOW), history.measured
    if told is None or looked / 2 < told < looked * 2:
        return ()
    unless = "" if asked else ", unless the API has another window"
    return (
        f"each window of the history is {format_duration(told)} of traffic, and check_drift looks at "
        f"{format_duration(looked)}{unless}: over a shorter one PSI is higher, and min_samples reached less often",
    )


def _rhythm_note(history: History, usual: Rhythm | None, pipeline: Pipeline) -> Sequence[str]:
    distance, every = history.distance, usual.shortest if usual else None
    if not every or not distance or every / 2 < distance < every * 2:
        return ()
    schedule = pipeline.layers.data["schedule"]
    return (
        f"the history has a window every {format_duration(distance)}, and the schedule is {schedule}: "
        "here each window counts as one run",
    )


class _Trials:
    """Tries settings out on one history."""

    def __init__(
        self, pipeline: Pipeline, directory: Path, env: str | None, history: History, spans: Sequence[timedelta]
    ) -> None:
        self.pipeline, self.directory, self.env = pipeline, directory, env
        self.history, self.spans = history, spans
        self.measured = measure_all(pipeline, history)

    def try_out(self, proposal: Proposal) -> Trial:
        path = self.directory.parent / self.pipeline.file
        try:
            pipeline, found = load_proposal(path, self.directory, self.env, proposal.documents)
        except ConfigError as error:
            problems = tuple(map(without_line, error.problems))
            return Trial(proposal.name, proposal.values, {}, problems=problems)
        for setting in proposal.settings:
            _check_bearing(setting, self.pipeline)
        warnings = tuple(without_line(problem) for problem in found if problem.file.startswith(("--set ", "--grid ")))
        return self.of(proposal, pipeline, warnings)

    def of(self, proposal: Proposal, pipeline: Pipeline, warnings: tuple[Any, ...] = ()) -> Trial:
        alike = measured_alike(pipeline, self.pipeline)
        replayed = replay(pipeline, self.history, self.measured if alike else None)
        return Trial(
            name=proposal.name,
            settings=proposal.values,
            psi=pipeline.sections["psi"],
            replay=replayed,
            severities=_shares(replayed, self.spans),
            untreated=_untreated(replayed, self.spans),
            problems=warnings,
        )


def _check_bearing(setting: Setting, pipeline: Pipeline) -> None:
    """Refuse what is valid, and changes nothing here: somebody would take the equal numbers for an answer."""
    path = setting.path
    below = path  # below the tasks and groups
    while below[:1] == ("tasks",):
        below = below[2:]
    why = ""
    if path[0] not in _REPLAYED:
        why = f"a backtest replays {listing(_REPLAYED, 'and')}"
    elif path[0] == "alerts" and len(path) > 1 and path[1] not in _OF_ALERTS:
        why = f"of alerts, {listing(_OF_ALERTS, 'and')} decide"
    elif path[-2:] == ("guard", "new_data"):
        why = "whether there are new data is not in a history of drift"
    elif path[: len(checking_task(pipeline).path)] == checking_task(pipeline).path:
        why = "the history was measured as it was"
    elif path[0] == "tasks" and below and below[0] not in _OF_TASKS:
        why = f"of a task, {listing(_OF_TASKS, 'and')} decide"
    if why:
        raise Unreadable(f"--set {setting.name}: no decision of a backtest depends on {dotted(path)}: {why}")


def _shares(replayed: Replay, spans: Sequence[timedelta]) -> Mapping[str, Share]:
    times = dict.fromkeys(SEVERITIES, timedelta())
    counts = dict.fromkeys(SEVERITIES, 0)
    for step, span in zip(replayed.steps, spans, strict=True):
        times[step.severity] += span
        counts[step.severity] += 1
    whole = sum(spans, timedelta())
    return {name: Share(counts[name], times[name], times[name] / whole) for name in SEVERITIES}


def _untreated(replayed: Replay, spans: Sequence[timedelta]) -> Stretch | None:
    """Return the longest stretch in which drift was critical and no retraining began; None if it never was.

    Another severity, a retraining and a gap in the history end a stretch.
    """
    begun = {retraining.at for retraining in replayed.retrainings}
    longest: Stretch | None = None
    current: Stretch | None = None
    for step, span in zip(replayed.steps, spans, strict=True):
        if step.severity != "critical":
            current = None
            continue
        goes_on = current and step.at not in begun and current.start + current.length == step.at
        current = Stretch(current.start, current.length + span) if current and goes_on else Stretch(step.at, span)
        if longest is None or current.length > longest.length:
            longest = current
    return longest
