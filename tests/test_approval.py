"""The approval operator: what it asks, and what it makes of silence."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from driftgate.build import build_dag
from driftgate.config.load import load_pipeline
from driftgate.errors import UserMistake
from operators.approval import ApprovalOperator, _answer, require_approved


class Pulled:
    """The part of a task instance that reads what others left."""

    def __init__(self, left: dict[str, Any]) -> None:
        self.left = left

    def xcom_pull(self, task_ids: str, key: str) -> Any:
        return self.left.get(f"{task_ids}/{key}")


@pytest.mark.parametrize(("on_timeout", "default"), [("reject", ["Reject"]), ("approve", ["Approve"]), ("fail", None)])
def test_silence_is_answered_as_the_file_says(on_timeout: str, default: list[str] | None) -> None:
    assert ApprovalOperator(task_id="ask", on_timeout=on_timeout).defaults == default


def test_it_waits_as_long_as_asked_and_only_for_those_who_may_answer() -> None:
    ask = ApprovalOperator(task_id="ask", timeout="90m", users=["admin"])
    assert ask.response_timeout == timedelta(minutes=90)
    assert ask.assigned_users == [{"id": "admin", "name": "admin"}]
    assert ApprovalOperator(task_id="ask").assigned_users is None


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ({"responded_by_user": {"id": "7", "name": "Ann"}}, "Ann answered yes"),
        ({"responded_by_user": {"id": "7", "name": ""}}, "7 answered yes"),
        ({"responded_by_user": None}, "Somebody answered yes"),
        ({"responded_by_user": None, "timedout": True}, "Nobody answered within 2h, so that on_timeout counts: yes"),
    ],
)
def test_the_ledger_is_told_who_answered(event: dict[str, Any], told: str) -> None:
    assert _answer({"chosen_options": ["Approve"], **event}, "2h") == ("approved", told)


def test_a_question_that_nobody_answered_fails_without_being_asked_again() -> None:
    ask = ApprovalOperator(task_id="ask", timeout="2h", on_timeout="fail")
    with pytest.raises(AirflowFailException, match="Nobody answered within 2h"):
        ask.execute_complete({"ti": Pulled({})}, {"error": "too late", "error_type": "timeout"})


def test_an_approval_is_of_one_version() -> None:
    with DAG("retrain", schedule=None):
        ask, promote = ApprovalOperator(task_id="ask"), EmptyOperator(task_id="promote")
        ask >> EmptyOperator(task_id="between") >> promote
    context: Any = {"ti": Pulled({"ask/asked_about": {"model": "m", "version": "7"}})}
    require_approved(promote, context, "7")
    with pytest.raises(UserMistake, match="ask was asked about version 7, and now it is version 8; clear ask"):
        require_approved(promote, context, "8")
    require_approved(promote, {"ti": Pulled({})}, "8")  # type: ignore[typeddict-item]  # it was about something else


ASKING = """\
dag_id: asking
schedule: null
alerts:
  channels: {ops: {type: webhook, connection: pager}, chat: {type: slack, connection: chat}}
  on_waiting: [ops]
tasks:
  one: {operator: approval}
  two: {operator: approval, alerts: {on_waiting: [chat]}}
  three: {operator: approval, alerts: {on_waiting: []}}
"""


def test_who_is_told_that_a_question_waits_is_up_to_the_task_then_to_the_pipeline(tmp_path: Path) -> None:
    path = tmp_path / "pipelines" / "asking.yaml"
    path.parent.mkdir()
    path.write_text(ASKING)
    dag = build_dag(load_pipeline(path, tmp_path))
    told = {task.task_id: task.alerts["on_waiting"] for task in dag.tasks if isinstance(task, ApprovalOperator)}
    assert told == {"one": ["ops"], "two": ["chat"], "three": []}
    path.write_text(ASKING[: ASKING.index("alerts:")] + "tasks: {ask: {operator: approval}}\n")
    (ask,) = build_dag(load_pipeline(path, tmp_path)).tasks
    assert isinstance(ask, ApprovalOperator)
    assert ask.alerts == {}
