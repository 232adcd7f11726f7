"""What a model says of rows, and how well: every metric by its name."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from driftgate.services.resampling import Scored

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Answers:
    """What a model says of some rows: a label for each, and the probability of each class where it tells any."""

    classes: list[Any]
    predicted: Any
    probabilities: Any


def ask(model: Any, features: pd.DataFrame) -> Answers:
    """Return what ``model`` says of the rows."""
    return Answers(
        list(getattr(model, "classes_", ())),
        model.predict(features),
        model.predict_proba(features) if hasattr(model, "predict_proba") else None,
    )


def score(answers: Answers, labels: pd.Series) -> dict[str, float]:
    """Return every metric that can be computed for these rows; the others are left out.

    With two classes, the second of the model's own (``classes_[1]``) is the one that is looked for.
    """
    values: dict[str, float] = {}
    for name, metric in _metrics(answers.classes).items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a metric that comes out as NaN
                values[name] = float(metric(labels, answers.predicted, answers.probabilities))
        except (TypeError, ValueError, IndexError):
            continue  # fails closed: a gate on a metric that is not there does not pass
    return {name: value for name, value in values.items() if math.isfinite(value)}


def coded(answers: Answers, labels: pd.Series) -> Scored | None:
    """Return the same for resampling; None where rows are of classes that the model does not know, or it says NaN."""
    codes = {label: code for code, label in enumerate(answers.classes)}
    truth, predicted = ([codes.get(label) for label in column] for column in (labels, answers.predicted))
    scores = None if answers.probabilities is None else np.asarray(answers.probabilities, dtype=float)
    finite = scores is None or bool(np.isfinite(scores).all())
    if len(codes) < 2 or not finite or None in truth or None in predicted:
        return None
    return Scored(np.array(truth, dtype=int), np.array(predicted, dtype=int), scores, len(codes))


Metric = Callable[["pd.Series", Any, Any], float]


def _metrics(classes: list[Any]) -> dict[str, Metric]:
    """Metrics by name; with more than two classes, per class and averaged with equal weight."""
    from sklearn import metrics as m

    if len(classes) < 2:
        return {}
    if len(classes) > 2:
        per_class: dict[str, Any] = {"average": "macro", "labels": classes, "zero_division": 0}
        ranked: dict[str, Metric] = {
            "roc_auc": lambda y, _, p: m.roc_auc_score(y, p, multi_class="ovr", labels=classes),
        }
    else:
        wanted = classes[1]
        per_class = {"average": "binary", "pos_label": wanted, "zero_division": 0}
        ranked = {
            "roc_auc": lambda y, _, p: m.roc_auc_score(y == wanted, p[:, 1]),
            "average_precision": lambda y, _, p: m.average_precision_score(y == wanted, p[:, 1]),
            "brier": lambda y, _, p: m.brier_score_loss(y == wanted, p[:, 1]),
        }
    return {
        **ranked,
        "log_loss": lambda y, _, p: m.log_loss(y, p, labels=classes),
        "accuracy": lambda y, q, _: m.accuracy_score(y, q),
        "balanced_accuracy": lambda y, q, _: m.balanced_accuracy_score(y, q),
        "f1": lambda y, q, _: m.f1_score(y, q, **per_class),
        "precision": lambda y, q, _: m.precision_score(y, q, **per_class),
        "recall": lambda y, q, _: m.recall_score(y, q, **per_class),
    }
