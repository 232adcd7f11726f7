from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from driftgate.reference import Reference
from driftgate.serving.errors import InvalidInputError
from driftgate.serving.inputs import Column
from driftgate.serving.models import ModelVersion, Prediction, ServedModel

DATA = pd.DataFrame({"x": np.linspace(-1, 1, 200), "colour": ["red", "blue"] * 100})
TARGET = (DATA["x"] > 0).astype(int)
NUMBERS = DATA[["x"]]


def served(estimator: Any, features: pd.DataFrame = NUMBERS) -> ServedModel:
    columns = tuple(
        Column(str(name), "double" if kind == np.float64 else "string") for name, kind in features.dtypes.items()
    )
    return ServedModel(ModelVersion("m", "1", "run"), estimator, columns, Reference.from_frame(features))


def test_a_classifier_gives_label_and_probabilities() -> None:
    (prediction,) = served(LogisticRegression().fit(NUMBERS, TARGET)).predict([{"x": 0.9}])
    assert prediction.label == 1
    assert prediction.probabilities is not None
    assert prediction.probabilities.keys() == {"0", "1"}
    assert sum(prediction.probabilities.values()) == pytest.approx(1)


def test_text_classes_are_labels_as_they_are() -> None:
    model = served(LogisticRegression().fit(NUMBERS, np.where(TARGET, "yes", "no")))
    (prediction,) = model.predict([{"x": -0.9}])
    assert prediction.label == "no"
    assert set(prediction.probabilities or {}) == {"no", "yes"}


def test_a_classifier_without_probabilities_gives_none() -> None:
    assert served(Perceptron().fit(NUMBERS, TARGET)).predict([{"x": 0.9}]) == [Prediction(1, None)]


def test_a_regressor_gives_its_value_as_the_label() -> None:
    estimator = RandomForestRegressor(5, random_state=1).fit(NUMBERS, DATA["x"])
    (prediction,) = served(estimator).predict([{"x": 0.5}])
    assert prediction == Prediction(estimator.predict(pd.DataFrame({"x": [0.5]}))[0], None)


def test_a_classifier_with_a_threshold_of_its_own_keeps_it() -> None:
    strict = FixedThresholdClassifier(LogisticRegression(), threshold=0.99).fit(NUMBERS, TARGET)
    (prediction,) = served(strict).predict([{"x": 0.1}])
    assert prediction.label == 0
    assert (prediction.probabilities or {})["1"] > 0.5


def test_a_pipeline_takes_text() -> None:
    pipeline = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["colour"]), remainder="passthrough"), LogisticRegression()
    )
    model = served(pipeline.fit(DATA, TARGET), DATA)
    model = model.tried()
    assert [p.label for p in model.predict([{"x": 1, "colour": "red"}, {"x": -1, "colour": "blue"}])] == [1, 0]


def test_a_null_that_the_estimator_refuses_names_row_and_feature() -> None:
    model = served(LogisticRegression().fit(NUMBERS, TARGET))
    with pytest.raises(InvalidInputError, match="Row 1: feature 'x' is null, and the model refused that: Input"):
        model.predict([{"x": 1}, {"x": None}])


def test_a_failure_of_the_estimator_itself_is_not_blamed_on_the_row() -> None:
    model = served(LogisticRegression().fit(NUMBERS.rename(columns={"x": "y"}), TARGET))
    with pytest.raises(ValueError, match="The feature names should match"):
        model.tried()
