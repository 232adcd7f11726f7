"""Decisions under a real scheduler: monitors that race, tasks that are killed, and questions that wait."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import quote

import pytest
from support.lab import REPOSITORY
from support.sink import Sink

from driftgate.demo import environment, processes
from driftgate.errors import UserMistake
from driftgate.services.airflow_api import FINISHED, AirflowApi
from driftgate.services.ledger import Entry, Ledger

pytestmark = pytest.mark.demo

OFFSET = 410  # away from the ports of a demo, and of the tests of the demo
TARGETS = ("one", "two", "three")
COOLDOWNS = ("6h", "1h", "5m")
PATIENCE = 120  # seconds

TARGET = """\
dag_id: {name}
schedule: null
tasks:
  hello: {{operator: log_status, message: hello}}
"""
MONITOR = """\
dag_id: {name}
schedule: null
psi: {{minor: 0.1, moderate: 0.15, critical: 0.25}}
tasks:
  check: {{operator: check_drift, connection: drift_api}}
  retrain: {{operator: trigger_retraining, depends_on: [check], pipeline: {target}, guard: {{cooldown: {cooldown}}}}}
"""
KILLED = """\
dag_id: killed
schedule: null
tasks:
  dies:
    operator: airflow.providers.standard.operators.bash.BashOperator
    bash_command: kill -9 $PPID
  fails:
    operator: airflow.providers.standard.operators.bash.BashOperator
    bash_command: exit 3
"""
ASKING = """\
dag_id: asking
schedule: null
tasks:
  ask:
    operator: approval
    subject: Shall it go on?
    message: "**Think** first."
    users: [admin]
    timeout: 2h
    retries: 5
  go_on: {operator: log_status, message: on, depends_on: [ask]}
"""

EXPIRING = """\
dag_id: expiring
schedule: null
tasks:
  ask: {operator: approval, subject: Anybody?, timeout: 10s}
  go_on: {operator: log_status, message: on, depends_on: [ask]}
"""


@dataclass
class World:
    """A running Airflow with its ledger and its mail box."""

    airflow: AirflowApi
    ledger: Ledger
    mail: Path

    def finish(self, dag_ids: list[str]) -> dict[str, str]:
        """Run all of these at once, and wait until they have ended; returns the run of each."""
        self.pause(True)
        runs = {dag_id: self.airflow.trigger(dag_id) for dag_id in dag_ids}
        self.pause(False)
        self.until(lambda: all(self.airflow.run_state(*run) in FINISHED for run in runs.items()))
        return runs

    def pause(self, is_paused: bool) -> None:
        """Hold every pipeline, or let all go in the same moment."""
        self.airflow.call("PATCH", "/dags", params={"dag_id_pattern": "%"}, json={"is_paused": is_paused})

    @staticmethod
    def until(true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, "it did not come true in time"
            time.sleep(0.5)

    def mails(self) -> list[tuple[str, str]]:
        """Subject and plain text of what has come, the oldest first."""
        found = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in sorted(self.mail.glob("*"))]
        return [(mail["subject"], mail.get_body(("plain",)).get_content().replace("\r\n", "\n")) for mail in found]

    def decided(self, dag_id: str, run_id: str, kind: str) -> list[Entry]:
        return self.ledger.entries(pipeline=dag_id, run=run_id, kind=kind)


def monitors(target: str) -> list[str]:
    return [f"{target}_{cooldown}" for cooldown in COOLDOWNS]


def write_pipelines(config: Path) -> None:
    folder = config / "pipelines"
    folder.mkdir(parents=True)
    defaults = (REPOSITORY / "config" / "defaults.yaml").read_text()
    (config / "defaults.yaml").write_text(defaults.replace("retries: 2", "retries: 1").replace("30s", "1s"))
    (folder / "killed.yaml").write_text(KILLED)
    (folder / "asking.yaml").write_text(ASKING)
    (folder / "expiring.yaml").write_text(EXPIRING)
    for target in TARGETS:
        (folder / f"{target}.yaml").write_text(TARGET.format(name=target))
        for name, cooldown in zip(monitors(target), COOLDOWNS, strict=True):
            (folder / f"{name}.yaml").write_text(MONITOR.format(name=name, target=target, cooldown=cooldown))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("faults")
    write_pipelines(folder / "config")
    with pytest.MonkeyPatch.context() as patch, Sink() as sink:
        patch.setenv("DRIFTGATE_HOME", str(folder / "home"))
        patch.setenv("DRIFTGATE_CONFIG_DIR", str(folder / "config"))
        sink.drift = {"psi": 0.4, "samples": 1_000}
        state = environment.make_state(OFFSET)
        environment.write_passwords(state)
        with processes.running(state, lambda child, seconds: None):
            airflow = AirflowApi(state.url("airflow"), "admin", "admin")
            wanted = {
                "asking",
                "expiring",
                "killed",
                *TARGETS,
                *(name for target in TARGETS for name in monitors(target)),
            }
            World.until(lambda: wanted <= airflow.dag_ids())
            connection = {"connection_id": "drift_api", "conn_type": "http", "host": "127.0.0.1", "port": sink.port}
            airflow.call("POST", "/connections", json=connection)
            yield World(airflow, Ledger(state.url("mlflow")), state.path / "mail")


def test_monitors_that_race_start_one_retraining_between_them_whatever_their_cooldowns(world: World) -> None:
    runs = world.finish([name for target in TARGETS for name in monitors(target)])

    for target in TARGETS:
        (started,) = world.airflow.runs(target)
        asked = started["conf"]["drift"]["run"]
        outcomes = Counter(
            entry.decision.outcome for name in monitors(target) for entry in world.decided(name, runs[name], "guard")
        )
        assert outcomes == {"started": 1, "refused": 2}
        dag_id, _, run_id = asked.partition("/")
        assert [entry.decision.outcome for entry in world.decided(dag_id, run_id, "guard")] == ["started"]


def test_a_task_that_is_killed_is_told_of_once_and_so_is_one_that_fails(world: World) -> None:
    before = world.mails()
    (run_id,) = world.finish(["killed"]).values()

    world.until(lambda: len(world.decided("killed", run_id, "alert")) >= 2)
    time.sleep(2)  # for one too many
    mails = world.mails()[len(before) :]
    assert sorted(subject for subject, _ in mails) == ["killed: dies failed", "killed: fails failed"]
    assert sum("Its process was killed before it could tell" in text for _, text in mails) == 1


def test_people_are_told_once_that_a_question_waits_and_the_ledger_who_answered(world: World) -> None:
    before = world.mails()
    world.airflow.unpause("asking")
    run_id = world.airflow.trigger("asking")
    path = f"/dags/asking/dagRuns/{run_id}/taskInstances/ask"

    def answer(option: str) -> None:
        def is_answered() -> bool:
            if world.airflow.call("GET", path)["state"] == "awaiting_input":
                time.sleep(
                    3
                )  # nobody answers at once; then Airflow takes the task for one that got lost, and asks again
                body = {"chosen_options": [option], "params_input": {}}
                with suppress(UserMistake):  # it has not noticed the answer yet
                    world.airflow.call("PATCH", f"{path}/-1/hitlDetails", json=body)
            return world.airflow.run_state("asking", run_id) in FINISHED

        world.until(is_answered)

    answer("Reject")
    clear = {
        "dry_run": False,
        "only_failed": False,
        "task_ids": ["ask"],
        "include_downstream": True,
        "dag_run_id": run_id,
    }
    world.airflow.call("POST", "/dags/asking/clearTaskInstances", json=clear)
    answer("Approve")

    ((subject, text),) = world.mails()[len(before) :]
    assert subject == "asking waits for an answer: Shall it go on?"
    assert f"Answer in Airflow: {world.airflow.url}/dags/asking/runs/{quote(run_id)}/tasks/ask/required_actions" in text
    assert "**Think** first.\n\nadmin may answer.\n\nWithout an answer within 2h it counts as rejected." in text
    told = [entry.decision for entry in reversed(world.decided("asking", run_id, "approval"))]
    assert [decision.outcome for decision in told] == ["waiting", "rejected", "waiting", "approved"]
    assert told[0].reason == "Shall it go on? Without an answer within 2h it counts as rejected."
    assert told[3].reason == "admin answered yes"
    alerts = [entry.decision.outcome for entry in world.decided("asking", run_id, "alert")]
    assert alerts == ["known", "sent"]


def test_a_question_that_nobody_answers_is_rejected_and_people_are_told(world: World) -> None:
    before = world.mails()
    (run_id,) = world.finish(["expiring"]).values()

    world.until(lambda: len(world.decided("expiring", run_id, "alert")) >= 2)
    mails = world.mails()[len(before) :]
    assert [subject for subject, _ in mails] == [
        "expiring waits for an answer: Anybody?",
        "expiring got no answer: Anybody?",
    ]
    assert "Nobody answered within 10s, so that on_timeout counts: no." in mails[1][1]
    assert {task["task_id"]: task["state"] for task in world.airflow.tasks("expiring", run_id)}["go_on"] == "skipped"
