from __future__ import annotations

from collections import Counter

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from driftgate.reference import Reference
from driftgate.serving.histograms import Drift, count, drift

REFERENCE = Reference.from_frame(pd.DataFrame({"x": [0, 1] * 50, "y": ["a", "b"] * 50}))
ROWS = st.fixed_dictionaries({"x": st.sampled_from([0, 1, 2, None]), "y": st.sampled_from(["a", "b", "z"])})


def test_only_bins_with_rows_are_counted() -> None:
    assert count(REFERENCE, [{"x": 0, "y": "a"}, {"x": 0, "y": "z"}]) == {
        ("x", 1): 2,
        ("y", 0): 1,
        ("y", 2): 1,
    }


def test_without_samples_drift_is_unknown() -> None:
    assert drift(REFERENCE, {}) == Drift(samples=0, psi=None, features={})


def test_the_same_distribution_has_no_drift() -> None:
    sums = count(REFERENCE, [{"x": 0, "y": "a"}, {"x": 1, "y": "b"}])
    assert drift(REFERENCE, sums) == Drift(2, 0.0, {"x": 0.0, "y": 0.0})


@given(st.lists(ROWS, min_size=1), st.lists(ROWS, min_size=1))
def test_counts_of_parts_add_up_to_the_counts_of_the_whole(one: list, other: list) -> None:
    added = Counter(count(REFERENCE, one)) + Counter(count(REFERENCE, other))
    whole = count(REFERENCE, one + other)
    assert added == whole
    assert drift(REFERENCE, dict(added)).samples == len(one) + len(other)
