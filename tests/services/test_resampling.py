"""Intervals of metrics: the metrics themselves, and how often the intervals hold what they promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftgate.services import resampling, scoring
from driftgate.services.resampling import Interval, Scored
from driftgate.services.scoring import Answers

NAMES = sorted({*resampling._BY_CELLS, *resampling._BY_SCORES})


def scored(truth: Any, score: Any) -> Scored:
    """What a model with two classes says that gives the second one these probabilities."""
    score = np.asarray(score, dtype=float)
    return Scored(np.asarray(truth), (score > 0.5).astype(int), np.column_stack([1 - score, score]), 2)


def normal_rows(rng: np.random.Generator, negatives: int, positives: int, apart: float) -> Scored:
    """Rows of two classes whose scores are normal, ``apart`` standard deviations from each other."""
    truth = np.repeat([0, 1], [negatives, positives])
    score = rng.normal(truth * apart, 1)
    return scored(truth, 1 / (1 + np.exp(apart / 2 - score)))


@st.composite
def answers(draw: st.DrawFn) -> tuple[Answers, pd.Series]:
    """Anything that a model may say of a few rows, ties and classes that do not occur included."""
    classes = draw(st.integers(2, 4))
    label = st.integers(0, classes - 1)
    rows = draw(st.integers(2, 12))
    truth = draw(st.lists(label, min_size=rows, max_size=rows))
    raw = draw(st.lists(st.lists(st.integers(0, 3), min_size=classes, max_size=classes), min_size=rows, max_size=rows))
    chances = np.array([[(value + 0.25) / (sum(row) + classes / 4) for value in row] for row in raw])
    predicted = np.array(draw(st.lists(label, min_size=rows, max_size=rows)))
    return Answers(list(range(classes)), predicted, chances), pd.Series(truth)


@settings(max_examples=50)
@given(answers())
def test_with_equal_weights_a_metric_is_what_scikit_learn_says(case: tuple[Answers, pd.Series]) -> None:
    said, labels = case
    expected = scoring.score(said, labels)
    coded = scoring.coded(said, labels)
    assert coded is not None
    for name, value in expected.items():
        if name == "average_precision" and not (labels == 1).any():
            continue  # scikit-learn calls it 0
        assert resampling.value(name, coded) == pytest.approx(value), name


@settings(max_examples=15)
@given(answers(), st.sampled_from([0.8, 0.95, 0.99]), st.integers(0, 2**64))
def test_an_interval_is_finite_in_order_and_the_same_for_the_same_seed(
    case: tuple[Answers, pd.Series], confidence: float, seed: int
) -> None:
    coded = scoring.coded(*case)
    assert coded is not None
    found = resampling.intervals(coded, dict.fromkeys(scoring.score(*case), confidence), seed)
    assert found == resampling.intervals(coded, dict.fromkeys(found, confidence), seed)
    for interval in found.values():
        assert np.isfinite([interval.low, interval.high]).all()


def test_more_confidence_and_fewer_rows_make_an_interval_wider() -> None:
    rng = np.random.default_rng(1)
    many, few = normal_rows(rng, 1000, 1000, 2), normal_rows(rng, 50, 50, 2)
    widths = [
        interval.high - interval.low
        for rows, confidence in ((many, 0.8), (many, 0.99), (few, 0.99))
        for interval in resampling.intervals(rows, {"roc_auc": confidence}, 1).values()
    ]
    assert widths == sorted(widths)


@pytest.mark.parametrize("rows", [10, 100])
def test_a_hold_out_without_errors_is_no_proof_of_perfection(rows: int) -> None:
    """The lower bound is near the one that Jeffreys' interval has: 1 - 2.5 / rows."""
    perfect = scored([0] * rows + [1] * rows, [0.1] * rows + [0.9] * rows)
    found = resampling.intervals(perfect, {"recall": 0.95, "roc_auc": 0.95}, 7)
    assert found["recall"].low == pytest.approx(1 - 2.4 / (rows + 0.5), abs=0.35 / rows)
    assert found["roc_auc"].low < 1 - 1 / rows
    assert found["recall"].high == 1


def test_a_model_beside_itself_drops_by_nothing_and_that_is_not_certain() -> None:
    one = normal_rows(np.random.default_rng(2), 74, 40, 3)
    interval = resampling.drop_interval("roc_auc", one, one, 0.95, 3)
    assert interval is not None
    assert interval.low == pytest.approx(0, abs=1e-9)
    assert 0 < interval.high < 0.05


@pytest.mark.parametrize("name", ["roc_auc", "log_loss", "brier", "accuracy"])
def test_a_drop_is_positive_where_the_new_model_is_worse_whatever_the_metric(name: str) -> None:
    rng = np.random.default_rng(4)
    good = normal_rows(rng, 400, 400, 3)
    bad = scored(good.truth, rng.random(800))
    worse, better = (resampling.drop_interval(name, *pair, 0.95, 3) for pair in ((bad, good), (good, bad)))
    assert worse is not None
    assert better is not None
    assert worse.low > 0 > better.high


def test_the_value_is_never_outside_of_its_interval() -> None:
    assert Interval(0.2, 0.4).around(0.5) == Interval(0.2, 0.5)
    assert Interval(0.2, 0.4).around(0.1) == Interval(0.1, 0.4)


# metric, negatives, positives, distance: at 1.19 the area under the curve is 0.8, at 2.33 0.95, at 3.29 0.99
WORLDS = [
    ("roc_auc", 40, 10, 3.2900), ("roc_auc", 74, 40, 3.2900), ("roc_auc", 74, 40, 1.1902),
    ("roc_auc", 300, 80, 2.3262), ("accuracy", 74, 40, 2.3262), ("recall", 74, 40, 3.2900), ("brier", 74, 40, 2.3262),
]  # fmt: skip


@pytest.mark.parametrize(("name", "negatives", "positives", "apart"), WORLDS)
def test_the_cautious_end_misses_the_truth_no_more_often_than_promised(
    name: str, negatives: int, positives: int, apart: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 95 %, the cautious end may miss in 2.5 % of cases; of 400, 5 % is 3 standard errors more."""
    monkeypatch.setattr(resampling, "RESAMPLES", 300)
    rng, times = np.random.default_rng(11), 400
    truth = true_value(name, negatives, positives, apart)
    missed = np.zeros(2)
    for seed in range(times):
        rows = normal_rows(rng, negatives, positives, apart)
        value = resampling.value(name, rows)
        assert value is not None
        interval = resampling.intervals(rows, {name: 0.95}, seed)[name].around(value)
        missed += (truth < interval.low, truth > interval.high)
    cautious, other = missed[::-1] if name in resampling.LOSSES else missed
    assert cautious <= 0.05 * times
    assert cautious + other <= 0.08 * times


def true_value(name: str, negatives: int, positives: int, apart: float) -> float:
    """The value for endless rows of these proportions."""
    rows = normal_rows(np.random.default_rng(0), negatives * 2000, positives * 2000, apart)
    found = resampling.value(name, rows)
    assert found is not None
    return found


@pytest.mark.parametrize(("positives", "apart"), [(40, 3.29), (100, 2.33)])
def test_the_upper_end_of_a_drop_misses_the_truth_no_more_often_than_promised(
    positives: int, apart: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resampling, "RESAMPLES", 300)
    rng, times, missed = np.random.default_rng(12), 300, 0
    truth = np.repeat([0, 1], [2 * positives, positives])
    for seed in range(times):
        common = rng.normal(truth * apart, 0.9)
        one, other = (
            scored(truth, 1 / (1 + np.exp(apart / 2 - common - rng.normal(0, 0.44, len(truth))))) for _ in "ab"
        )
        drop = resampling.drop_interval("roc_auc", one, other, 0.95, seed)
        assert drop is not None
        missed += drop.high < 0  # both are as good
    assert missed <= 0.05 * times
