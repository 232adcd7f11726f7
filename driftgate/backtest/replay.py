"""Recorded drift through the deciding tasks of a pipeline, run by run.

Each step is the one that the operators take: how severe it is and for how long (services.drift), which route that
takes, who is told (services.reminders), whether the guard lets a retraining start (services.guard). What no record
holds is taken to go well: other tasks succeed, people approve, channels take their alerts, and a retraining has
ended before the next window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from driftgate.backtest.model import Alert, Refusal, Replay, Retraining, Step
from driftgate.config.model import Pipeline, Task
from driftgate.config.order import Order
from driftgate.config.outcomes import Outcomes
from driftgate.config.tree import Tree
from driftgate.durations import parse_duration
from driftgate.errors import UserMistake
from driftgate.services import drift, guard, reminders
from driftgate.services.drift import Drift, Measured, Seen
from driftgate.services.guard import Guard, Request
from driftgate.services.history import History
from driftgate.services.reminders import News, Told

_ACTING = ("decide_action", "send_alert", "trigger_retraining")


class NoMonitor(UserMistake):
    """The pipeline has nothing that a history could be replayed through."""


def replay(pipeline: Pipeline, history: History, measured: Sequence[Measured] | None = None) -> Replay:
    """Return what ``pipeline`` would have found and done on ``history``.

    ``measured`` is what ``measure_all`` returned for it, to save the time. Raises NoMonitor when the pipeline has no
    check_drift task, or tasks that only Airflow can tell how often they run.
    """
    monitor = _Monitor(pipeline)
    found = measure_all(pipeline, history) if measured is None else measured
    for recorded, each in zip(history.windows, found, strict=True):
        monitor.run(recorded.at, drift.judge(each, monitor.psi))
    return Replay(tuple(monitor.steps), tuple(monitor.alerts), tuple(monitor.retrainings), tuple(monitor.refusals))


def measure_all(pipeline: Pipeline, history: History) -> list[Measured]:
    """Return what each window tells, before it is judged."""
    psi, fields = pipeline.sections["psi"], drift.Fields()
    return [drift.measure(recorded.answer, psi, fields, recorded.at) for recorded in history.windows]


def measured_alike(one: Pipeline, other: Pipeline) -> bool:
    """Whether ``measure_all`` returns the same for two pipelines: they differ in their common bands at most."""
    sections = [dict(pipeline.sections["psi"]) for pipeline in (one, other)]
    if not any(section["features"] for section in sections):
        sections = [{key: section[key] for key in section if key not in drift.BANDS} for section in sections]
    return sections[0] == sections[1]


def checking_task(pipeline: Pipeline) -> Task:
    """Return the task that finds the drift; NoMonitor if there is none, or several."""
    checks = [task for task in pipeline.tasks if task.operator == "check_drift"]
    if not checks:
        raise NoMonitor(f"{pipeline.dag_id} has no task with operator check_drift: it decides nothing about drift")
    if len(checks) > 1:
        names = " and ".join(task.task_id for task in checks)
        raise NoMonitor(f"{pipeline.dag_id} has several check_drift tasks ({names}), and a history is of one model API")
    return checks[0]


class _Monitor:
    """A pipeline, and what its runs so far have found, told and asked for."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.psi: Mapping[str, Any] = pipeline.sections["psi"] if checking_task(pipeline) else {}
        self.alarm: Mapping[str, Any] = pipeline.sections.get("alerts", {})
        self.course = _Course(pipeline)
        self.seen: list[Seen] = []
        self.since: Any = None
        self.told: dict[str, list[Told]] = {}  # by task
        self.requests: dict[str, list[Request]] = {}  # by the pipeline asked for: its monitors share a guard
        self.steps: list[Step] = []
        self.alerts: list[Alert] = []
        self.retrainings: list[Retraining] = []
        self.refusals: list[Refusal] = []

    def run(self, at: datetime, found: Drift) -> None:
        """One run, at one window."""
        run = f"{self.pipeline.dag_id}/{at.isoformat()}"
        new = Seen(at, run, found.severity)
        streak = drift.streak(self.seen, new)
        self.seen = drift.remember(self.seen, new)
        self.since = reminders.since(self.since, found.severity, at)
        self.steps.append(Step(at, found.psi, found.severity, streak, found.reason))
        routes = self.course.routes(found.severity, streak, self.psi["alert_after"])
        if self.course.acts(routes):
            self.course.follow(routes, {
                "send_alert": lambda task: self._alert(task, at, run, found),
                "trigger_retraining": lambda task: self._retrain(task, at, run, found, streak),
            })  # fmt: skip

    def _alert(self, task: Task, at: datetime, run: str, found: Drift) -> bool:
        self._tell(task, at, run, "drift", found.severity, task.parameters["channels"], found.severity)
        return True

    def _tell(self, task: Task, at: datetime, run: str, event: Any, severity: str, channels: Iterable[str],
              topic: str) -> None:  # fmt: skip
        news = News(run, topic, at, datetime.fromisoformat(self.since["since"]))
        told, names = self.told.get(task.task_id, []), list(dict.fromkeys(channels))
        known = reminders.known_to(news, names, told, _repeat_after(self.alarm))
        for name in names:
            told = reminders.remember(told, Told(run, name, topic, at, name not in known))
        self.told[task.task_id] = told
        if due := tuple(name for name in names if name not in known):
            self.alerts.append(Alert(at, task.task_id, event, severity, due))

    def _retrain(self, task: Task, at: datetime, run: str, found: Drift, streak: int) -> bool:
        """Ask the guard; returns whether a run was started."""
        target, limits = task.parameters["pipeline"], Guard.of(task.parameters["guard"])
        requests = self.requests.get(target, [])
        decision = guard.decide(
            limits,
            now=at,
            streak=streak,
            requests=requests,
            busy=0,
            paused=False,
            target=target,
            severity=found.severity,
            run_id=guard.free_run_id(len(requests), lambda _: False),
        )
        if decision.run_id is None:
            self.refusals.append(Refusal(at, task.task_id, decision.reason))
            topic = reminders.refusal(found.severity, decision.reason)
            told = self.pipeline.told_of_refusal(task)
            self._tell(task, at, run, "refused", found.severity, told, topic)
            return False
        self.requests[target] = guard.remember(requests, Request(at, decision.run_id, run))
        self.retrainings.append(Retraining(at, task.task_id, target, found.psi))
        return True


def _repeat_after(alerts: Mapping[str, Any]) -> timedelta | None:
    return parse_duration(alerts["repeat_after"]) if alerts.get("repeat_after") else None


Routes = tuple[tuple[str, str | None], ...]  # decision → where it leads


class _Course:
    """Which of a pipeline's tasks run, given where its decisions lead."""

    def __init__(self, pipeline: Pipeline) -> None:
        order = Order(Tree(pipeline.layers.data["tasks"]))
        general = pipeline.layers.data.get("trigger_rule", "all_success")
        self.order = order
        self.outcomes = Outcomes(order, lambda node: node.data.get("trigger_rule", general))
        check = checking_task(pipeline).task_id
        after = order.downstream([check])
        self.tasks = {
            task.task_id: task for task in pipeline.tasks if task.operator in _ACTING and task.task_id in after
        }
        self.decisions = [task for task in self.tasks.values() if task.operator == "decide_action"]
        self.unchosen = cache(order.unchosen)
        self._acting: dict[Routes, bool] = {}
        for task in (*self.tasks.values(), checking_task(pipeline)):
            if task.expand or task.expand_kwargs is not None:
                raise NoMonitor(
                    f"{task.task_id} of {pipeline.dag_id} is expanded: only Airflow knows how often it runs"
                )

    def routes(self, severity: str, streak: int, alert_after: int) -> Routes:
        """Return where each decision leads."""
        return tuple(
            (task.task_id, drift.route(task.parameters["routes"], severity, streak, alert_after))
            for task in self.decisions
        )

    def acts(self, routes: Routes) -> bool:
        """Whether any task tells somebody or starts something."""
        if routes not in self._acting:
            ran: list[str] = []

            def act(task: Task) -> bool:
                ran.append(task.task_id)
                return True

            self.follow(routes, {"send_alert": act, "trigger_retraining": act})
            self._acting[routes] = bool(ran)
        return self._acting[routes]

    def follow(self, routes: Routes, act: Mapping[str, Callable[[Task], bool]]) -> None:
        """Run the tasks in their order; those that ``act`` knows by their operator, and that say no, are skipped."""
        leads = dict(routes)

        def run(name: str) -> set[str]:
            task = self.tasks.get(name)
            if task is None:
                return set()
            if name in leads:
                return self.unchosen(name, leads[name])
            return set() if act[task.operator](task) else {name}

        self.outcomes.follow(run)
