"""Between rows, bin counts and drift; knows neither HTTP nor the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from driftgate.bins import Counts
    from driftgate.reference import Reference

BinCounts = dict[tuple[str, int], int]
"""(feature, bin) → rows; bins without rows are left out."""


@dataclass(frozen=True)
class Drift:
    """``psi`` is the largest over ``features``; None when there are no samples."""

    samples: int = 0
    psi: float | None = None
    features: dict[str, float] = field(default_factory=dict)


def count(reference: Reference, rows: Sequence[Mapping[str, object]]) -> BinCounts:
    """Return how many of ``rows`` fall into each bin of each feature."""
    return dict(_filled(reference.count(rows)))


def drift(reference: Reference, sums: BinCounts) -> Drift:
    """Return how far the rows that ``sums`` counts have moved away from ``reference``."""
    counts = {feature.name: _dense(feature.name, feature.bins.size, sums) for feature in reference.features}
    samples = max(int(bins.sum()) for bins in counts.values())
    if samples == 0:
        return Drift()
    measured = reference.drift(counts)
    return Drift(samples, measured.psi, measured.features)


def _filled(counts: Mapping[str, Counts]) -> Iterator[tuple[tuple[str, int], int]]:
    for feature, bins in counts.items():
        for place in np.flatnonzero(bins).tolist():
            yield (feature, place), int(bins[place])


def _dense(feature: str, size: int, sums: BinCounts) -> Counts:
    return np.array([sums.get((feature, place), 0) for place in range(size)], dtype=np.int64)
