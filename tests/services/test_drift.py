"""Severity: exact at its bounds, and unknown wherever a number cannot be trusted."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftgate.services import drift
from driftgate.services.drift import BANDS as NAMES
from driftgate.services.drift import Fields, Seen, on_common_scale, overtaken, remember, severity, streak

BANDS = {"minor": 0.10, "moderate": 0.15, "critical": 0.25}
SECTION = {
    **BANDS, "aggregate": "max", "share": 0.5, "features": {}, "ignore": [], "min_samples": 500, "stale_after": "24h",
}  # fmt: skip
FIELDS = Fields()
NOW = datetime(2026, 1, 2, 0, 5, tzinfo=UTC)


def assess(answer: Any, section: dict[str, Any], fields: Fields = FIELDS, now: datetime = NOW) -> drift.Drift:
    return drift.assess(answer, section, fields, now)


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
        ({"psi": None}, "the answer holds no number at 'psi'"),
        ({"psi": "broken"}, "the answer holds no number at 'psi'"),
        ({"psi": 1e308}, "1e+308 is not a PSI"),
        ({"psi": 10**400}, "inf is not a PSI"),
        ({"samples": 2**70}, "1.18059e+21 is not a number of predictions"),
        ({"samples": 1e300}, "1e+300 is not a number of predictions"),
        ({"window": {"end": "yesterday"}}, "the window ends at 'yesterday', which is no time"),
    ],
)
def test_what_cannot_be_trusted_is_unknown_and_says_why(changes: dict[str, Any], reason: str) -> None:
    found = assess(answer(**changes), SECTION)
    assert (found.severity, found.reason) == ("unknown", reason)
    assert found.summary == f"Drift is unknown: {reason}"


@pytest.mark.parametrize("samples", ["many", [], {}, True])
def test_a_number_of_predictions_that_is_none_is_unknown(samples: Any) -> None:
    found = assess(answer(samples=samples), SECTION)
    assert (found.severity, found.reason) == ("unknown", "the answer holds no number at 'samples'")


def test_names_and_times_of_an_answer_are_safe_to_tell_and_few() -> None:
    window = {str(number): "x" * 1_000 for number in range(1_000)}
    found = assess(answer(model={"name": "\x1b[31m\ud800", "version": "9" * 1_000}, window=window), SECTION)
    assert (found.model, len(found.version), len(found.window)) == ("\ufffd[31m\ufffd", 200, 10)
    lost = {**SECTION, "aggregate": "mean"}
    assert assess(answer(features={"\ud800": None, "a": 0.1}), lost).reason == "the answer holds no PSI for \ufffd"


def test_an_api_that_tells_features_alone_is_judged_by_the_largest() -> None:
    found = answer()
    del found["psi"]
    assert assess(found, SECTION).psi == 0.31


def test_of_very_many_features_all_are_judged_and_the_largest_told() -> None:
    many = {f"f{number}": number / 10_000 for number in range(4_000)}
    found = assess(answer(features=many), {**SECTION, "aggregate": "mean"})
    assert found.psi == pytest.approx(sum(many.values()) / 4_000, abs=1e-6)
    assert (len(found.features), min(found.features.values())) == (1_000, 0.3)


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


@pytest.mark.parametrize(("share", "psi"), [(0.01, 0.4), (0.25, 0.4), (0.26, 0.3), (0.5, 0.3), (0.75, 0.2), (1, 0.1)])
def test_a_share_of_the_features_must_have_reached_the_band(share: float, psi: float) -> None:
    features = {"a": 0.1, "b": 0.4, "c": 0.3, "d": 0.2}
    assert assess(answer(features=features), {**SECTION, "aggregate": "share", "share": share}).psi == psi


def test_an_ignored_feature_decides_nothing() -> None:
    found = assess(answer(), {**SECTION, "ignore": ["mean radius"]})
    assert (found.severity, found.psi, found.top_feature) == ("minor", 0.11, "mean area")
    assert found.features["mean radius"] == 0.31  # it is still shown


def test_names_to_ignore_that_no_answer_knows_are_told() -> None:
    section = {**SECTION, "ignore": ["mean radius", "mean raduis"]}
    assert drift.strange_names(section, assess(answer(), section)) == ["mean raduis"]
    assert drift.strange_names(section, assess({"psi": 0.2}, section)) == []


def test_a_feature_is_judged_by_its_own_bands() -> None:
    own = {"mean radius": {"moderate": 0.3, "critical": 0.6}}
    assert assess(answer(), {**SECTION, "features": own}).severity == "moderate"
    assert assess(answer(features={"mean radius": 0.61}), {**SECTION, "features": own}).severity == "critical"


@given(bounds, bounds, st.floats(0, 30))
def test_on_the_common_scale_a_psi_keeps_the_severity_of_its_own_bands(
    own: list[float], common: list[float], psi: float
) -> None:
    bands, shared = dict(zip(NAMES, own, strict=True)), dict(zip(NAMES, common, strict=True))
    if any(abs(psi - bound) < 1e-9 * max(1, bound) for bound in own if psi != bound):
        return  # rounding
    assert severity(on_common_scale(psi, bands, shared), shared) == severity(psi, bands) or any(
        math.isclose(on_common_scale(psi, bands, shared), bound) for bound in common
    )


@pytest.mark.parametrize(
    ("section", "features", "reason"),
    [
        ({"aggregate": "share"}, None, "the answer tells of no feature to judge at 'features'"),
        ({"features": {"gone": {"critical": 0.4}}}, {"a": 0.1}, "the answer holds no PSI for gone"),
        ({"aggregate": "mean"}, {"a": 0.1, "b": None}, "the answer holds no PSI for b"),
        ({"ignore": ["a"]}, {"a": 0.1}, "the answer tells of no feature to judge at 'features'"),
    ],
)
def test_features_that_are_asked_for_and_not_told_make_it_unknown(section: Any, features: Any, reason: str) -> None:
    found = assess(answer(features=features), {**SECTION, **section})
    assert found.severity == "unknown"
    assert found.reason in (reason, "the answer holds no number at 'psi'")


def test_a_field_of_ones_own_that_is_not_there_makes_it_unknown() -> None:
    found = assess(answer(), SECTION, Fields(samples="sampels"))
    assert found.reason == "the answer holds no number of predictions at 'sampels'"


@pytest.mark.parametrize(
    ("hours", "words"),
    [(0, ""), (24, ""), (24.1, "more than 1d ago (psi.stale_after)"), (-0.05, ""), (-168, "the clocks of Airflow")],
)
def test_a_window_that_is_not_of_now_says_nothing(hours: float, words: str) -> None:
    end = datetime(2026, 1, 2, tzinfo=UTC)
    found = assess(answer(window={"end": end.isoformat()}), SECTION, now=end + timedelta(hours=hours))
    assert words in found.reason
    assert (found.severity == "unknown") is bool(words)


def seen(hour: int, severity: str, run: str = "") -> Seen:
    return Seen(datetime(2026, 1, 1, hour, tzinfo=UTC), run or f"run {hour}", severity)


def test_a_streak_counts_the_runs_in_a_row_and_no_retry_twice() -> None:
    history = [seen(1, "critical"), seen(2, "none"), seen(3, "critical"), seen(4, "critical")]
    assert streak(history, seen(5, "critical")) == 3
    assert streak(history, seen(5, "unknown")) == 1
    assert streak(history, seen(4, "critical")) == 2  # asked again
    assert streak(history, seen(2, "critical")) == 2  # cleared later: what came after does not count
    assert streak([], seen(1, "none")) == 1


def test_a_later_run_that_found_otherwise_overtakes() -> None:
    history = [seen(1, "critical"), seen(2, "critical"), seen(3, "none")]
    assert overtaken(history, "run 1", "critical") == history[2]
    assert overtaken(history[:2], "run 1", "critical") is None
    assert overtaken(history, "run 3", "none") is None
    assert overtaken([], "run 1", "critical") is None
    assert overtaken(history, "forgotten", "critical") == history[2]
    assert overtaken([*history[:2], seen(4, "unknown")], "run 1", "critical") is None


@given(st.lists(st.tuples(st.integers(0, 23), st.sampled_from(drift.SEVERITIES)), max_size=20))
def test_whatever_the_order_of_the_runs_the_history_is_sorted_and_has_each_once(runs: list[tuple[int, str]]) -> None:
    history: list[Seen] = []
    for hour, found in runs:
        history = remember(history, seen(hour, found))
    assert [each.at.hour for each in history] == sorted({hour for hour, _ in runs})
    assert {each.run: each.severity for each in history} == {f"run {hour}": severity for hour, severity in runs}
    assert [Seen.from_json(each.to_json()) for each in history] == history
