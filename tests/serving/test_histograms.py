from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftgate.reference import Reference
from driftgate.serving.histograms import Drift, Histograms
from driftgate.serving.inputs import Column, Inputs, Signature

FRAME = pd.DataFrame({"x": [0, 1] * 50, "y": ["a", "b"] * 50, "z": np.arange(100.0)})
REFERENCE = Reference.from_frame(FRAME)
SIGNATURE = Signature((Column("z", "double"), Column("y", "string", required=False), Column("x", "double")))
HISTOGRAMS = Histograms(REFERENCE, SIGNATURE.numeric)
NUMBERS = st.one_of(st.none(), st.floats(-10, 110), st.sampled_from([0, 1, 2, 50]))
ROWS = st.fixed_dictionaries({"x": NUMBERS, "y": st.sampled_from(["a", "b", "z", None]), "z": NUMBERS})


def read(rows: list[dict[str, Any]]) -> Inputs:
    return SIGNATURE.read(rows)


def test_without_samples_drift_is_unknown() -> None:
    assert HISTOGRAMS.drift(0, np.zeros(HISTOGRAMS.size, dtype=np.int64)) == Drift(samples=0, psi=None, features={})


def test_the_same_distribution_has_no_drift() -> None:
    rows = FRAME.to_dict("records")
    assert HISTOGRAMS.drift(len(rows), HISTOGRAMS.count(read(rows))) == Drift(100, 0.0, dict.fromkeys("xyz", 0.0))


@given(st.lists(ROWS, min_size=1))
def test_one_vector_holds_what_the_reference_counts_feature_by_feature(rows: list[dict[str, Any]]) -> None:
    counts, expected = HISTOGRAMS.count(read(rows)), REFERENCE.count(rows)
    np.testing.assert_array_equal(counts, np.concatenate([expected[name] for name in "xyz"]))
    assert HISTOGRAMS.drift(len(rows), counts).features == pytest.approx(REFERENCE.drift(expected).features)


@given(st.lists(ROWS, min_size=1), st.lists(ROWS, min_size=1))
def test_counts_of_parts_add_up_to_the_counts_of_the_whole(one: list[Any], other: list[Any]) -> None:
    added = HISTOGRAMS.count(read(one)) + HISTOGRAMS.count(read(other))
    np.testing.assert_array_equal(added, HISTOGRAMS.count(read(one + other)))


def test_many_rows_are_counted_in_pieces_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = FRAME.to_dict("records")
    whole = HISTOGRAMS.count(read(rows))
    monkeypatch.setattr("driftgate.serving.histograms._COMPARED_AT_ONCE", 100)
    np.testing.assert_array_equal(HISTOGRAMS.count(read(rows)), whole)


def test_other_bins_are_another_layout() -> None:
    other = Histograms(Reference.from_frame(FRAME.assign(z=FRAME["z"] * 2)), SIGNATURE.numeric)
    assert HISTOGRAMS.layout == Histograms(Reference.from_frame(FRAME), SIGNATURE.numeric).layout != other.layout


def test_a_model_of_text_alone_is_counted_too() -> None:
    frame = FRAME[["y"]]
    histograms = Histograms(Reference.from_frame(frame), ())
    counts = histograms.count(Signature((Column("y", "string"),)).read([{"y": "a"}, {"y": "new"}]))
    assert counts.tolist() == [1, 0, 1, 0]
