"""The approval operator: what it asks, and what it makes of silence."""

from datetime import timedelta

import pytest

from operators.approval import ApprovalOperator


@pytest.mark.parametrize(("on_timeout", "default"), [("reject", ["Reject"]), ("approve", ["Approve"]), ("fail", None)])
def test_silence_is_answered_as_the_file_says(on_timeout: str, default: list[str] | None) -> None:
    assert ApprovalOperator(task_id="ask", on_timeout=on_timeout).defaults == default


def test_it_waits_as_long_as_asked_and_only_for_those_who_may_answer() -> None:
    ask = ApprovalOperator(task_id="ask", timeout="90m", users=["admin"])
    assert ask.response_timeout == timedelta(minutes=90)
    assert ask.assigned_users == [{"id": "admin", "name": "admin"}]
    assert ApprovalOperator(task_id="ask").assigned_users is None
