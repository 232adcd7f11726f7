"""Forests of decision trees, asked without scikit-learn's cost per tree and call.

For one row, scikit-learn spends some hundred times more on checks and on handing trees to threads than on the trees.
The same nodes are compared here in the same precision (features as float32, thresholds as float64) and added up in
the same order, so the answers are equal; they are compared with scikit-learn's before they are used all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from driftgate.bins import Floats
    from driftgate.serving.inputs import Inputs

FEW_ROWS = 30
"""Up to so many rows, all trees are walked at once; beyond, scikit-learn's own walk of one tree after another wins."""

TOLERANCE = 1e-5


@dataclass(frozen=True)
class Nodes:
    """The nodes of all trees in one table; a leaf leads to itself."""

    roots: NDArray[np.intp]
    features: NDArray[np.intp]
    thresholds: Floats
    children: NDArray[np.intp]  # of node i: left at 2·i, right at 2·i + 1
    values: Floats  # shape (nodes, outputs)
    depth: int

    @classmethod
    def of(cls, trees: list[Any]) -> Nodes:
        """Put scikit-learn's ``tree_`` objects behind one another."""
        starts = np.cumsum([0, *(tree.node_count for tree in trees)])
        own = np.arange(starts[-1])
        shift = np.repeat(starts[:-1], np.diff(starts))
        left, right = (np.concatenate([getattr(t, f"children_{side}") for t in trees]) for side in ("left", "right"))
        leaf = left < 0
        children = np.stack([np.where(leaf, own, left + shift), np.where(leaf, own, right + shift)], axis=1)
        return cls(
            roots=starts[:-1].astype(np.intp),
            features=np.where(leaf, 0, np.concatenate([t.feature for t in trees])).astype(np.intp),
            thresholds=np.concatenate([t.threshold for t in trees]),
            children=children.reshape(-1).astype(np.intp),
            values=np.concatenate([t.value[:, 0, :] for t in trees]),
            depth=max(int(t.max_depth) for t in trees),
        )

    def sums(self, features: NDArray[np.float32]) -> Floats:
        """Return the sums of all trees' answers, of shape (rows, outputs), for ``features`` without NaN."""
        rows, width = features.shape
        flat = features.reshape(-1)
        node = np.tile(self.roots[:, np.newaxis], rows)
        start = np.arange(rows) * width
        for _ in range(self.depth):
            value = flat[self.features[node] + start]
            node = self.children[2 * node + (value > self.thresholds[node])]
        return np.asarray(self.values[node].sum(axis=0))


@dataclass(frozen=True)
class Forest:
    """Answers as ``predict_proba`` of a classifier or ``predict`` of a regressor does."""

    preparation: Any  # the steps of a pipeline before the forest, or None
    trees: list[Any]
    nodes: Nodes

    @classmethod
    def of(cls, estimator: Any) -> Forest | None:
        """Return the forest in ``estimator``, the last step if that is a pipeline; None when it is something else."""
        from sklearn.pipeline import Pipeline

        whole = isinstance(estimator, Pipeline)
        last = estimator.steps[-1][1] if whole else estimator
        trees = _trees(last)
        if not trees:
            return None
        return cls(estimator[:-1] if whole and len(estimator) > 1 else None, trees, Nodes.of(trees))

    def answer(self, inputs: Inputs) -> Floats | None:
        """Return shape (rows, classes), or (rows, 1) of a regressor; None for values only scikit-learn can judge."""
        features = self._prepared(inputs)
        with np.errstate(over="ignore"):
            features = np.ascontiguousarray(features, dtype=np.float32)
        if not np.isfinite(features).all():
            return None
        sums = self.nodes.sums(features) if len(features) <= FEW_ROWS else _one_by_one(self.trees, features)
        return sums / len(self.trees)

    def agrees(self, inputs: Inputs, expected: Floats) -> bool:
        """Tell whether the answers on ``inputs``, by either walk, are those that scikit-learn gave."""
        answers = self.answer(inputs)
        if answers is None:
            return False
        features = np.ascontiguousarray(self._prepared(inputs), dtype=np.float32)
        walked = self.nodes.sums(features) / len(self.trees)
        expected = expected.reshape(len(features), -1)
        scale = max(1.0, float(np.abs(expected).max()))
        return all(
            found.shape == expected.shape and bool(np.abs(found - expected).max() <= TOLERANCE * scale)
            for found in (answers, walked)
        )

    def _prepared(self, inputs: Inputs) -> Any:
        if self.preparation is None:
            return inputs.numbers
        prepared = self.preparation.transform(inputs.frame)
        return prepared.toarray() if hasattr(prepared, "toarray") else np.asarray(prepared)


def _one_by_one(trees: list[Any], features: NDArray[np.float32]) -> Floats:
    sums: Floats = trees[0].predict(features).reshape(len(features), -1)
    for tree in trees[1:]:
        sums += tree.predict(features).reshape(sums.shape)
    return sums


def _trees(estimator: Any) -> list[Any]:
    """The compiled trees whose mean the estimator answers with; none when it does otherwise."""
    from sklearn import ensemble, tree

    if type(estimator) in (tree.DecisionTreeClassifier, tree.DecisionTreeRegressor):
        members = [estimator]
    elif type(estimator) in (
        ensemble.RandomForestClassifier,
        ensemble.RandomForestRegressor,
        ensemble.ExtraTreesClassifier,
        ensemble.ExtraTreesRegressor,
    ):
        members = list(estimator.estimators_)
    else:
        return []
    return [member.tree_ for member in members] if estimator.n_outputs_ == 1 else []
