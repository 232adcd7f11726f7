"""Whether numbers fit: bands in order, gates that a metric can pass, rules that a column can keep."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from driftgate.config.draft import Draft, is_number, mapping, sequence
from driftgate.config.layers import COMPARISONS
from driftgate.config.words import KeyPath, dotted, show
from driftgate.errors import Problem

# metric → the least and the greatest value it can have
METRIC_RANGES: dict[str, tuple[float, float]] = {
    "accuracy": (0, 1),
    "average_precision": (0, 1),
    "balanced_accuracy": (0, 1),
    "brier": (0, 1),
    "f1": (0, 1),
    "log_loss": (0, float("inf")),
    "precision": (0, 1),
    "recall": (0, 1),
    "roc_auc": (0, 1),
}

_BANDS = {"minor": 0.1, "moderate": 0.15, "critical": 0.25}  # where they usually begin
_HARDLY_EVER = 5  # reached when nearly all rows leave for a bin that held one in two hundred

_LOSSES = ("brier", "log_loss")  # the metrics of which less is better
_FLOORS = ("above", "at_least")

_NUMERIC = ("number", "integer")


def check_bands(draft: Draft) -> Iterator[Problem]:
    """Return a problem for each band that does not begin above the one before, or that no drift will reach."""
    psi = draft.section("psi")
    yield from _check_features(draft)
    for lower, upper in pairwise(_BANDS):
        low, high = psi.get(lower), psi.get(upper)
        if is_number(low) and is_number(high) and not low < high:
            yield _disorder(draft, lower, upper)
    for band in _BANDS:
        bound = psi.get(band)
        if is_number(bound) and _HARDLY_EVER <= bound < float("inf"):
            message = f"psi.{band} ({bound}) is hardly ever reached: PSI seldom exceeds {_HARDLY_EVER}"
            hint = f"did you mean {bound / 100:g}?"
            yield draft.layers.problem(("psi", band), "band-unreachable", message, hint, severity="warning")


def _check_features(draft: Draft) -> Iterator[Problem]:
    """Return a problem for each feature whose own bands, with the common ones beside, are out of order."""
    psi = draft.section("psi")
    for name, own in mapping(psi.get("features")).items():
        bounds = {band: mapping(own).get(band, psi.get(band)) for band in _BANDS}
        for lower, upper in pairwise(_BANDS):
            low, high = bounds[lower], bounds[upper]
            if is_number(low) and is_number(high) and not low < high:
                at = next(band for band in (lower, upper) if band in own) if own else lower
                message = f"psi.features.{name}: {lower} ({low}) must be below {upper} ({high})"
                hint = "a band that is not given here is the common one of psi"
                yield draft.layers.problem(("psi", "features", name, at), "bands-order", message, hint)
        if name in sequence(psi.get("ignore")):
            message = f"psi.features.{name} has no effect: psi.ignore names it"
            yield draft.layers.problem(("psi", "features", name), "ignored-feature", message, "remove one", at_key=True)


def _disorder(draft: Draft, lower: str, upper: str) -> Problem:
    """Return the problem that a band does not begin below the next, at the bound that is most likely wrong.

    That is the one written over the other or, in one file, the one further from what is usual.
    """
    layers, bounds = draft.layers, draft.section("psi")
    low: KeyPath = ("psi", lower)
    high: KeyPath = ("psi", upper)
    places = {path: layers.place(path) for path in (low, high)}
    hint = "severities go none < minor < moderate < critical"
    if places[low][0] == places[high][0]:
        at = low if _strangeness(lower, bounds[lower]) >= _strangeness(upper, bounds[upper]) else high
    else:
        at = layers.topmost(low, high)
        other = high if at == low else low
        hint += f"; {dotted(other)} stands at {':'.join(map(str, places[other]))}"
    one, two = f"psi.{lower} ({bounds[lower]})", f"psi.{upper} ({bounds[upper]})"
    message = f"{one} must be below {two}" if at == low else f"{two} must be above {one}"
    return layers.problem(at, "bands-order", message, hint)


def _strangeness(band: str, bound: float) -> float:
    return abs(math.log(bound / _BANDS[band])) if bound > 0 else math.inf


def check_gates(draft: Draft) -> Iterator[Problem]:
    """Return a problem for each gate that is out of its metric's reach."""
    for metric, gate in draft.section("gates").items():
        written = [key for key in COMPARISONS if key in mapping(gate)] if metric in METRIC_RANGES else []
        for comparison in written:
            if is_number(limit := gate[comparison]):
                yield from _check_gate(draft, metric, comparison, limit)
        if len(written) == 1:
            yield from _check_require(draft, metric, written[0], gate)


def _check_gate(draft: Draft, metric: str, comparison: str, limit: float) -> Iterator[Problem]:
    low, high = METRIC_RANGES[metric]
    reach = f"from {low:g} to {high:g}" if high < float("inf") else f"{low:g} or greater"
    path, name = ("gates", metric, comparison), f"gates.{metric}.{comparison}"
    if not low <= limit <= high:
        message = f"{name} ({limit}) is outside the metric's range"
        share = f"; did you mean {limit / 100:g}?" if high == 1 and 2 <= limit <= 100 else ""
        yield draft.layers.problem(path, "gate-out-of-range", message, f"{metric} is always {reach}{share}")
    elif (comparison, limit) in {("above", high), ("below", low)}:
        other = "at_least" if comparison == "above" else "at_most"
        message = f"{name} ({limit}) can never pass"
        yield draft.layers.problem(path, "gate-out-of-range", message, f"{metric} is {reach}; did you mean {other}?")
    elif (comparison, limit) in {("at_least", low), ("at_most", high)}:
        message = f"{name} ({limit}) lets every model pass"
        yield draft.layers.problem(path, "gate-out-of-range", message, f"{metric} is {reach}; write what it must reach")
    elif (comparison in _FLOORS) is (metric in _LOSSES):
        better, other = ("lower", "below") if metric in _LOSSES else ("higher", "above")
        message = f"{name} ({limit}) lets only worse models pass: of {metric}, {better} is better"
        hint = f"did you mean {other}?"
        yield draft.layers.problem(path, "gate-direction", message, hint, at_key=True, severity="warning")


def _check_require(draft: Draft, metric: str, comparison: str, gate: Mapping[str, Any]) -> Iterator[Problem]:
    end, path = gate.get("require", "value"), ("gates", metric, "require")
    worse = "lower_bound" if comparison in _FLOORS else "upper_bound"
    if end in ("lower_bound", "upper_bound") and end != worse:
        message = f"{dotted(path)} must be value or {worse}, not {end}: with {comparison}, that end is the worse one"
        yield draft.layers.problem(path, "gate-wrong-end", message, f"write require: {worse}")
    if end == "value" and "confidence" in gate:
        path = ("gates", metric, "confidence")
        message = f"{dotted(path)} decides nothing: the gate compares the value, whatever its interval"
        hint = f"add require: {worse} if the gate should be that sure"
        yield draft.layers.problem(path, "confidence-unused", message, hint, at_key=True, severity="warning")


def check_versus(draft: Draft) -> Iterator[Problem]:
    """Return a problem for a comparison with production that every model passes."""
    gate, path = mapping(draft.section("gates").get("versus_production")), ("gates", "versus_production", "max_drop")
    low, high = METRIC_RANGES.get(str(gate.get("metric")), (0, math.inf))
    drop = gate.get("max_drop")
    if is_number(drop) and drop >= high - low:
        message = f"{dotted(path)} ({drop}) lets every model pass: {gate['metric']} is from {low:g} to {high:g}"
        hint = f"did you mean {drop / 100:g}?" if drop <= 100 else "write the largest drop that is harmless"
        yield draft.layers.problem(path, "gate-out-of-range", message, hint)


def check_columns(draft: Draft) -> Iterator[Problem]:
    """Return a problem for each rule that no column could keep."""
    for name, rules in mapping(draft.section("quality").get("columns")).items():
        yield from _check_column(draft, ("quality", "columns", name), mapping(rules))


def _check_column(draft: Draft, path: KeyPath, rules: Mapping[str, Any]) -> Iterator[Problem]:
    kind, low, high = rules.get("type"), rules.get("min"), rules.get("max")
    if is_number(low) and is_number(high) and low > high:
        message = f"{dotted(path)}.min ({low}) must not be above max ({high})"
        at = draft.layers.topmost((*path, "min"), (*path, "max"))
        yield draft.layers.problem(at, "range-order", message, "swap the two")
    for bound in ("min", "max"):
        if is_number(rules.get(bound)) and isinstance(kind, str) and kind in _FITS and kind not in _NUMERIC:
            message = f"{dotted(path)}.{bound} is for numbers, and the column's type is {kind}"
            yield draft.layers.problem((*path, bound), "column-rule", message, "remove it, or change the type")
    for index, value in enumerate(sequence(rules.get("allowed"))):
        if isinstance(kind, str) and kind in _FITS and not _FITS[kind](value):
            message = f"{dotted(path)}.allowed holds {show(value)}, and the column's type is {kind}"
            yield draft.layers.problem((*path, "allowed", index), "column-rule", message, "write values of that type")


_FITS: dict[Any, Callable[[Any], bool]] = {
    "boolean": lambda value: isinstance(value, bool),
    "datetime": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": is_number,
    "string": lambda value: isinstance(value, str),
}
