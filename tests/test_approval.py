"""The approval operator: what it asks, and what it makes of silence."""

from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from operators.approval import ApprovalOperator, _answer


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
        ask.execute_complete({}, {"error": "too late", "error_type": "timeout"})
