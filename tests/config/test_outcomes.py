from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from driftgate.config import schemas
from driftgate.config.order import Order
from driftgate.config.outcomes import Outcomes, may_run
from driftgate.config.tree import Node, Tree

RULES = schemas.task_keys()["trigger_rule"]["enum"]
OK, FAIL, SKIP, UP = (frozenset({state}) for state in ("success", "failed", "skipped", "upstream_failed"))


def outcomes(tasks: dict[str, Any]) -> Outcomes:
    def rule(node: Node) -> str:
        return str(node.data.get("trigger_rule", "all_success"))

    order = Order(Tree(tasks))
    assert order.sequence is not None
    return Outcomes(order, order.sequence, rule)


def task(*depends_on: str, operator: str = "log_status", **more: Any) -> dict[str, Any]:
    return {"operator": operator, "depends_on": list(depends_on), **more}


def chain(rule: str) -> dict[str, Any]:
    return {"a": task(), "b": task("a"), "c": task("b", trigger_rule=rule)}


@pytest.mark.parametrize(
    ("rule", "runs"),
    [
        ("all_success", [(OK, OK)]),
        ("all_failed", [(FAIL, FAIL), (FAIL, UP)]),
        ("all_done", [(OK, OK), (FAIL, UP), (SKIP, SKIP), (OK, SKIP)]),
        ("all_done_min_one_success", [(OK, OK), (OK, FAIL)]),
        ("one_success", [(OK, FAIL), (OK, SKIP), (OK, OK)]),
        ("one_failed", [(OK, FAIL), (SKIP, UP)]),
        ("one_done", [(OK, SKIP), (FAIL, SKIP)]),
        ("none_failed", [(OK, OK), (OK, SKIP), (SKIP, SKIP)]),
        ("none_failed_min_one_success", [(OK, OK), (OK, SKIP)]),
        ("none_skipped", [(OK, FAIL), (UP, OK)]),
        ("all_skipped", [(SKIP, SKIP)]),
        ("always", [(FAIL, SKIP)]),
    ],
)
def test_when_a_task_runs(rule: str, runs: list[tuple[frozenset[str], ...]]) -> None:
    assert all(may_run(rule, before) for before in runs)


@pytest.mark.parametrize(
    ("rule", "stays"),
    [
        ("all_success", [(OK, FAIL), (OK, SKIP), (UP, OK)]),
        ("all_failed", [(OK, FAIL), (FAIL, SKIP)]),
        ("all_done_min_one_success", [(OK, SKIP), (FAIL, FAIL)]),
        ("one_success", [(FAIL, SKIP)]),
        ("one_failed", [(OK, SKIP)]),
        ("one_done", [(SKIP, SKIP), (UP, SKIP)]),
        ("none_failed", [(OK, FAIL), (SKIP, UP)]),
        ("none_failed_min_one_success", [(SKIP, SKIP), (OK, UP)]),
        ("none_skipped", [(OK, SKIP)]),
        ("all_skipped", [(SKIP, OK)]),
    ],
)
def test_when_a_task_does_not_run(rule: str, stays: list[tuple[frozenset[str], ...]]) -> None:
    assert not any(may_run(rule, before) for before in stays)


def test_every_rule_is_known_and_the_first_task_always_runs() -> None:
    for rule, before in product(RULES, [[], [OK]]):
        assert isinstance(may_run(rule, before), bool)
        assert may_run(rule, [])


def test_a_failure_goes_down_to_whoever_needs_success() -> None:
    states, running = outcomes(chain("all_success")).of({"a": FAIL})

    assert states["b"] == states["c"] == UP
    assert running == set()


def test_a_failure_ends_at_a_task_that_runs_regardless() -> None:
    assert outcomes(chain("all_done")).of({"a": FAIL})[1] == {"c"}


def test_what_comes_after_a_decision_may_be_skipped() -> None:
    routes = dict.fromkeys(("none", "minor", "moderate", "critical", "unknown"), "b")
    tasks = {"a": task(operator="decide_action", routes=routes), "b": task(), "c": task("b")}

    assert "skipped" in outcomes(tasks).of()[0]["c"]
    assert "skipped" not in outcomes(chain("all_success")).of()[0]["c"]


def test_the_last_tasks_of_a_group_decide_for_the_group() -> None:
    tasks = {"g": {"tasks": {"a": task(), "b": task("a", trigger_rule="all_done")}}, "c": task("g")}

    assert outcomes(tasks).of({"g.a": FAIL})[1] == {"g.b", "c"}
