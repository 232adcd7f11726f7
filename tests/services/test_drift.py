"""Severity: exact at its bounds, and unknown wherever a number cannot be trusted."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftgate.services import drift
from driftgate.services.drift import Fields, assess, severity

BANDS = {"minor": 0.10, "moderate": 0.15, "critical": 0.25}
SECTION = {**BANDS, "aggregate": "max", "min_samples": 500}


@pytest.mark.parametrize(
    ("psi", "band"),
    [
        (0.0, "none"),
        (math.nextafter(0.10, 0), "none"),
        (0.10, "minor"),
        (math.nextafter(0.15, 0), "minor"),
        (0.15, "moderate"),
        (math.nextafter(0.25, 0), "moderate"),
        (0.25, "moderate"),
        (math.nextafter(0.25, 1), "critical"),
        (1e300, "critical"),
        (-0.0, "none"),
        (math.nextafter(0, -1), "unknown"),
        (float("nan"), "unknown"),
        (float("inf"), "unknown"),
        (float("-inf"), "unknown"),
        (None, "unknown"),
    ],
)
def test_each_bound_belongs_to_the_band_of_the_table(psi: float | None, band: str) -> None:
    assert severity(psi, BANDS) == band


bounds = st.lists(st.floats(0.001, 10), min_size=3, max_size=3, unique=True).map(sorted)


@given(bounds, st.floats(0, 20))
def test_severity_never_falls_when_psi_rises(edges: list[float], psi: float) -> None:
    bands = dict(zip(("minor", "moderate", "critical"), edges, strict=True))
    rank = drift.SEVERITIES.index
    assert rank(severity(psi, bands)) <= rank(severity(psi * 1.01 + 1e-9, bands)) < rank("unknown")


@given(bounds, st.sampled_from(["minor", "moderate", "critical"]))
def test_just_around_any_bound_the_band_changes_exactly_there(edges: list[float], name: str) -> None:
    bands = dict(zip(("minor", "moderate", "critical"), edges, strict=True))
    bound = bands[name]
    if name == "critical":
        assert severity(bound, bands) == "moderate"
        assert severity(math.nextafter(bound, math.inf), bands) == "critical"
    else:
        assert severity(bound, bands) == name
        assert severity(math.nextafter(bound, 0), bands) != name


def answer(**changes: Any) -> dict[str, Any]:
    return {
        "psi": 0.31,
        "samples": 1240,
        "window": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"},
        "model": {"name": "ml_monitor", "version": 3},
        "features": {"mean radius": 0.31, "mean area": 0.11},
        **changes,
    }


def test_an_answer_becomes_a_drift_with_its_evidence() -> None:
    found = assess(answer(), SECTION)
    assert (found.severity, found.psi, found.samples) == ("critical", 0.31, 1240)
    assert (found.top_feature, found.model, found.version) == ("mean radius", "ml_monitor", "3")
    assert found.summary == (
        "Drift of ml_monitor version 3 is critical: PSI 0.310 over 1240 predictions, led by mean radius"
    )
    assert found.to_json()["window"]["start"] == "2026-01-01T00:00:00Z"


def test_the_mean_over_features_can_be_asked_for() -> None:
    assert assess(answer(), {**SECTION, "aggregate": "mean"}).psi == pytest.approx(0.21)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"samples": 499}, "499 predictions in the window, at least 500 needed (psi.min_samples)"),
        (
            {"samples": 0, "psi": None, "features": {}},
            "0 predictions in the window, at least 500 needed (psi.min_samples)",
        ),
        ({"psi": None, "features": {}}, "the answer holds no number at 'psi'"),
        ({"psi": "0.31", "features": {}}, "the answer holds no number at 'psi'"),
        ({"psi": True, "features": {}}, "the answer holds no number at 'psi'"),
        ({"psi": -0.01}, "-0.01 is not a PSI"),
        ({"psi": float("nan")}, "nan is not a PSI"),
    ],
)
def test_what_cannot_be_trusted_is_unknown_and_says_why(changes: dict[str, Any], reason: str) -> None:
    found = assess(answer(**changes), SECTION)
    assert (found.severity, found.reason) == ("unknown", reason)
    assert found.summary == f"Drift is unknown: {reason}"


def test_exactly_enough_samples_are_enough() -> None:
    assert assess(answer(samples=500), SECTION).severity == "critical"


def test_an_api_that_counts_no_samples_is_taken_at_its_word() -> None:
    found = assess({"psi": 0.12}, SECTION)
    assert (found.severity, found.samples) == ("minor", None)


def test_anybodys_api_is_read_by_dotted_paths() -> None:
    fields = Fields(psi="data.drift.score", samples="data.n", features="data.columns")
    found = assess({"data": {"drift": {"score": 0.16}, "n": 900, "columns": {"a": 0.16}}}, SECTION, fields)
    assert (found.severity, found.samples, found.top_feature) == ("moderate", 900, "a")


HUGE = 10**400
NUMBERS = [float("nan"), float("inf"), float("-inf"), HUGE, -HUGE, -1, 0, 0.2, True, None, "0.2", [], {}]


@pytest.mark.parametrize("samples", NUMBERS)
@pytest.mark.parametrize("psi", NUMBERS)
def test_every_kind_of_number_gives_a_severity_that_json_can_carry(psi: Any, samples: Any) -> None:
    import json

    for features in ({"a": psi}, {}, psi):
        for aggregate in ("max", "mean"):
            found = assess(answer(psi=psi, samples=samples, features=features), {**SECTION, "aggregate": aggregate})
            json.dumps(found.to_json(), allow_nan=False)
            if psi is not True and not (isinstance(psi, float) and 0 <= psi < math.inf) and psi != 0:
                assert found.severity == "unknown", (features, aggregate)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["psi", "samples", "features", "x"]), inner)
    ),
    max_leaves=10,
)


@given(json_values)
def test_whatever_an_api_answers_there_is_a_severity_and_never_a_crash(nonsense: Any) -> None:
    found = assess(nonsense, SECTION)
    assert found.severity in drift.SEVERITIES
    assert found.summary
    if found.severity != "unknown":
        assert found.psi is not None
        assert math.isfinite(found.psi)
