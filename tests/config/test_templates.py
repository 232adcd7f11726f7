"""What a template may begin with."""

from __future__ import annotations

from airflow.sdk import Context

from driftgate.config.templates import OTHERS


def test_no_name_that_airflow_gives_is_taken_for_a_slip() -> None:
    assert set(Context.__annotations__) - set(OTHERS) == set()
