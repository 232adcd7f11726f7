"""What a replay finds and decides: exact on histories made by hand, and the same as production, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftgate.backtest.making import backtest
from driftgate.backtest.model import Backtest, Replay
from driftgate.backtest.proposals import proposals
from driftgate.backtest.replay import NoMonitor, replay
from driftgate.config.load import load_pipeline
from driftgate.config.model import Pipeline
from driftgate.durations import parse_duration
from driftgate.services import drift, guard, reminders
from driftgate.services.history import History, Recorded

ROOT = Path(__file__).parents[2]
START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def answer(psi: float | None, samples: int | None = 1_000, **features: float) -> dict[str, Any]:
    return {"psi": psi, "samples": samples, "features": features}


def history(*levels: tuple[int, float | None], every: timedelta = HOUR) -> History:
    """Windows of so many hours at each level, one after the other."""
    values = [psi for hours, psi in levels for _ in range(hours)]
    return History("made", tuple(Recorded(START + i * every, answer(psi)) for i, psi in enumerate(values)))


@cache
def shipped() -> Pipeline:
    return load_pipeline(ROOT / "config" / "pipelines" / "drift_monitoring.yaml", ROOT / "config", "")


def tried(past: History, *sets: str, grid: Sequence[str] = ()) -> Backtest:
    return backtest(shipped(), ROOT / "config", "", proposals(sets, grid), past)


def written(folder: Path, text: str) -> Pipeline:
    pipelines = folder / "config" / "pipelines"
    pipelines.mkdir(parents=True)
    (pipelines / "retrain.yaml").write_text(
        "dag_id: retrain\nschedule: null\ntasks: {a: {operator: log_status, message: a}}\n"
    )
    (pipelines / "monitor.yaml").write_text(text)
    return load_pipeline(pipelines / "monitor.yaml", folder / "config", "")


def hours(moments: Sequence[Any]) -> list[int]:
    """When something happened, in hours from the start."""
    return [int((each.at - START) / HOUR) for each in moments]


def test_a_change_point_is_found_to_the_window() -> None:
    # 10 h of nothing, 5 h of minor, 5 h of moderate, 14 h of critical drift, 6 h of nothing
    test = tried(history((10, 0.05), (5, 0.1), (5, 0.25), (14, 0.26), (6, 0.0)))

    found = test.present
    assert found.replay is not None
    assert found.severities is not None
    assert {name: share.windows for name, share in found.severities.items()} == {
        "none": 16, "minor": 5, "moderate": 5, "critical": 14, "unknown": 0,
    }  # fmt: skip
    assert found.severities["critical"].share == pytest.approx(14 / 40)
    assert hours(found.replay.retrainings) == [20, 26, 32]
    assert [(each.event, each.severity) for each in found.replay.alerts] == [
        ("drift", "moderate"),
        ("refused", "critical"),
    ]
    assert hours(found.replay.alerts) == [15, 21]
    assert found.untreated is not None
    assert (found.untreated.start, found.untreated.length) == (START + 20 * HOUR, 6 * HOUR)


def test_a_higher_threshold_leaves_fewer_windows_and_later_dates() -> None:
    past = history((24, 0.02), (24, 0.28), (24, 0.33), (24, 0.02))

    test = tried(past, grid=["psi.critical=0.25:0.35:0.05"])

    assert [trial.name for trial in test.trials] == [
        "present", "psi.critical=0.25", "psi.critical=0.3", "psi.critical=0.35",
    ]  # fmt: skip
    dates = [hours(trial.replay.retrainings) for trial in test.trials if trial.replay]
    assert dates == [[24, 30, 36, 42, 48, 54, 60, 66]] * 2 + [[48, 54, 60, 66], []]
    assert [trial.untreated.length for trial in test.trials if trial.untreated] == [6 * HOUR] * 3


def test_the_guard_is_applied() -> None:
    past = history((1, 0.02), (400, 0.4))

    weekly = tried(past, "tasks.trigger_retraining.guard.max_per_week=2").proposals[0]
    cooled = tried(past, "tasks.trigger_retraining.guard.cooldown=4d").proposals[0]
    patient = tried(past, "tasks.trigger_retraining.guard.consecutive=3").proposals[0]

    assert weekly.replay
    assert cooled.replay
    assert patient.replay
    assert hours(weekly.replay.retrainings) == [1, 7, 169, 175, 337, 343]
    assert weekly.untreated
    assert weekly.untreated.length == 162 * HOUR
    assert hours(cooled.replay.retrainings) == [1, 97, 193, 289, 385]
    assert hours(patient.replay.retrainings)[:2] == [3, 9]
    assert weekly.replay.refusals[-1].reason.startswith("2 retrainings were asked for within seven days")


def test_settings_that_are_given_together_are_one_proposal() -> None:
    test = tried(history((5, 0.2)), "psi.critical=0.15", "psi.moderate=0.12", "psi.minor=0.1")

    (proposal,) = test.proposals
    assert proposal.name == "psi.critical=0.15, psi.moderate=0.12, psi.minor=0.1"
    assert proposal.settings == {"psi.critical": 0.15, "psi.moderate": 0.12, "psi.minor": 0.1}
    assert proposal.replay is not None
    assert len(proposal.replay.retrainings) == 1


def test_the_combinations_of_two_grids_are_tried() -> None:
    grid = ["psi.critical=0.3:0.4:0.1", "tasks.trigger_retraining.guard.cooldown=6h:12h:6h"]

    assert [trial.name for trial in tried(history((3, 0.2)), grid=grid).proposals] == [
        f"psi.critical={critical}, tasks.trigger_retraining.guard.cooldown={cooldown}"
        for critical in ("0.3", "0.4")
        for cooldown in ("6h", "12h")
    ]


def test_a_window_that_tells_nothing_is_unknown_and_no_retraining() -> None:
    past = history((3, 0.4), (3, None), (3, float("nan")), (3, float("inf")), (3, -1.0), (3, 0.4))

    found = tried(past).present

    assert found.replay is not None
    assert found.severities is not None
    assert (found.severities["unknown"].windows, found.severities["critical"].windows) == (12, 6)
    assert hours(found.replay.retrainings) == [0, 15]
    assert found.untreated is not None
    assert found.untreated.length == 3 * HOUR


def test_time_in_a_gap_belongs_to_nobody() -> None:
    moments = [START + HOUR * hour for hour in (0, 1, 2, 3, 51, 52, 53)]
    past = History("made", tuple(Recorded(at, answer(0.3)) for at in moments))

    test = tried(past)

    assert (test.covered, test.gaps) == (7 * HOUR, 47 * HOUR)
    assert test.present.severities is not None
    assert test.present.severities["critical"].time == 7 * HOUR
    assert test.present.untreated is not None
    assert test.present.untreated.length == 4 * HOUR


def test_windows_that_are_rarer_than_the_runs_are_pointed_out() -> None:
    assert tried(history((9, 0.1), every=timedelta(days=1))).notes == (
        "the history has a window every 1d, and the schedule is @hourly: here each window counts as one run",
    )
    assert tried(history((9, 0.1))).notes == ()


def test_a_single_window_stands_for_the_time_between_two_runs() -> None:
    assert tried(history((1, 0.3))).covered == HOUR


MONITOR = """\
dag_id: monitor
schedule: "@hourly"
psi: {minor: 0.1, moderate: 0.15, critical: 0.25, alert_after: 3}
alerts:
  channels: {ops: {type: webhook, connection: ops}, boss: {type: webhook, connection: boss}}
tasks:
  check_drift: {operator: check_drift, connection: api}
  decide_action:
    operator: decide_action
    depends_on: [check_drift]
    routes: {none: quiet, minor: quiet, moderate: retrain, critical: both, unknown: tell}
  quiet: {operator: log_status, message: quiet}
  tell: {operator: send_alert, channels: [ops]}
  retrain: {operator: trigger_retraining, pipeline: retrain, guard: {cooldown: 2h}}
  both:
    tasks:
      call: {operator: send_alert, channels: [ops, boss]}
      again: {operator: trigger_retraining, pipeline: retrain, guard: {cooldown: 2h}, depends_on: [call]}
  after: {operator: send_alert, channels: [boss], depends_on: [both]}
"""


def test_the_routes_of_the_pipeline_decide_what_follows(tmp_path: Path) -> None:
    found = replay(written(tmp_path, MONITOR), history((2, 0.01), (3, 0.2), (3, 0.3), (4, None)))

    assert [(each.task, hours([each])[0]) for each in found.retrainings] == [
        ("retrain", 2), ("retrain", 4), ("both.again", 6),
    ]  # fmt: skip
    drifts = [(each.task, hours([each])[0], each.channels) for each in found.alerts if each.event == "drift"]
    assert drifts == [("both.call", 5, ("ops", "boss")), ("after", 6, ("boss",)), ("tell", 10, ("ops",))]


def test_a_reminder_goes_out_after_a_day(tmp_path: Path) -> None:
    found = replay(written(tmp_path, MONITOR), history((60, None)))

    assert hours(found.alerts) == [2, 26, 50]


def test_without_a_decision_every_severity_is_acted_upon(tmp_path: Path) -> None:
    text = """\
dag_id: monitor
schedule: "@hourly"
psi: {minor: 0.1, moderate: 0.15, critical: 0.25}
alerts: {channels: {ops: {type: webhook, connection: ops}}, repeat_after: null}
tasks:
  check_drift: {operator: check_drift, connection: api}
  tell: {operator: send_alert, channels: [ops], depends_on: [check_drift]}
"""
    found = replay(written(tmp_path, text), history((50, 0.01), (50, 0.2), (50, 0.01)))

    assert hours(found.alerts) == [0, 50, 100]


def test_what_cannot_be_replayed_says_so(tmp_path: Path) -> None:
    retraining = load_pipeline(ROOT / "config" / "pipelines" / "model_retraining.yaml", ROOT / "config", "")
    with pytest.raises(NoMonitor, match="model_retraining has no task with operator check_drift"):
        replay(retraining, history((1, 0.1)))
    two = MONITOR.replace("  quiet:", "  other: {operator: check_drift, connection: api}\n  quiet:")
    with pytest.raises(NoMonitor, match=r"several check_drift tasks \(check_drift and other\)"):
        replay(written(tmp_path, two), history((1, 0.1)))


# Production, as the operators do it: one run after the other, each with what the runs before it stored.


class Production:
    """The tasks of the shipped drift_monitoring, with a memory as Airflow's state store keeps it: JSON."""

    def __init__(self, psi: Mapping[str, Any], limits: Mapping[str, Any], repeat_after: str) -> None:
        self.psi, self.limits, self.repeat_after = psi, guard.Guard.of(limits), parse_duration(repeat_after)
        self.memory: dict[str, Any] = {}
        self.sent: list[tuple[datetime, str]] = []
        self.started: list[datetime] = []
        self.severities: list[str] = []

    def run(self, at: datetime, said: Any) -> None:
        run = f"run at {at.isoformat()}"
        found = drift.assess(said, self.psi, drift.Fields(), at)
        seen = [drift.Seen.from_json(stored) for stored in self.memory.get("history", ())]
        new = drift.Seen(at, run, found.severity)
        streak = drift.streak(seen, new)
        self.memory["history"] = [each.to_json() for each in drift.remember(seen, new)]
        self.memory["since"] = reminders.since(self.memory.get("since"), found.severity, at)
        self.severities.append(found.severity)
        routes = {"none": "", "minor": "", "moderate": "alert", "critical": "retrain", "unknown": "alert"}
        match drift.route(routes, found.severity, streak, self.psi["alert_after"]):
            case "alert":
                self.tell("send_alert", at, run, found.severity)
            case "retrain":
                self.retrain(at, run, streak)

    def tell(self, task: str, at: datetime, run: str, topic: str) -> None:
        told = [reminders.Told.from_json(stored) for stored in self.memory.get(task, ())]
        news = reminders.News(run, topic, at, datetime.fromisoformat(self.memory["since"]["since"]))
        known = reminders.known(news, "ops_email", told, self.repeat_after)
        told = reminders.remember(told, reminders.Told(run, "ops_email", topic, at, not known))
        self.memory[task] = [each.to_json() for each in told]
        if not known:
            self.sent.append((at, task))

    def retrain(self, at: datetime, run: str, streak: int) -> None:
        requests = [guard.Request.from_json(stored) for stored in self.memory.get("requests", ())]
        decision = guard.decide(self.limits, now=at, streak=streak, requests=requests, busy=0, paused=False,
                                target="model_retraining", run_id=f"drift__{at}", severity="critical")  # fmt: skip
        if decision.run_id is None:
            self.tell("trigger_retraining", at, run, reminders.refusal("critical", decision.reason))
            return
        kept = guard.remember(requests, guard.Request(at, decision.run_id, run))
        self.memory["requests"] = [request.to_json() for request in kept]
        self.started.append(at)


LEVELS = st.lists(
    st.tuples(
        st.integers(1, 30),
        st.sampled_from([0.0, 0.05, 0.1, 0.149, 0.15, 0.2, 0.25, 0.2500001, 0.4, 2.0, None, float("nan"), -0.1]),
        st.sampled_from([10, 499, 500, 3_000, None]),
        st.sampled_from([5, 60, 60, 60, 300, 1_440]),
    ),
    min_size=1,
    max_size=25,
)  # fmt: skip


@settings(max_examples=40)
@given(LEVELS)
def test_a_replay_is_what_production_decides_step_by_step(
    levels: list[tuple[int, float | None, int | None, int]],
) -> None:
    windows, at = [], START
    for count, psi, samples, minutes in levels:
        for _ in range(count):
            windows.append(Recorded(at, answer(psi, samples, a=psi if psi and psi > 0 else 0.0, b=0.01)))
            at += timedelta(minutes=minutes)
    pipeline = shipped()
    limits = next(task.parameters["guard"] for task in pipeline.tasks if task.operator == "trigger_retraining")
    production = Production(pipeline.sections["psi"], limits, pipeline.sections["alerts"]["repeat_after"])
    for window in windows:
        production.run(window.at, window.answer)

    found: Replay = replay(pipeline, History("made", tuple(windows)))

    assert [step.severity for step in found.steps] == production.severities
    assert [(each.at, each.task) for each in found.alerts] == production.sent
    assert [each.at for each in found.retrainings] == production.started
