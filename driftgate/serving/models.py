"""A model in service: what it answers, and whose distribution its traffic is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from driftgate.bins import NumericBins
from driftgate.serving.errors import Fault, InvalidInputError
from driftgate.serving.inputs import Column, to_frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from driftgate.reference import Feature, Reference


@dataclass(frozen=True)
class ModelVersion:
    """A version in MLflow's registry, and the run that made it."""

    name: str
    version: str
    run_id: str

    def __str__(self) -> str:
        return f"version {self.version} of {self.name!r}"


@dataclass(frozen=True)
class Prediction:
    """``label`` is the class, or the value of a regressor; ``probabilities`` are by class, None without."""

    label: Any
    probabilities: dict[str, float] | None


@dataclass(frozen=True)
class ServedModel:
    """A version, loaded."""

    version: ModelVersion
    estimator: Any
    columns: tuple[Column, ...]
    reference: Reference

    def predict(self, rows: Sequence[Mapping[str, object]]) -> list[Prediction]:
        """Return one prediction per row; raises InvalidInputError when a row does not fit the signature."""
        frame = to_frame(rows, self.columns)
        try:
            return self._answer(frame)
        except ValueError as error:
            # Whether missing or extreme values are understood is known by the estimator alone.
            if frame.isna().any(axis=None):
                raise InvalidInputError([_first_missing(frame, str(error))]) from error
            if (extreme := _most_extreme(frame)) is not None:
                raise InvalidInputError([extreme]) from error
            raise

    def warm_up(self) -> None:
        """Predict once on a typical row, so that a model that cannot predict is never put into service."""
        features = {feature.name: feature for feature in self.reference.features}
        self.predict([{column.name: _typical(column, features.get(column.name)) for column in self.columns}])

    def _answer(self, frame: pd.DataFrame) -> list[Prediction]:
        if not hasattr(self.estimator, "predict_proba"):
            return [Prediction(label, None) for label in self.estimator.predict(frame).tolist()]
        shares = self.estimator.predict_proba(frame)
        classes = self.estimator.classes_
        labels = classes[shares.argmax(axis=1)] if _is_forest(self.estimator) else self.estimator.predict(frame)
        names = [str(name) for name in classes.tolist()]
        return [
            Prediction(label, dict(zip(names, row, strict=True)))
            for label, row in zip(labels.tolist(), shares.tolist(), strict=True)
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
    row, column = divmod(int(sizes.to_numpy().argmax()), sizes.shape[1])
    return Fault(row, str(sizes.columns[column]), "is too large for the model")


def _typical(column: Column, feature: Feature | None) -> object:
    if column.kind == "boolean":
        return False
    if column.kind == "string":
        categories = getattr(feature and feature.bins, "categories", ())
        return categories[0] if categories else ""
    edges = feature.bins.edges if feature and isinstance(feature.bins, NumericBins) else ()
    middle = edges[len(edges) // 2] if edges else 0.0
    return round(middle) if column.kind in ("integer", "long") else middle
