"""A model in service: what it answers, and whose distribution its traffic is compared with."""

from __future__ import annotations

import logging
import math
import random
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from driftgate.bins import NumericBins
from driftgate.serving import predictionid
from driftgate.serving.errors import Fault, InvalidInputError
from driftgate.serving.forest import Forest
from driftgate.serving.histograms import Histograms
from driftgate.serving.inputs import Column, Signature
from driftgate.serving.predictionid import Made, label_text
from driftgate.serving.tally import Series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from driftgate.bins import Floats
    from driftgate.reference import Feature, Reference
    from driftgate.serving.inputs import Inputs

SAMPLE_ROWS = 64  # more than Forest walks at once, so that both ways are compared

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelVersion:
    """A version in MLflow's registry, and the run that made it; ``digest`` is of its file, "" when nobody noted it."""

    name: str
    version: str
    run_id: str
    digest: str = ""

    def __str__(self) -> str:
        return f"version {self.version} of {self.name!r}"


@dataclass(frozen=True)
class Prediction:
    """``label`` is the class, or the value of a regressor; ``probabilities`` are by class, None without."""

    label: Any
    probabilities: dict[str, float] | None


@dataclass(frozen=True)
class ServedModel:
    """A version, loaded; ``direct`` answers in the place of ``estimator``, only faster."""

    version: ModelVersion
    estimator: Any
    columns: tuple[Column, ...]
    reference: Reference
    direct: Forest | None = None

    @cached_property
    def signature(self) -> Signature:
        return Signature(self.columns)

    @cached_property
    def histograms(self) -> Histograms:
        return Histograms(self.reference, self.signature.numeric)

    @cached_property
    def series(self) -> Series:
        return Series(self.version.name, self.version.version, self.histograms.layout)

    @cached_property
    def classes(self) -> tuple[str, ...] | None:
        """The classes as ids write them; None of a regressor."""
        classes = getattr(self.estimator, "classes_", None)
        return None if classes is None else tuple(label_text(label) for label in classes.tolist())

    def predict(self, rows: Sequence[Mapping[str, object]]) -> list[Prediction]:
        """Return one prediction per row; raises InvalidInputError when a row does not fit the signature."""
        return self.answer(self.signature.read(rows))

    def answer(self, inputs: Inputs) -> list[Prediction]:
        """Return one prediction per row; raises InvalidInputError when the model refuses a value."""
        answers = self.direct.answer(inputs) if self.direct else None
        if answers is not None:
            return self._from_forest(answers)
        try:
            return self._ask(inputs.frame)
        except ValueError as error:
            # Whether missing or extreme values are understood is known by the estimator alone.
            if inputs.frame.isna().any(axis=None):
                raise InvalidInputError([_first_missing(inputs.frame, str(error))]) from error
            if (extreme := _most_extreme(inputs.frame)) is not None:
                raise InvalidInputError([extreme]) from error
            raise

    def tried(self) -> ServedModel:
        """Return the model after a prediction on typical rows, so that one that cannot predict is never served.

        It is asked directly from then on if those answers are the same.
        """
        self.predict([{column.name: _typical(column, self._features.get(column.name)) for column in self.columns}])
        direct = Forest.of(self.estimator)
        if direct is None:
            return self
        sample = self.signature.read(self._sample())
        ask = getattr(self.estimator, "predict_proba", self.estimator.predict)
        if not direct.agrees(sample, np.asarray(ask(sample.frame))):
            log.warning("%s is asked through scikit-learn: asked directly, it answers otherwise.", self.version)
            return self
        return replace(self, direct=direct)

    def told(self, predictions: Sequence[Prediction], at: int) -> list[Made]:
        """Return what the ids of ``predictions`` carry."""
        version = int(self.version.version)
        return [Made(kind, version, at, score, label) for kind, score, label in map(self._told, predictions)]

    def _told(self, made: Prediction) -> tuple[int, float, str]:
        if self.classes is None:
            single = isinstance(made.label, int | float)
            return (predictionid.REGRESSION, float(made.label), "") if single else (predictionid.CLASS, math.nan, "")
        text = label_text(made.label)
        if len(self.classes) != 2:
            return predictionid.CLASS, math.nan, text
        positive = text == self.classes[1]
        score = [*made.probabilities.values()][1] if made.probabilities else math.nan
        return predictionid.POSITIVE if positive else predictionid.NEGATIVE, score, text

    @cached_property
    def _features(self) -> dict[str, Feature]:
        return {feature.name: feature for feature in self.reference.features}

    @cached_property
    def _class_names(self) -> list[str]:
        return [str(name) for name in self.estimator.classes_.tolist()]

    def _from_forest(self, answers: Floats) -> list[Prediction]:
        if self.classes is None:
            return [Prediction(value, None) for value in answers[:, 0].tolist()]
        return self._of_shares(answers, self.estimator.classes_[answers.argmax(axis=1)])

    def _ask(self, frame: pd.DataFrame) -> list[Prediction]:
        if not hasattr(self.estimator, "predict_proba"):
            return [Prediction(label, None) for label in self.estimator.predict(frame).tolist()]
        shares = self.estimator.predict_proba(frame)
        classes = self.estimator.classes_
        labels = classes[shares.argmax(axis=1)] if _is_forest(self.estimator) else self.estimator.predict(frame)
        return self._of_shares(shares, labels)

    def _of_shares(self, shares: Floats, labels: Any) -> list[Prediction]:
        return [
            Prediction(label, dict(zip(self._class_names, row, strict=True)))
            for label, row in zip(labels.tolist(), shares.tolist(), strict=True)
        ]

    def _sample(self) -> list[dict[str, object]]:
        """Rows like those of the training, the same at every load."""
        chance = random.Random(0)  # noqa: S311 - no secret
        return [
            {column.name: _some(column, self._features.get(column.name), chance) for column in self.columns}
            for _ in range(SAMPLE_ROWS)
        ]


def _is_forest(estimator: Any) -> bool:
    """Say whether the label is the most probable class by definition; asking a forest twice costs twice."""
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

    return isinstance(estimator, ExtraTreesClassifier | RandomForestClassifier)


def _first_missing(frame: pd.DataFrame, reason: str) -> Fault:
    row, column = frame.isna().to_numpy().nonzero()
    message = f"is null, and the model refused that: {reason.splitlines()[0].rstrip('.')}"
    return Fault(int(row[0]), str(frame.columns[column[0]]), message)


def _most_extreme(frame: pd.DataFrame) -> Fault | None:
    """The largest number, if it is beyond what trees can compare (they work in single precision)."""
    sizes = frame.select_dtypes("number").abs().astype("float64")
    if sizes.size == 0 or sizes.to_numpy().max() <= np.finfo(np.float32).max:
        return None
    row, column = divmod(int(np.argmax(sizes.to_numpy())), sizes.shape[1])
    return Fault(row, str(sizes.columns[column]), "is too large for the model")


def _typical(column: Column, feature: Feature | None) -> object:
    known = _known(column, feature)
    return known[len(known) // 2] if column.kind in _NUMBERS else known[0]


def _some(column: Column, feature: Feature | None, chance: random.Random) -> object:
    known = _known(column, feature)
    if column.kind not in ("float", "double"):
        return chance.choice(known)
    return chance.uniform(min(known), max(known))


_NUMBERS = ("integer", "long", "float", "double")


def _known(column: Column, feature: Feature | None) -> Sequence[Any]:
    """Values that the column can hold, in order; those that the training data held if that is known."""
    if column.kind == "boolean":
        return [False, True]
    if column.kind == "string":
        return getattr(feature and feature.bins, "categories", ()) or [""]
    edges: Sequence[float] = feature.bins.edges if feature and isinstance(feature.bins, NumericBins) else ()
    known = edges or [0.0]
    return [round(value) for value in known] if column.kind in ("integer", "long") else known
