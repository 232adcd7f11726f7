"""How the values of one feature are cut into bins; what the bins are is said in ``driftgate.reference``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from driftgate.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Sequence

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

MAX_DISTINCT = 10
MAX_CATEGORIES = 50

_DECILES = np.arange(1, 10) / 10
# Kinds as pandas.api.types.infer_dtype names them.
_NUMERIC = {"integer", "floating", "mixed-integer-float", "decimal", "boolean"}
_TEXT = {"string", "mixed", "mixed-integer", "empty"}  # never seen in training: every value is unseen


@dataclass(frozen=True)
class NumericBins:
    """``len(edges) + 1`` ranges of values, then the missing ones; ``edges`` are strictly increasing."""

    edges: tuple[float, ...]

    @property
    def size(self) -> int:
        return len(self.edges) + 2

    def count(self, values: Sequence[object] | NDArray[Any]) -> Counts:
        """Return how many of ``values`` (numbers, booleans, None) fall into each bin; shape (size,).

        Raises ValueError or TypeError for anything else.
        """
        numbers = np.asarray(values, dtype=np.float64)
        # A pass for each of the few edges is several times faster than a search for each of the many values.
        up_to = [np.count_nonzero(numbers <= edge) for edge in self.edges]
        missing = np.count_nonzero(np.isnan(numbers))
        return np.diff([0, *up_to, numbers.size - missing, numbers.size])


@dataclass(frozen=True)
class CategoricalBins:
    """One bin per category, then the unseen, then the missing ones."""

    categories: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.categories) + 2

    def count(self, values: Sequence[object] | NDArray[Any]) -> Counts:
        """Return how many of ``values`` (text, None) fall into each bin; shape (size,)."""
        seen = Counter(None if _is_missing(value) else str(value) for value in values)
        missing = seen.pop(None, 0)
        known = [seen.pop(category, 0) for category in self.categories]
        return np.array([*known, sum(seen.values()), missing], dtype=np.int64)


def bins_for(name: str, values: list[object]) -> NumericBins | CategoricalBins:
    """Cut the training ``values`` of the feature ``name`` into bins; None is a missing value.

    Raises UserMistake when they are neither numbers, booleans nor text.
    """
    from pandas.api.types import infer_dtype

    kind = infer_dtype(values, skipna=True)
    if kind in _NUMERIC:
        return NumericBins(_edges(np.asarray(values, dtype=np.float64)))
    if kind in _TEXT:
        return CategoricalBins(_frequent(values))
    raise UserMistake(f"Drift of feature {name!r} cannot be measured on {kind}: make it numbers or text.")


def _frequent(values: list[object]) -> tuple[str, ...]:
    seen = Counter(str(value) for value in values if value is not None)
    ranked = sorted(seen, key=lambda category: (-seen[category], category))
    return tuple(sorted(ranked[:MAX_CATEGORIES]))


def _edges(numbers: Floats) -> tuple[float, ...]:
    finite = numbers[np.isfinite(numbers)]
    distinct = np.unique(finite)
    if distinct.size <= MAX_DISTINCT:
        return _increasing(_around(distinct, distinct))
    # An actual value at each decile: averaging neighbours could overflow, and would blur repeated values.
    cuts, times = np.unique(np.quantile(finite, _DECILES, method="inverted_cdf"), return_counts=True)
    return _increasing(np.concatenate([cuts[times == 1], _around(cuts[times > 1], distinct)]))


def _around(values: Floats, distinct: Floats) -> Floats:
    """Return the edges on both sides of each value: room for a float32 rounding, clear of its neighbours."""
    with np.errstate(over="ignore"):
        gaps = np.diff(distinct, prepend=-np.inf, append=np.inf)
        nearest = np.minimum(gaps[:-1], gaps[1:])[np.isin(distinct, values)]
        margin = np.maximum(np.minimum(np.abs(values) * 1e-6, nearest / 4), np.finfo(np.float64).tiny)
        return np.concatenate([values - margin, values + margin])


def _increasing(edges: Floats) -> tuple[float, ...]:
    limit = np.finfo(np.float64).max
    return tuple(np.unique(np.clip(edges, -limit, limit)).tolist())


def _is_missing(value: object) -> bool:
    return value is None or value != value  # NaN is the one value that differs from itself
