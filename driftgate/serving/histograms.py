"""Between rows, bin counts and drift; knows neither HTTP nor the database.

The counts of all features of one model stand behind one another in one vector, so that hours and replicas are added
up as vectors.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from driftgate.bins import NumericBins
from driftgate.reference import psi_by_feature

if TYPE_CHECKING:
    from driftgate.bins import Counts, Floats
    from driftgate.reference import Feature, Reference
    from driftgate.serving.inputs import Inputs

_COMPARED_AT_ONCE = 4_000_000  # values with edges, so that many rows of many features take no more memory


@dataclass(frozen=True)
class Drift:
    """``psi`` is the largest over ``features``; None when there are no samples."""

    samples: int = 0
    psi: float | None = None
    features: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Histograms:
    """The bins of ``reference`` as one vector; ``numeric`` are the columns of ``Inputs.numbers``."""

    reference: Reference
    numeric: tuple[str, ...]

    @cached_property
    def layout(self) -> str:
        """Tells vectors of other bins apart, such as those of another training under the same version number."""
        text = json.dumps(self.reference.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def size(self) -> int:
        return int(self._starts[-1])

    def count(self, inputs: Inputs) -> Counts:
        """Return how many of the rows fall into each bin of each feature; shape (size,)."""
        counts = np.zeros(self.size, dtype=np.int64)
        many = max(1, _COMPARED_AT_ONCE // max(1, self._edges.size))
        for begin in range(0, len(inputs.numbers), many):
            counts += self._numeric_counts(inputs.numbers[begin : begin + many])
        for start, feature in self._others:
            values = [row.get(feature.name) for row in inputs.rows]
            counts[start : start + feature.bins.size] = feature.bins.count(values)
        return counts

    def drift(self, samples: int, counts: Counts) -> Drift:
        """Return how far ``samples`` rows, counted in ``counts``, have moved away from the reference."""
        return self.series([samples], counts[np.newaxis])[0]

    def series(self, samples: list[int], counts: Counts) -> list[Drift]:
        """Return the drift of each of several counts, of shape (n, size)."""
        names = [feature.name for feature in self.reference.features]
        measured = psi_by_feature(self._expected, self._starts[:-1], counts)
        return [
            Drift(rows, float(row.max()), dict(zip(names, row.tolist(), strict=True))) if rows else Drift()
            for rows, row in zip(samples, measured, strict=True)
        ]

    def _numeric_counts(self, numbers: Floats) -> Counts:
        values = numbers[:, self._columns]
        places = (values[:, :, np.newaxis] > self._edges).sum(axis=2)  # the edges below: the number of the range
        places = np.where(np.isnan(values), self._missing, places)
        return np.bincount((places + self._numeric_starts).reshape(-1), minlength=self.size)

    @cached_property
    def _starts(self) -> NDArray[np.intp]:
        return np.cumsum([0, *(feature.bins.size for feature in self.reference.features)])

    @cached_property
    def _expected(self) -> Floats:
        return np.concatenate([np.asarray(feature.proportions) for feature in self.reference.features])

    @cached_property
    def _compared(self) -> list[tuple[int, Feature]]:
        """The features whose values are numbers and lie in ranges, each with the start of its bins."""
        return [pair for pair in self._all if self._is_compared(pair[1])]

    @cached_property
    def _others(self) -> list[tuple[int, Feature]]:
        return [pair for pair in self._all if not self._is_compared(pair[1])]

    @cached_property
    def _all(self) -> list[tuple[int, Feature]]:
        return list(zip(self._starts[:-1].tolist(), self.reference.features, strict=True))

    def _is_compared(self, feature: Feature) -> bool:
        return isinstance(feature.bins, NumericBins) and feature.name in self.numeric

    @cached_property
    def _columns(self) -> NDArray[np.intp]:
        return np.array([self.numeric.index(feature.name) for _, feature in self._compared], dtype=np.intp)

    @cached_property
    def _numeric_starts(self) -> NDArray[np.intp]:
        return np.array([start for start, _ in self._compared], dtype=np.intp)

    @cached_property
    def _missing(self) -> NDArray[np.intp]:
        return np.array([feature.bins.size - 1 for _, feature in self._compared], dtype=np.intp)

    @cached_property
    def _edges(self) -> Floats:
        """Shape (features, most edges); no value lies above the infinities that fill the shorter ones."""
        edges = [getattr(feature.bins, "edges", ()) for _, feature in self._compared]
        table = np.full((len(edges), max(map(len, edges), default=0)), np.inf)
        for row, own in zip(table, edges, strict=True):
            row[: len(own)] = own
        return table
