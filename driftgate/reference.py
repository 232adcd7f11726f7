"""The distribution a model was trained on, and how far production data has moved away from it.

Every feature is cut into bins once, at training time; production rows are then only counted into those
bins, so measuring drift needs no raw data.

Numeric features. The interior edges are the nine deciles of the training data, and a bin holds the values
``edge[i-1] < value <= edge[i]``; values outside the training range fall into the two end bins. A value that
several deciles share (zeros in a zero-inflated feature) gets a narrow bin of its own. A feature with at most
``MAX_DISTINCT`` distinct values gets such a bin for each of them: the gaps between them are bins too, empty
in training, so that a code never seen before shows as drift instead of being taken for its neighbour.

Categorical features. One bin for each of the ``MAX_CATEGORIES`` most frequent categories, and one "unseen"
bin for everything else.

The last bin of every feature holds the missing values (None and NaN).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from driftgate.bins import CategoricalBins, Counts, Floats, NumericBins, bins_for
from driftgate.errors import UserMistake

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

FORMAT_VERSION = 1
FLOOR = 1e-4


@dataclass(frozen=True)
class Feature:
    """The bins of one feature and the share of the training rows in each; the shares sum to 1."""

    name: str
    bins: NumericBins | CategoricalBins
    proportions: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        if isinstance(self.bins, NumericBins):
            kind: dict[str, Any] = {"kind": "numeric", "edges": list(self.bins.edges)}
        else:
            kind = {"kind": "categorical", "categories": list(self.bins.categories)}
        return {"name": self.name, **kind, "proportions": list(self.proportions)}


@dataclass(frozen=True)
class Drift:
    """The PSI of each feature; ``psi`` is the largest of them."""

    features: dict[str, float]

    @property
    def psi(self) -> float:
        return max(self.features.values())


@dataclass(frozen=True)
class Reference:
    """The distribution of ``rows`` training rows, feature by feature."""

    rows: int
    features: tuple[Feature, ...]

    @classmethod
    def from_frame(cls, df: pd.DataFrame) -> Reference:
        """Measure the training data: a DataFrame with one column per feature, and without the target.

        Raises UserMistake when it is empty, or a column holds neither numbers, booleans nor text.
        """
        if df.empty:
            raise UserMistake("The training data has no rows or no features: drift needs both to compare with.")
        return cls(len(df), tuple(_measure(str(name), column) for name, column in df.items()))

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Reference:
        """Read what ``to_json`` wrote; raises UserMistake when it is something else."""
        version = document.get("format_version") if isinstance(document, Mapping) else None
        if version != FORMAT_VERSION:
            raise UserMistake(
                f"The drift reference has format version {version!r}, this Driftgate reads {FORMAT_VERSION}: "
                "train the model again."
            )
        try:
            return cls(int(document["rows"]), tuple(_read_feature(entry) for entry in document["features"]))
        except (KeyError, TypeError, ValueError) as error:
            raise UserMistake(f"The drift reference is damaged ({error!r}): train again.") from error

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts, lists, numbers and strings."""
        features = [feature.to_json() for feature in self.features]
        return {"format_version": FORMAT_VERSION, "rows": self.rows, "features": features}

    def count(self, rows: Sequence[Mapping[str, object]]) -> dict[str, Counts]:
        """Return for each feature how many of ``rows`` fall into each of its bins; an absent key is missing.

        Raises ValueError or TypeError when a numeric feature holds something else than a number.
        """
        return self.count_columns({f.name: [row.get(f.name) for row in rows] for f in self.features})

    def count_columns(self, columns: Mapping[str, Sequence[object] | NDArray[Any]]) -> dict[str, Counts]:
        """Do the same with the values of whole columns; arrays of float64 are not copied."""
        return {f.name: f.bins.count(columns[f.name]) for f in self.features}

    def drift(self, counts: Mapping[str, Sequence[int] | Counts]) -> Drift:
        """Compare ``counts``, as ``count`` returns them (or sums of such), with the training data.

        Raises ValueError when nothing was counted.
        """
        return Drift({f.name: psi(f.proportions, counts[f.name]) for f in self.features})


def psi(expected: Sequence[float], observed: Sequence[int] | Counts) -> float:
    """Return the Population Stability Index Σ (q−p)·ln(q/p) of one feature.

    ``expected`` are proportions p per bin, ``observed`` are counts per bin, from which q follows. A bin that
    is empty on one side counts there with the proportion ``FLOOR``, so that the index stays finite; a bin
    that is empty on both sides adds nothing. Raises ValueError when nothing was observed.
    """
    p, q = np.asarray(expected, dtype=np.float64), np.asarray(observed, dtype=np.float64)
    if p.shape != q.shape or not q.sum() > 0:
        raise ValueError(f"cannot compare {q.sum():.0f} observations in {q.size} bins with {p.size} bins")
    return float(psi_by_feature(p, np.zeros(1, dtype=np.intp), q[np.newaxis])[0, 0])


def psi_by_feature(expected: Floats, starts: NDArray[np.intp], observed: Counts | Floats) -> Floats:
    """Return the PSI, as ``psi`` defines it, of every feature in every row of ``observed`` at once.

    ``expected`` has shape (bins,), the bins of all features behind one another, each feature's from ``starts`` on;
    ``observed`` has shape (n, bins), the answer (n, features). A feature without observations has PSI 0.
    """
    sizes = np.diff([*starts, expected.size])
    totals = np.add.reduceat(observed, starts, axis=1).astype(np.float64)
    with np.errstate(invalid="ignore"):
        q = observed / np.repeat(totals, sizes, axis=1)
    used = ((expected > 0) | (q > 0)) & (q == q)
    p, q = np.where(expected > 0, expected, FLOOR), np.where(q > 0, q, FLOOR)
    return np.asarray(np.add.reduceat(np.where(used, (q - p) * np.log(q / p), 0.0), starts, axis=1))


def _measure(name: str, column: pd.Series[Any]) -> Feature:
    values = column.astype(object).where(column.notna(), None).tolist()
    bins = bins_for(name, values)
    return Feature(name, bins, tuple((bins.count(values) / len(values)).tolist()))


def _read_feature(entry: Mapping[str, Any]) -> Feature:
    proportions = tuple(float(share) for share in entry["proportions"])
    bins = _read_bins(entry)
    if len(proportions) != bins.size:
        raise ValueError(f"{entry['name']!r} has {bins.size} bins, but {len(proportions)} proportions")
    return Feature(str(entry["name"]), bins, proportions)


def _read_bins(entry: Mapping[str, Any]) -> NumericBins | CategoricalBins:
    if entry["kind"] == "numeric":
        return NumericBins(tuple(float(edge) for edge in entry["edges"]))
    return CategoricalBins(tuple(str(category) for category in entry["categories"]))
