"""What the gates of a pipeline say of a model, given what was measured. Every gate fails closed."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from driftgate.services.resampling import LOSSES, Interval

VERSUS = "versus_production"
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "above": operator.gt,
    "at_least": operator.ge,
    "below": operator.lt,
    "at_most": operator.le,
}
CONFIDENCE = 0.95  # of intervals that no gate asks for otherwise
_MOST_ROWS = 10_000_000  # more than this is no advice


@dataclass(frozen=True)
class Verdict:
    """What one gate says. ``key`` is the one that decided, at which a person would change the gate."""

    gate: str
    key: str
    passed: bool
    text: str

    @property
    def path(self) -> tuple[str, str, str]:
        """Where the gate is in the configuration."""
        return "gates", self.gate, self.key

    def __str__(self) -> str:
        return self.text


def judge_metric(
    metric: str, gate: Mapping[str, Any], value: float | None, interval: Interval | None, why: str = ""
) -> Verdict:
    """Hold a metric against its gate; None: not computable, ``why`` says for which reason if one is known."""
    [comparison] = COMPARISONS.keys() & gate.keys()
    bound, end = gate[comparison], gate.get("require", "value")
    measured = {"value": value, **_ends(interval)}.get(end)
    passed = measured is not None and math.isfinite(measured) and COMPARISONS[comparison](measured, bound)
    wanted = f"must be {comparison.replace('_', ' ')} {bound:g}"
    if value is None:
        return Verdict(metric, comparison, passed, f"{metric} not computable{_because(why)}, {wanted}")
    told = f"{metric} {value:.6g}{_range(interval, confidence_of(gate))}"
    if end != "value":
        own = "not computable" if measured is None else f"{measured:.6g}"
        return Verdict(metric, comparison, passed, f"{told}, whose {end.replace('_', ' ')} {own} {wanted}")
    return Verdict(metric, comparison, passed, f"{told}, {wanted}")


@dataclass(frozen=True)
class Comparison:
    """A new version beside the one in production, on the same rows; ``why`` says what kept them from being compared.

    ``drop`` is how much worse the new one is, in the units of the metric, negative where it is better.
    """

    production: str | None  # its version; None when none is in production
    value: float | None = None
    production_value: float | None = None
    interval: Interval | None = None
    rows: int = 0
    why: str = ""
    note: str = ""

    def drop(self, metric: str) -> float | None:
        """Return the drop as measured."""
        if self.value is None or self.production_value is None:
            return None
        drop = self.production_value - self.value
        return -drop if metric in LOSSES else drop


def judge_versus(gate: Mapping[str, Any], found: Comparison) -> Verdict:
    """Hold a new version against production: a drop, or the upper end of its interval, of max_drop at most."""
    if found.production is None and not found.why:
        return _judge_first(gate)
    metric, limit, drop = gate["metric"], gate["max_drop"], found.drop(gate["metric"])
    if drop is None or found.value is None or found.production_value is None:
        text = f"{VERSUS} not computable{_because(found.why)}, the drop in {metric} must be at most {limit:g}"
        return Verdict(VERSUS, "max_drop", False, text)
    measured = drop if "confidence" not in gate else found.interval.high if found.interval else math.nan
    told = (
        f"{metric} {found.value:.6g} against {found.production_value:.6g} of version {found.production} in production: "
        f"a drop of {drop:.6g}{_range(found.interval, confidence_of(gate))}"
    )
    whose = f", whose upper bound {measured:.6g}" if "confidence" in gate else ","
    text = f"{told}{whose} must be at most {limit:g}{_too_few(drop, measured, limit, found.rows)}{found.note}"
    return Verdict(VERSUS, "max_drop", math.isfinite(measured) and measured <= limit, text)


def _judge_first(gate: Mapping[str, Any]) -> Verdict:
    if gate.get("first_model", "accept") == "accept":
        return Verdict(VERSUS, "first_model", True, "no version is in production, and first_model is accept")
    text = "no version is in production, and first_model is refuse; promote one by hand, or write first_model: accept"
    return Verdict(VERSUS, "first_model", False, text)


def _too_few(drop: float, high: float, limit: float, rows: int) -> str:
    """Say how many rows it would take to tell, where the drop is small enough but not sure to be.

    An interval becomes narrower with the root of the number of rows.
    """
    if not drop < limit < high:
        return ""
    needed = rows * ((high - drop) / (limit - drop)) ** 2
    return (
        f"; the {rows} rows held out are too few to tell"
        + (f", about {float(f'{needed:.2g}'):.0f} would do" if needed <= _MOST_ROWS else "")
    )  # fmt: skip


def confidence_of(gate: Mapping[str, Any]) -> float:
    """Return the confidence of a gate's interval."""
    return float(gate.get("confidence", CONFIDENCE))


def _ends(interval: Interval | None) -> dict[str, float]:
    return {} if interval is None else {"lower_bound": interval.low, "upper_bound": interval.high}


def _range(interval: Interval | None, confidence: float) -> str:
    return "" if interval is None else f" ({interval.low:.4g} to {interval.high:.4g} at {confidence * 100:g} %)"


def _because(why: str) -> str:
    return f" ({why})" if why else ""
