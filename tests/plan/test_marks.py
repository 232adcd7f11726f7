"""Which way a rule moved, and that docs/plan.md says so of every rule."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftgate.plan import marks
from driftgate.plan.marks import LOOSENED, TIGHTENED, mark, mark_task
from driftgate.plan.values import MISSING

ROOT = Path(__file__).parents[2]
SURE = {"above": 0.9, "require": "lower_bound", "confidence": 0.95}


def rows() -> dict[str, str]:
    """Each rule in the table of docs/plan.md, and what it says of tightening it."""
    text = (ROOT / "docs" / "plan.md").read_text(encoding="utf-8").partition("## Tightened and loosened")[2]
    table = re.findall(r"^\| (`.+?) \| .+ \| (.+) \|$", text, re.MULTILINE)
    return {
        (f"{owner}:" if (owner := (re.findall(r"` of `(\w+)`", what) or [""])[0]) else "") + name: because
        for what, because in table
        for name in re.findall(r"`([^`]+)`", what.partition(" of `")[0])
    }


def test_the_table_in_the_docs_has_every_rule() -> None:
    own = {name: rule.tightened for name, rule in marks.PIPELINE_RULES.items()}
    of_tasks = {f"{owner}:{name}": rule.tightened for (owner, name), rule in marks.TASK_RULES.items() if owner != "*"}

    assert rows() == {**own, **of_tasks}


def test_the_docs_name_every_check() -> None:
    text = (ROOT / "docs" / "plan.md").read_text(encoding="utf-8").partition("Loosened is the other way round")[2]

    assert all(f"`{name}`" in text.partition("\n\n")[0].replace("\n", " ") for name in marks.CHECKS)


@pytest.mark.parametrize(
    ("before", "after", "way"),
    [
        ({"above": 0.9}, {"above": 0.95}, TIGHTENED),
        ({"at_least": 0.9}, {"at_least": 0.8}, LOOSENED),
        ({"above": 0.9}, {"at_least": 0.9}, LOOSENED),
        ({"above": 0.9}, {"at_least": 0.91}, TIGHTENED),
        ({"below": 0.3}, {"below": 0.2}, TIGHTENED),
        ({"at_most": 0.3}, {"at_most": 0.4}, LOOSENED),
        ({"at_most": 0.3}, {"below": 0.3}, TIGHTENED),
        ({"above": 0.9}, {"below": 0.9}, LOOSENED),
        (MISSING, {"below": 0.3}, TIGHTENED),
        ({"below": 0.3}, MISSING, LOOSENED),
        ({"above": 0.9}, {"above": 0.9}, ""),
        (SURE | {"require": "value"}, SURE, TIGHTENED),
        (SURE, SURE | {"confidence": 0.9}, LOOSENED),
        (SURE | {"require": "value"}, SURE | {"require": "value", "confidence": 0.99}, ""),
        (SURE, SURE | {"above": 0.8, "confidence": 0.99}, LOOSENED),
        (SURE, {"require": "lower_bound", "confidence": 0.95, "at_least": 0.9}, LOOSENED),
    ],
)
def test_gates(before: Any, after: Any, way: str) -> None:
    assert mark(("gates", "roc_auc"), before, after)[0] == way


@pytest.mark.parametrize(
    ("change", "way"),
    [
        ({"max_drop": 0.02}, LOOSENED),
        ({"confidence": 0.95}, TIGHTENED),
        ({"first_model": "refuse"}, TIGHTENED),
        ({"first_model": "refuse", "max_drop": 0.02}, LOOSENED),
        ({"metric": "f1", "max_drop": 0}, LOOSENED),
        ({}, ""),
    ],
)
def test_the_comparison_with_production(change: dict[str, Any], way: str) -> None:
    gate = {"metric": "roc_auc", "max_drop": 0.01, "first_model": "accept"}
    assert mark(("gates", "versus_production"), gate, gate | change)[0] == way


def test_durations_count_by_their_length() -> None:
    assert mark(("dataset", "max_age"), "8d", "200h")[0] == LOOSENED
    assert mark_task("trigger_retraining", ("guard", "cooldown"), "6h", "300m")[0] == LOOSENED
    assert mark_task("trigger_retraining", ("guard", "cooldown"), "6h", "1d")[0] == TIGHTENED


def test_reminding_never_is_looser_than_ever_so_late() -> None:
    assert mark(("alerts", "repeat_after"), "24h", "12h")[0] == TIGHTENED
    assert mark(("alerts", "repeat_after"), "24h", None)[0] == LOOSENED
    assert mark(("alerts", "repeat_after"), None, "52w")[0] == TIGHTENED


def test_a_column_may_take_other_values() -> None:
    path = ("quality", "columns", "plan", "allowed")

    assert mark(path, ["a", "b"], ["a"])[0] == TIGHTENED
    assert mark(path, ["a"], ["a", "b"])[0] == LOOSENED
    assert mark(path, ["a", "b"], ["b", "a"]) == ("", "")


def test_what_is_tightened_and_loosened_at_once_is_loosened_in_part() -> None:
    surer, higher = SURE | {"above": 0.85}, {"above": 0.9, "require": "value"}

    assert mark(("gates", "roc_auc"), higher, surer) == (LOOSENED, "in part: a model passes more easily")
    assert mark(("quality", "columns", "plan", "allowed"), ["a", "b"], ["a", "c"])[1] == "in part: more values fit"
    assert mark_task("send_alert", ("channels",), ["mail"], ["pager"]) == (LOOSENED, "in part: fewer are told")
    assert mark(("psi", "aggregate"), "mean", "share")[0] == LOOSENED


def test_no_other_aggregate_is_as_strict_as_the_greatest() -> None:
    assert mark(("psi", "aggregate"), "max", "share")[0] == LOOSENED
    assert mark(("psi", "aggregate"), "mean", "max")[0] == TIGHTENED
    assert mark(("psi", "aggregate"), "max", "max") == ("", "")


def test_an_approval_that_comes_by_itself_is_loose() -> None:
    assert mark_task("approval", ("on_timeout",), "reject", "approve")[0] == LOOSENED
    assert mark_task("approval", ("on_timeout",), "approve", "fail")[0] == TIGHTENED
    assert mark_task("approval", ("on_timeout",), "reject", "fail") == ("", "")
    assert mark_task("approval", ("users",), MISSING, ["ada"])[0] == TIGHTENED
    assert mark_task("approval", ("users",), ["ada"], ["ada", "bob"])[0] == LOOSENED


def test_no_ledger_is_looser_than_one() -> None:
    assert mark(("ledger", "enabled"), MISSING, False)[0] == LOOSENED
    assert mark(("ledger", "enabled"), False, True)[0] == TIGHTENED
    assert mark(("ledger", "enabled"), MISSING, True) == ("", "")


def test_a_route_is_marked_by_what_it_leads_to() -> None:
    assert mark_task("decide_action", ("routes", "critical"), "trigger_retraining", "log_status")[0] == LOOSENED
    assert mark_task("decide_action", ("routes", "minor"), "log_status", "send_alert")[0] == TIGHTENED
    assert mark_task("decide_action", ("routes", "minor"), "log_status", "some.foreign.Operator") == ("", "")


def test_a_trigger_rule_that_goes_on_after_a_failure_is_loose() -> None:
    assert mark_task("log_status", ("trigger_rule",), MISSING, "all_done")[0] == LOOSENED
    assert mark_task("log_status", ("trigger_rule",), "all_done", "none_failed")[0] == TIGHTENED
    assert mark_task("log_status", ("trigger_rule",), "all_success", "none_failed") == ("", "")


@pytest.mark.parametrize(
    "path", [("retries",), ("execution_timeout",), ("owner",), ("model", "test_size"), ("schedule",)]
)
def test_the_rest_is_neutral(path: tuple[str, ...]) -> None:
    assert mark(path, 1, 2) == ("", "")


@given(st.sampled_from(sorted(marks.PIPELINE_RULES)), st.floats(0, 1), st.floats(0, 1))
def test_back_and_forth_are_opposites(name: str, one: float, other: float) -> None:
    path = tuple(name.split("."))
    values: tuple[Any, Any] = ({"above": one}, {"above": other}) if name == "gates.*" else (one, other)
    if name == "psi.aggregate":
        values = "mean", "max"
    if name == "psi.features.*":
        values = {"critical": one}, {"critical": other}
    if name == "gates.versus_production":
        values = {"metric": "f1", "max_drop": one}, {"metric": "f1", "max_drop": other}
    if name.rpartition(".")[2] in {
        "allowed",
        "ignore",
        "to",
        "on_failure",
        "on_retry",
        "on_success",
        "on_recovery",
        "on_refused",
        "on_waiting",
    }:
        values = [one], [one, other]
    opposite = {TIGHTENED: LOOSENED, LOOSENED: TIGHTENED, "": ""}

    assert mark(path, *values)[0] == opposite[mark(path, *values[::-1])[0]]
