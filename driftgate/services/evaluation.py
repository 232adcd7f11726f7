"""Judge a trained model on the rows it has not seen, against the gates of its pipeline."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftgate.errors import UserMistake
from driftgate.services import data, modelfile, registry
from driftgate.services.holdout import split

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "above": (operator.gt, "above"),
    "at_least": (operator.ge, "at least"),
    "below": (operator.lt, "below"),
    "at_most": (operator.le, "at most"),
}


@dataclass(frozen=True)
class Verdict:
    """What one gate says: the metric's value (None: not computable) against its bound."""

    metric: str
    comparison: str
    bound: float
    value: float | None

    @property
    def passed(self) -> bool:
        """Gates fail closed: a value that is missing or not finite passes nothing."""
        if self.value is None or not math.isfinite(self.value):
            return False
        return COMPARISONS[self.comparison][0](self.value, self.bound)

    def __str__(self) -> str:
        value = "not computable" if self.value is None else f"{self.value:.6g}"
        return f"{self.metric} {value}, must be {COMPARISONS[self.comparison][1]} {self.bound:g}"


def judge(metrics: Mapping[str, float], gates: Mapping[str, Mapping[str, float]]) -> list[Verdict]:
    """Hold every gate against the metrics, in the order of the gates."""
    return [
        Verdict(metric, comparison, bound, metrics.get(metric))
        for metric, gate in gates.items()
        for comparison, bound in gate.items()
    ]


@dataclass(frozen=True)
class Evaluation:
    """The hold-out metrics of one model version and the verdicts of its gates."""

    version: str
    metrics: Mapping[str, float]
    verdicts: tuple[Verdict, ...]

    @property
    def failed(self) -> list[Verdict]:
        """The gates that were not passed."""
        return [verdict for verdict in self.verdicts if not verdict.passed]


def evaluate(
    tracking_uri: str,
    trained: Mapping[str, Any],
    uri: str,
    gates: Mapping[str, Mapping[str, float]],
) -> Evaluation:
    """Score a version on its hold-out, log metrics and verdicts to MLflow, and return them.

    ``trained`` is what training returned; its target and split count, whatever the pipeline says by now. Raises
    UserMistake when the data at ``uri`` is no longer what the model was trained on: the rows held out then
    cannot be told from those it has seen.
    """
    client = registry.connect(tracking_uri)
    table = data.read_table(uri)
    _require_same_data(data.digest(table), trained)
    parts = split(table, trained["target"], trained["test_size"])
    with registry.explained():
        metrics = score(modelfile.load(trained["model"], trained["version"]), parts.held_x, parts.held_y)
        result = Evaluation(trained["version"], metrics, tuple(judge(metrics, gates)))
        for name, value in metrics.items():
            client.log_metric(trained["run_id"], name, value)
        _tag(client, trained, result)
    return result


def _require_same_data(digest: str, trained: Mapping[str, Any]) -> None:
    if digest != trained["digest"]:
        raise UserMistake(
            f"the data changed after training (digest {trained['digest']} then, {digest} now), so its hold-out "
            "is lost; clear train_model to train on the data as it is"
        )


def _tag(client: Any, trained: Mapping[str, Any], result: Evaluation) -> None:
    outcome = "failed" if result.failed else "passed"
    client.set_model_version_tag(trained["model"], trained["version"], "driftgate.gates", outcome)
    for verdict in result.verdicts:
        client.set_model_version_tag(
            trained["model"], trained["version"], f"driftgate.gate.{verdict.metric}.{verdict.comparison}", str(verdict)
        )


def score(model: Any, features: pd.DataFrame, labels: pd.Series) -> dict[str, float]:
    """Return every metric that can be computed for this model on these rows; the others are left out.

    With two classes, the second of the model's own (``classes_[1]``) is the one that is looked for.
    """
    predicted = model.predict(features)
    probabilities = model.predict_proba(features) if hasattr(model, "predict_proba") else None
    values: dict[str, float] = {}
    for name, metric in _metrics(list(getattr(model, "classes_", ()))).items():
        try:
            values[name] = float(metric(labels, predicted, probabilities))
        except (TypeError, ValueError, IndexError):
            continue  # fails closed: a gate on a metric that is not there does not pass
    return {name: value for name, value in values.items() if math.isfinite(value)}


Metric = Callable[["pd.Series", "np.ndarray[Any, Any]", Any], float]


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
