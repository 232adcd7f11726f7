from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftgate.bins import MAX_CATEGORIES, CategoricalBins, NumericBins
from driftgate.errors import UserMistake
from driftgate.reference import FLOOR, Reference, psi, psi_by_feature

NUMBERS = st.one_of(st.none(), st.floats(), st.integers(-(10**6), 10**6))
TEXTS = st.one_of(st.none(), st.sampled_from(["a", "b", "c"]), st.text(max_size=3))
COUNTS = st.lists(st.integers(0, 10**6), min_size=2, max_size=12).filter(any)


def reference_of(**columns: list[object]) -> Reference:
    return Reference.from_frame(pd.DataFrame(columns))


def bins_of(values: list[object]) -> NumericBins | CategoricalBins:
    return reference_of(x=values).features[0].bins


def rows_of(values: list[object]) -> list[dict[str, object]]:
    return [{"x": value} for value in values]


def test_psi_of_a_case_worked_by_hand() -> None:
    # p = (0.5, 0.5), q = (0.75, 0.25): 0.25·ln 1.5 + (−0.25)·ln 0.5 = 0.25·ln 3 = 0.27465…
    assert psi([0.5, 0.5], [75, 25]) == pytest.approx(0.25 * math.log(3))


def test_a_bin_empty_in_production_counts_with_the_floor() -> None:
    by_hand = (1 - 0.5) * math.log(1 / 0.5) + (FLOOR - 0.5) * math.log(FLOOR / 0.5)
    assert psi([0.5, 0.5], [10, 0]) == pytest.approx(by_hand)


def test_a_bin_empty_in_training_counts_with_the_floor() -> None:
    by_hand = (0.8 - 1) * math.log(0.8) + (0.2 - FLOOR) * math.log(0.2 / FLOOR)
    assert psi([1.0, 0.0], [80, 20]) == pytest.approx(by_hand)


def test_a_bin_empty_on_both_sides_adds_nothing() -> None:
    assert psi([0.5, 0.5, 0.0], [75, 25, 0]) == psi([0.5, 0.5], [75, 25])


@pytest.mark.parametrize("observed", [[0, 0], [1, 2, 3]])
def test_nothing_to_compare_is_an_error(observed: list[int]) -> None:
    with pytest.raises(ValueError, match="cannot compare"):
        psi([0.5, 0.5], observed)


def test_psi_of_three_bins_and_of_several_features_at_once() -> None:
    # 10, 20, 70 % became 20, 30, 50 %: 0.1·ln 2 + 0.1·ln 1.5 + (−0.2)·ln(5/7) = 0.06931 + 0.04055 + 0.06729
    one = psi([0.1, 0.2, 0.7], [20, 30, 50])
    assert one == pytest.approx(0.17716, abs=5e-6)
    expected, observed = np.array([0.1, 0.2, 0.7, 0.5, 0.5]), np.array([[20, 30, 50, 75, 25], [1, 2, 7, 0, 0]])
    by_feature = psi_by_feature(expected, np.array([0, 3]), observed)
    np.testing.assert_allclose(by_feature, [[one, 0.25 * math.log(3)], [0, 0]], atol=1e-12)


@given(st.data())
def test_psi_is_never_negative(data: st.DataObject) -> None:
    trained = np.array(data.draw(COUNTS))
    observed = data.draw(st.lists(st.integers(0, 10**6), min_size=trained.size, max_size=trained.size).filter(any))
    assert psi((trained / trained.sum()).tolist(), observed) >= 0


@given(COUNTS, st.integers(1, 1000))
def test_psi_of_identical_proportions_is_zero(counts: list[int], times: int) -> None:
    proportions = [count / sum(counts) for count in counts]
    assert psi(proportions, [count * times for count in counts]) == 0


@given(st.lists(NUMBERS, min_size=1), st.lists(NUMBERS))
def test_every_number_falls_into_exactly_one_bin(trained: list[object], seen: list[object]) -> None:
    assert reference_of(x=trained).count(rows_of(seen))["x"].sum() == len(seen)


@given(st.lists(TEXTS, min_size=1), st.lists(TEXTS))
def test_every_text_falls_into_exactly_one_bin(trained: list[object], seen: list[object]) -> None:
    assert reference_of(x=trained).count(rows_of(seen))["x"].sum() == len(seen)


@given(st.lists(NUMBERS, min_size=1))
def test_the_training_data_has_no_drift_against_itself(values: list[object]) -> None:
    reference = reference_of(x=values)
    assert reference.drift(reference.count(rows_of(values))).psi == 0


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_edges_are_finite_and_strictly_increasing(values: list[object]) -> None:
    edges = np.array(bins_of(values).edges)
    assert np.isfinite(edges).all()
    assert (np.diff(edges) > 0).all()


@given(st.lists(st.tuples(NUMBERS, TEXTS), min_size=1))
def test_json_gives_back_the_same_reference(pairs: list[tuple[object, object]]) -> None:
    reference = reference_of(x=[x for x, _ in pairs], y=[y for _, y in pairs])
    assert Reference.from_json(json.loads(json.dumps(reference.to_json()))) == reference


def test_deciles_cut_a_continuous_feature_into_ten_equal_parts() -> None:
    (feature,) = reference_of(x=list(range(1000))).features
    assert feature.bins == NumericBins((99, 199, 299, 399, 499, 599, 699, 799, 899))
    assert feature.proportions == (0.1,) * 10 + (0.0,)


def test_a_value_on_an_edge_belongs_below_and_outsiders_to_the_end_bins() -> None:
    counts = NumericBins((1.0, 2.0)).count([1.0, 1.5, 2.0, -math.inf, -9, 2.1, math.inf, None, math.nan])
    assert counts.tolist() == [3, 2, 2, 2]


def test_few_distinct_values_get_a_bin_each_with_gaps_between() -> None:
    bins = bins_of([0, 1] * 50)
    assert bins.count([0, 1, 1]).tolist() == [0, 1, 0, 2, 0, 0]
    assert bins.count([-1, 0.5, 7]).tolist() == [1, 0, 1, 0, 1, 0]


def test_a_constant_that_changes_is_drift() -> None:
    reference = reference_of(x=[5.0] * 100)
    assert reference.drift(reference.count(rows_of([6.0] * 100))).psi > 10


def test_a_value_that_fills_several_deciles_gets_a_bin_of_its_own() -> None:
    bins = bins_of([0.0] * 800 + list(range(1, 201)))
    assert bins.count([0, 0, 1e-9, -1]).tolist() == [1, 2, 1, 0, 0]


def test_a_float32_rounding_stays_in_the_bin_of_its_value() -> None:
    bins = bins_of([0.1, 0.7] * 50)
    assert bins.count([np.float32(0.1), np.float32(0.7)]).tolist() == bins.count([0.1, 0.7]).tolist()


def test_large_neighbouring_codes_stay_apart() -> None:
    assert bins_of([5_000_001, 5_000_002]).count([5_000_001, 5_000_002]).tolist() == [0, 1, 0, 1, 0, 0]


def test_booleans_and_nullable_integers_are_numbers() -> None:
    frame = pd.DataFrame({"b": [True, False], "i": pd.array([1, None], dtype="Int64")})
    counts = Reference.from_frame(frame).count([{"b": True, "i": 1}, {"b": False, "i": None}])
    assert {name: bins.tolist() for name, bins in counts.items()} == {
        "b": [0, 1, 0, 1, 0, 0],
        "i": [0, 1, 0, 1],
    }


def test_categories_unseen_and_missing_have_their_bins() -> None:
    bins = bins_of(["b", "a", "a", None])
    assert bins == CategoricalBins(("a", "b"))
    assert bins.count(["a", "z", "y", None, math.nan, "b"]).tolist() == [1, 1, 2, 2]


def test_rare_categories_beyond_the_limit_count_as_unseen() -> None:
    values: list[object] = [f"c{place}" for place in range(MAX_CATEGORIES)] * 2 + ["rare", "rarer"]
    (feature,) = reference_of(x=values).features
    assert feature.bins.size == MAX_CATEGORIES + 2
    assert feature.proportions[-2:] == (2 / len(values), 0)


def test_a_feature_never_seen_in_training_takes_every_value_as_unseen() -> None:
    assert bins_of([None, None]).count([1.5, "a", None]).tolist() == [2, 1]


def test_the_largest_feature_decides() -> None:
    reference = reference_of(x=[0, 1] * 50, y=["a", "b"] * 50)
    drift = reference.drift(reference.count([{"x": 0, "y": "a"}, {"x": 1, "y": "a"}]))
    assert drift.features["x"] == 0
    assert drift.psi == drift.features["y"] > 1


def test_an_absent_feature_counts_as_missing() -> None:
    assert reference_of(x=[0, 1]).count([{}])["x"].tolist()[-1] == 1


def test_a_date_is_refused_by_name() -> None:
    with pytest.raises(UserMistake, match="'when' cannot be measured on datetime: make it numbers or text"):
        Reference.from_frame(pd.DataFrame({"when": pd.to_datetime(["2026-01-01"])}))


@pytest.mark.parametrize("frame", [pd.DataFrame(), pd.DataFrame({"x": []})])
def test_empty_training_data_is_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(UserMistake, match="no rows or no features"):
        Reference.from_frame(frame)


@pytest.mark.parametrize("document", [{}, [], {"format_version": 2, "rows": 1, "features": []}])
def test_another_format_is_refused(document: object) -> None:
    with pytest.raises(UserMistake, match="this Driftgate reads 1: train the model again"):
        Reference.from_json(document)  # type: ignore[arg-type]


def test_a_damaged_reference_is_refused() -> None:
    document = reference_of(x=[0, 1]).to_json()
    document["features"][0]["proportions"].pop()
    with pytest.raises(UserMistake, match="'x' has 6 bins, but 5 proportions"):
        Reference.from_json(document)
