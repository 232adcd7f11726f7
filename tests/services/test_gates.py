"""What gates say: of values, of the ends of intervals, of what could not be measured."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftgate.services.gates import Comparison, judge_metric, judge_versus
from driftgate.services.resampling import Interval

SPAN = Interval(0.93, 0.98)
VERSUS: dict[str, Any] = {"metric": "roc_auc", "max_drop": 0.01}
FOUND = Comparison("3", 0.95, 0.955, Interval(-0.01, 0.03), rows=200)


@pytest.mark.parametrize(
    ("gate", "passed"),
    [
        ({"above": 0.95}, True),
        ({"above": 0.96}, False),
        ({"at_least": 0.96}, True),
        ({"above": 0.95, "require": "lower_bound"}, False),
        ({"above": 0.92, "require": "lower_bound"}, True),
        ({"at_most": 0.96, "require": "value"}, True),
        ({"at_most": 0.97, "require": "upper_bound"}, False),
        ({"below": 0.99, "require": "upper_bound"}, True),
    ],
)
def test_a_gate_compares_what_it_requires(gate: dict[str, Any], passed: bool) -> None:
    assert judge_metric("roc_auc", gate, 0.96, SPAN).passed is passed


def test_a_verdict_tells_value_interval_and_bound() -> None:
    plain = judge_metric("roc_auc", {"above": 0.97}, 0.96, SPAN)
    assert str(plain) == "roc_auc 0.96 (0.93 to 0.98 at 95 %), must be above 0.97"
    sure = judge_metric("roc_auc", {"at_least": 0.95, "require": "lower_bound", "confidence": 0.9}, 0.96, SPAN)
    assert str(sure) == "roc_auc 0.96 (0.93 to 0.98 at 90 %), whose lower bound 0.93 must be at least 0.95"
    assert sure.path == ("gates", "roc_auc", "at_least")


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
@pytest.mark.parametrize("comparison", ["above", "at_least", "below", "at_most"])
def test_what_is_not_a_number_passes_nothing(value: float | None, comparison: str) -> None:
    assert not judge_metric("log_loss", {comparison: 0.5}, value, None).passed


def test_a_bound_that_could_not_be_computed_does_not_pass() -> None:
    verdict = judge_metric("f1", {"above": 0.5, "require": "lower_bound"}, 0.9, None)
    assert (verdict.passed, str(verdict)) == (False, "f1 0.9, whose lower bound not computable must be above 0.5")


def test_production_is_compared_by_the_drop_or_by_the_upper_end_of_its_interval() -> None:
    assert judge_versus(VERSUS, FOUND).passed
    sure = judge_versus(VERSUS | {"confidence": 0.95}, FOUND)
    assert str(sure) == (
        "roc_auc 0.95 against 0.955 of version 3 in production: a drop of 0.005 (-0.01 to 0.03 at 95 %), whose upper "
        "bound 0.03 must be at most 0.01; the 200 rows held out are too few to tell, about 5000 would do"
    )
    assert not sure.passed


def test_of_a_loss_more_is_a_drop() -> None:
    gate = {"metric": "log_loss", "max_drop": 0.01}
    assert not judge_versus(gate, Comparison("3", 0.5, 0.4)).passed
    assert judge_versus(gate, Comparison("3", 0.4, 0.5)).passed


def test_a_comparison_that_could_not_be_made_fails_with_its_reason() -> None:
    verdict = judge_versus(VERSUS, Comparison("3", why="version 3 in production needs 'age', which is gone"))
    assert verdict.path == ("gates", "versus_production", "max_drop")
    assert str(verdict) == (
        "versus_production not computable (version 3 in production needs 'age', which is gone), the drop in roc_auc "
        "must be at most 0.01"
    )
    assert not verdict.passed
    assert not judge_versus(VERSUS | {"confidence": 0.9}, Comparison("3", 0.9, 0.9)).passed  # no interval


number = st.floats(allow_nan=True, allow_infinity=True)


@given(number, number, st.floats(0, 1), st.sampled_from([None, 0.8, 0.95]))
def test_a_comparison_passes_only_with_a_finite_drop_that_is_small(
    value: float, other: float, limit: float, confidence: float | None
) -> None:
    gate = {"metric": "f1", "max_drop": limit} | ({"confidence": confidence} if confidence else {})
    verdict = judge_versus(gate, Comparison("1", value, other, Interval(other - value, other - value)))
    assert verdict.passed == (math.isfinite(other - value) and other - value <= limit)
