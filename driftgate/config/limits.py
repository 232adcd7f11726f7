"""Whether numbers fit: bands in order, gates that a metric can pass, rules that a column can keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from driftgate.config.draft import Draft, is_number, mapping, sequence
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

_NUMERIC = ("number", "integer")


def check_bands(draft: Draft) -> Iterator[Problem]:
    """Return a problem for each band that does not begin above the one before."""
    psi = draft.section("psi")
    for lower, upper in pairwise(("minor", "moderate", "critical")):
        low, high = psi.get(lower), psi.get(upper)
        if is_number(low) and is_number(high) and not low < high:
            message = f"psi.{lower} ({low}) must be below psi.{upper} ({high})"
            hint = "severities go none < minor < moderate < critical"
            yield draft.layers.problem(("psi", lower), "bands-order", message, hint)


def check_gates(draft: Draft) -> Iterator[Problem]:
    """Return a problem for each gate that is out of its metric's reach."""
    for metric, gate in draft.section("gates").items():
        for comparison, limit in mapping(gate).items():
            if metric in METRIC_RANGES and is_number(limit):
                yield from _check_gate(draft, metric, comparison, limit)


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


def check_columns(draft: Draft) -> Iterator[Problem]:
    """Return a problem for each rule that no column could keep."""
    for name, rules in mapping(draft.section("quality").get("columns")).items():
        yield from _check_column(draft, ("quality", "columns", name), mapping(rules))


def _check_column(draft: Draft, path: KeyPath, rules: Mapping[str, Any]) -> Iterator[Problem]:
    kind, low, high = rules.get("type"), rules.get("min"), rules.get("max")
    if is_number(low) and is_number(high) and low > high:
        message = f"{dotted(path)}.min ({low}) must not be above max ({high})"
        yield draft.layers.problem((*path, "min"), "range-order", message, "swap the two")
    for bound in ("min", "max"):
        if is_number(rules.get(bound)) and isinstance(kind, str) and kind in _FITS and kind not in _NUMERIC:
            message = f"{dotted(path)}.{bound} is for numbers, and the column's type is {kind}"
            yield draft.layers.problem((*path, bound), "column-rule", message, "remove it, or change the type")
    for index, value in enumerate(sequence(rules.get("allowed"))):
        if kind in _FITS and not _FITS[kind](value):
            message = f"{dotted(path)}.allowed holds {show(value)}, and the column's type is {kind}"
            yield draft.layers.problem((*path, "allowed", index), "column-rule", message, "write values of that type")


_FITS: dict[Any, Callable[[Any], bool]] = {
    "boolean": lambda value: isinstance(value, bool),
    "datetime": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": is_number,
    "string": lambda value: isinstance(value, str),
}
