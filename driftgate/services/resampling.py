"""How sure the metrics of a hold-out are: a stratified Bayesian bootstrap over the weights of its rows.

docs/gates.md explains the arithmetic and says how often the intervals hold what they promise. In short: a resample
is a weight for each row, standard exponential and scaled so that the rows of a class weigh as much as they are many
(Rubin 1981). A metric is a function of weights. No hold-out shows the errors that happened not to occur, so the
cautious end of an interval comes from resamples with a little of two more rows for each class: one that the model
gets right, and one that it takes for a typical row of another class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Metric = Callable[[Floats], Floats]  # weights, shape (resamples, rows) → values, shape (resamples,)

RESAMPLES = 1_000
LOSSES = ("brier", "log_loss")  # the metrics of which less is better
_AT_ONCE = 1_000_000  # weights held in memory at a time
_ALONE, _PAIRED = 0.5, 0.25  # how much an added row weighs, of one model and of two beside each other


@dataclass(frozen=True)
class Interval:
    """Where a value lies, at some confidence."""

    low: float
    high: float

    def around(self, value: float) -> Interval:
        """Return the interval, wide enough to hold ``value``."""
        return Interval(min(self.low, value), max(self.high, value))


@dataclass(frozen=True)
class Scored:
    """What a model says of some rows. Classes are numbers from 0, in the order of the model's own.

    ``truth`` and ``predicted`` have the shape (rows,). ``scores``, the probability of each class, has (rows,
    classes), and is None where the model has none.
    """

    truth: Codes
    predicted: Codes
    scores: Floats | None
    classes: int

    def take(self, rows: NDArray[np.intp]) -> Scored:
        """Return the same of these rows, in this order."""
        scores = None if self.scores is None else self.scores[rows]
        return replace(self, truth=self.truth[rows], predicted=self.predicted[rows], scores=scores)


def intervals(scored: Scored, confidences: Mapping[str, float], seed: int) -> dict[str, Interval]:
    """Return the interval of each metric in ``confidences`` that can be computed, the same for the same seed."""
    rows = _with_more(scored)
    order = _by_class_and_score(rows)
    metrics = {name: _metric_of(name, rows.take(order)) for name in confidences}
    known = {name: metric for name, metric in metrics.items() if metric}
    found = _resample(rows.truth[order], order >= len(scored.truth), _ALONE, list(known.values()), seed)
    return {
        name: _interval(cautious, plain, confidences[name], worse_is_low=name not in LOSSES)
        for name, (cautious, plain) in zip(known, found, strict=True)
    }


def drop_interval(name: str, new: Scored, old: Scored, confidence: float, seed: int) -> Interval | None:
    """Return by how much ``new`` is worse than ``old`` on the same rows; None where it cannot be computed."""
    more, less = _with_more(new), _with_more(old, reverse=True)  # where one errs the other does not
    order = _by_class_and_score(more)
    one, other = _metric_of(name, more.take(order)), _metric_of(name, less.take(order))
    if one is None or other is None:
        return None
    sign = -1 if name in LOSSES else 1
    drop: Metric = lambda drawn: sign * (other(drawn) - one(drawn))  # noqa: E731
    [(cautious, plain)] = _resample(more.truth[order], order >= len(new.truth), _PAIRED, [drop], seed)
    return _interval(cautious, plain, confidence, worse_is_low=False)


def value(name: str, scored: Scored) -> float | None:
    """Return a metric of all rows, each of weight one; None where it cannot be computed."""
    metric = _metric_of(name, scored)
    return None if metric is None else float(metric(np.ones((1, len(scored.truth))))[0])


def _interval(cautious: Floats, plain: Floats, confidence: float, *, worse_is_low: bool) -> Interval:
    tail = (1 - confidence) / 2
    low, high = (cautious, plain) if worse_is_low else (plain, cautious)
    return Interval(float(np.quantile(low, tail)), float(np.quantile(high, 1 - tail)))


def _with_more(scored: Scored, *, reverse: bool = False) -> Scored:
    """Return the rows and, for each class that occurs, one more that is right and one that is wrong."""
    added = [
        _added(scored, label, right is not reverse) for label in np.unique(scored.truth) for right in (True, False)
    ]
    truth, predicted, scores = zip(*added, strict=True)
    return replace(
        scored,
        truth=np.append(scored.truth, truth),
        predicted=np.append(scored.predicted, predicted),
        scores=None if scored.scores is None else np.vstack([scored.scores, *scores]),
    )


def _added(scored: Scored, label: int, right: bool) -> tuple[int, int, Any]:
    if right:
        return label, label, np.eye(scored.classes)[label]
    counts = np.bincount(scored.truth, minlength=scored.classes)
    counts[label] = -1
    other = int(np.argmax(counts))  # the most frequent of the others
    return label, other, _typical(scored, other)


def _typical(scored: Scored, label: int) -> Any:
    """Return the scores of the median row of a class; certainty where it does not occur."""
    rows = np.flatnonzero(scored.truth == label)
    if scored.scores is None or not len(rows):
        return np.eye(scored.classes)[label]
    return scored.scores[rows[np.argsort(scored.scores[rows, label], kind="stable")[len(rows) // 2]]]


def _by_class_and_score(scored: Scored) -> NDArray[np.intp]:
    """Return an order of the rows in which most of what metrics look at lies side by side."""
    score = scored.predicted if scored.scores is None else scored.scores[:, -1]
    return np.lexsort((score, scored.truth))


def _resample(
    truth: Codes, added: NDArray[np.bool_], weight: float, metrics: Sequence[Metric], seed: int
) -> list[tuple[Floats, Floats]]:
    """Return each metric of the resamples, with the rows that were ``added`` and without; ``truth`` is sorted."""
    found: list[list[Floats]] = [[] for _ in metrics for _ in range(2)]
    for drawn in _weights(truth, added, weight, seed):
        for step in range(2):
            for place, metric in enumerate(metrics):
                found[2 * place + step].append(metric(drawn))
            drawn[:, added] = 0
            _scale(drawn, truth, added)
    joined = [np.concatenate(parts) for parts in found]
    return list(zip(joined[::2], joined[1::2], strict=True))


def _weights(truth: Codes, added: NDArray[np.bool_], weight: float, seed: int) -> Iterator[Floats]:
    """Return the weights of all resamples, some at a time, shape (some, rows)."""
    rng = np.random.default_rng(seed)
    some = max(1, _AT_ONCE // len(truth))
    for start in range(0, RESAMPLES, some):
        drawn = rng.standard_exponential((min(some, RESAMPLES - start), len(truth)))
        drawn[:, added] = rng.standard_gamma(weight, (len(drawn), np.count_nonzero(added)))
        _scale(drawn, truth, added)
        yield drawn


def _scale(drawn: Floats, truth: Codes, added: NDArray[np.bool_]) -> None:
    """Make the rows of each class weigh as much as they are many."""
    starts = np.flatnonzero(np.diff(truth, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(truth)], strict=True):
        rows = drawn[:, start:end]
        rows *= np.count_nonzero(~added[start:end]) / rows.sum(axis=1, keepdims=True)


def _metric_of(name: str, scored: Scored) -> Metric | None:
    """Return a metric as a function of weights, or None where it cannot be computed for these rows."""
    if name in _BY_CELLS:
        return _of_cells(_BY_CELLS[name], scored)
    if scored.scores is None or name not in _BY_SCORES or (name in _OF_TWO and scored.classes != 2):
        return None
    return _BY_SCORES[name](scored, scored.scores)


def _columns(rows: NDArray[np.intp]) -> Any:
    """Return what selects columns: a slice, which copies nothing, where they lie side by side."""
    side_by_side = len(rows) > 0 and bool(np.all(np.diff(rows) == 1))
    return slice(rows[0], rows[-1] + 1) if side_by_side else rows


def _of_cells(of: Callable[[Floats], Floats], scored: Scored) -> Metric:
    """Return a metric of the confusion matrix, which has the shape (resamples, true classes, predicted classes)."""
    size = scored.classes
    cell = scored.truth * size + scored.predicted
    order = np.argsort(cell, kind="stable")
    present, starts = np.unique(cell[order], return_index=True)
    columns = _columns(order)

    def metric(drawn: Floats) -> Floats:
        cells = np.zeros((len(drawn), size * size))
        cells[:, present] = np.add.reduceat(drawn[:, columns], starts, axis=1)
        return of(cells.reshape(-1, size, size))

    return metric


def _share(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _hits(cells: Floats) -> Floats:
    return np.diagonal(cells, axis1=1, axis2=2)


def _wanted(by_class: Floats) -> Floats:
    """Of two classes, the second is the one looked for; of more, each counts as much."""
    return by_class[:, 1] if by_class.shape[1] == 2 else by_class.mean(axis=1)


def _balanced(cells: Floats) -> Floats:
    rows = cells.sum(axis=2)
    mean: Floats = _share(_hits(cells), rows).sum(axis=1) / (rows > 0).sum(axis=1)
    return mean


_BY_CELLS: dict[str, Callable[[Floats], Floats]] = {
    "accuracy": lambda cells: _hits(cells).sum(axis=1) / cells.sum(axis=(1, 2)),
    "balanced_accuracy": _balanced,
    "f1": lambda cells: _wanted(_share(2 * _hits(cells), cells.sum(axis=1) + cells.sum(axis=2))),
    "precision": lambda cells: _wanted(_share(_hits(cells), cells.sum(axis=1))),
    "recall": lambda cells: _wanted(_share(_hits(cells), cells.sum(axis=2))),
}


def _roc_auc(scored: Scored, scores: Floats) -> Metric | None:
    labels = [1] if scored.classes == 2 else range(scored.classes)
    if any(not 0 < np.count_nonzero(scored.truth == label) < len(scored.truth) for label in labels):
        return None
    each = [_pairs_in_order(scored.truth == label, scores[:, label]) for label in labels]
    return lambda drawn: np.mean([metric(drawn) for metric in each], axis=0)


def _pairs_in_order(positive: NDArray[np.bool_], score: Floats) -> Metric:
    """Return the share of pairs of a positive and another row that are in order; ties count half (Mann, Whitney)."""
    ups, downs = _sorted_rows(positive, score), _sorted_rows(~positive, score)
    below = np.searchsorted(score[downs], score[ups], "left")
    up_to = np.searchsorted(score[downs], score[ups], "right")
    tied = np.flatnonzero(below != up_to)
    high, low = _columns(ups), _columns(downs)

    def metric(drawn: Floats) -> Floats:
        under = np.zeros((len(drawn), len(downs) + 1))
        np.cumsum(drawn[:, low], axis=1, out=under[:, 1:])
        won = under.take(below, axis=1)
        won[:, tied] += (under.take(up_to[tied], axis=1) - won[:, tied]) / 2
        gained: Floats = np.einsum("ij,ij->i", drawn[:, high], won)
        gained /= drawn[:, high].sum(axis=1) * under[:, -1]
        return gained

    return metric


def _sorted_rows(chosen: NDArray[np.bool_], score: Floats) -> NDArray[np.intp]:
    rows = np.flatnonzero(chosen)
    return rows[np.argsort(score[rows], kind="stable")]


def _average_precision(scored: Scored, scores: Floats) -> Metric | None:
    positive = scored.truth == 1
    if not positive.any():
        return None
    order = np.argsort(-scores[:, 1], kind="stable")
    ordered = scores[order, 1]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))  # of each distinct score
    is_hit = positive[order]

    def metric(drawn: Floats) -> Floats:
        rows = drawn.take(order, axis=1)
        found = np.cumsum(rows, axis=1).take(last, axis=1)
        rows *= is_hit
        hits = np.cumsum(rows, axis=1).take(last, axis=1)
        gained: Floats = (np.diff(hits, axis=1, prepend=0) * _share(hits, found)).sum(axis=1)
        gained /= hits[:, -1]
        return gained

    return metric


def _mean_of(losses: Floats) -> Metric:
    return lambda drawn: drawn @ losses / drawn.sum(axis=1)


def _log_loss(scored: Scored, scores: Floats) -> Metric:
    least = np.finfo(scores.dtype).eps  # as scikit-learn does: certainty that proves wrong costs 36, not infinity
    own = scores[np.arange(len(scored.truth)), scored.truth]
    return _mean_of(-np.log(np.clip(own, least, 1 - least)))


def _brier(scored: Scored, scores: Floats) -> Metric:
    return _mean_of((scores[:, 1] - (scored.truth == 1)) ** 2)


_OF_TWO = ("average_precision", "brier")
_BY_SCORES: dict[str, Callable[[Scored, Floats], Metric | None]] = {
    "average_precision": _average_precision,
    "brier": _brier,
    "log_loss": _log_loss,
    "roc_auc": _roc_auc,
}
