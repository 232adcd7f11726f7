"""Labels that came after their predictions, and how good the predictions were."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Engine, select

from driftgate.serving import tables
from driftgate.serving.database import answering
from driftgate.serving.errors import InvalidIdError, InvalidLabelsError, LabelFault
from driftgate.serving.predictionid import POSITIVE, REGRESSION, Ids, Made, label_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Label:
    """What turned out to be true of one prediction."""

    id: str
    label: Any


class FeedbackStore:
    """Keeps one label for each prediction, the one that came last; safe for many threads and processes."""

    def __init__(self, engine: Engine, ids: Ids) -> None:
        self._engine, self._ids = engine, ids

    def add(self, labels: Sequence[Label], classes: Mapping[str, Sequence[str]], oldest: float) -> int:
        """Store ``labels``, all or none; committed on return. Returns how many predictions they are of.

        ``classes`` are the known ones by version; ``oldest`` is when the first prediction was made that is not
        forgotten yet. Raises InvalidLabelsError naming each wrong one, or StoreError.
        """
        entries: dict[str, dict[str, Any]] = {}
        faults: list[LabelFault] = []
        for place, given in enumerate(labels):
            try:
                entries[given.id] = self._entry(given, classes, oldest)
            except ValueError as error:
                faults.append(LabelFault(place, given.id[:100], str(error)))
        if faults:
            raise InvalidLabelsError(faults)
        with answering(), self._engine.begin() as connection:  # in one order, as the counts are
            connection.execute(
                tables.replace(self._engine.dialect.name, tables.feedback), [entries[key] for key in sorted(entries)]
            )
        return len(entries)

    def performance(self, model: str, version: str, since: int) -> tuple[int, dict[str, float]]:
        """Return the number of labels of predictions since then, and the metrics they give. Raises StoreError."""
        c = tables.feedback.c
        query = select(c.kind, c.correct, c.predicted, c.actual, c.score, c.value).where(
            c.model_name == model, c.model_version == version, c["at"] >= since
        )
        with answering(), self._engine.connect() as connection:
            found = connection.execute(query).all()
        return len(found), _metrics(found) if found else {}

    def _entry(self, given: Label, classes: Mapping[str, Sequence[str]], oldest: float) -> dict[str, Any]:
        try:
            made = self._ids.read(given.id)
        except InvalidIdError:
            raise ValueError("is no id of a prediction of this model") from None
        if made.at < oldest:
            raise ValueError("is older than DRIFTGATE_KEEP: it would be forgotten at once")
        actual, value = _actual(made, given.label, classes.get(str(made.version)))
        return {
            "prediction": given.id,
            "model_name": self._ids.model,
            "model_version": str(made.version),
            "at": made.at,
            "kind": made.kind,
            "correct": actual == made.label,
            "predicted": made.label,
            "actual": actual,
            "score": made.score if math.isfinite(made.score) else None,
            "value": value,
        }


def _actual(made: Made, label: Any, classes: Sequence[str] | None) -> tuple[str, float | None]:
    if made.kind == REGRESSION:
        if isinstance(label, bool) or not isinstance(label, int | float) or not abs(label) <= sys.float_info.max:
            raise ValueError("has a label that is not a finite number")
        return "", float(label)
    if isinstance(label, dict | list) or label is None:
        raise ValueError("has a label that is not a class")
    text = label_text(label)
    if classes is not None and text not in classes:
        raise ValueError(f"has a label that is no class of the model: {', '.join(classes[:10])}")
    return text, None


def _metrics(found: Sequence[Any]) -> dict[str, float]:
    kind, correct, predicted, actual, score, value = (np.array(column) for column in zip(*found, strict=True))
    if kind[0] == REGRESSION:
        errors = score.astype(float) - value.astype(float)
        return {"mae": float(np.abs(errors).mean()), "rmse": float(np.sqrt((errors**2).mean()))}
    accuracy = {"accuracy": float(correct.mean())}
    if kind.min() < POSITIVE - 1:
        return {**accuracy, **_of_many(predicted, actual)}
    positive = kind == POSITIVE
    actually = np.where(correct, positive, ~positive)
    shares = {} if None in score else _of_shares(actually, score.astype(float))
    return {**accuracy, **_of_two(positive, actually), **shares}


def _of_many(predicted: Any, actual: Any) -> dict[str, float]:
    from sklearn.metrics import f1_score

    return {"f1_macro": float(f1_score(actual, predicted, average="macro", zero_division=0.0))}


def _of_two(predicted: Any, actual: Any) -> dict[str, float]:
    from sklearn.metrics import precision_recall_fscore_support

    found = precision_recall_fscore_support(actual, predicted, average="binary", zero_division=0.0)
    return {name: float(number) for name, number in zip(("precision", "recall", "f1"), found, strict=False)}


def _of_shares(actual: Any, score: Any) -> dict[str, float]:
    from sklearn import metrics

    found = {
        "brier": ((score - actual) ** 2).mean(),
        "log_loss": metrics.log_loss(actual, score, labels=[False, True]),
    }
    if actual.min() != actual.max():  # of one class alone there is nothing to rank
        found["roc_auc"] = metrics.roc_auc_score(actual, score)
    return {name: float(number) for name, number in found.items()}
