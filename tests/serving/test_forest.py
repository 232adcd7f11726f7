from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from driftgate.serving.forest import FEW_ROWS, Forest
from driftgate.serving.inputs import Column, Signature

CHANCE = np.random.default_rng(3)
DATA = pd.DataFrame(CHANCE.normal(size=(300, 4)).round(2), columns=list("abcd"))
CLASSES = np.where(DATA["a"] > 0.5, "high", np.where(DATA["b"] * DATA["c"] > 0, "mid", "low"))
SIGNATURE = Signature(tuple(Column(name, "double") for name in DATA))


@pytest.mark.parametrize("rows", [1, FEW_ROWS, FEW_ROWS + 1, 300])
@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(20, random_state=1),
        RandomForestRegressor(20, random_state=1),
        ExtraTreesRegressor(20, random_state=1),
        DecisionTreeClassifier(random_state=1),
        DecisionTreeClassifier(max_depth=1, random_state=1),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_forests_answer_as_scikit_learn_does(estimator: Any, rows: int) -> None:
    classifies = hasattr(estimator, "predict_proba")
    estimator.fit(DATA, CLASSES if classifies else DATA["d"] ** 2)
    ask = estimator.predict_proba if classifies else estimator.predict
    forest = Forest.of(estimator)
    assert forest is not None
    inputs = SIGNATURE.read(DATA[:rows].to_dict("records"))
    answers = forest.answer(inputs)
    assert answers is not None
    np.testing.assert_allclose(answers, ask(inputs.frame).reshape(rows, -1), rtol=0, atol=1e-12)
    assert forest.agrees(inputs, ask(inputs.frame))


def test_the_forest_at_the_end_of_a_pipeline_is_asked_directly() -> None:
    data = DATA.assign(colour=np.where(DATA["a"] > 0, "red", "blue"))
    first = make_column_transformer((OneHotEncoder(), ["colour"]), remainder="passthrough")
    pipeline = make_pipeline(first, RandomForestClassifier(10, random_state=1)).fit(data, CLASSES)
    signature = Signature((*SIGNATURE.columns, Column("colour", "string")))
    inputs = signature.read(data[:40].to_dict("records"))
    forest = Forest.of(pipeline)
    assert forest is not None
    np.testing.assert_allclose(forest.answer(inputs), pipeline.predict_proba(inputs.frame), rtol=0, atol=1e-12)


def test_missing_and_extreme_values_are_left_to_scikit_learn() -> None:
    forest = Forest.of(RandomForestClassifier(5, random_state=1).fit(DATA, CLASSES))
    assert forest is not None
    for odd in (None, 1e300):
        assert forest.answer(SIGNATURE.read([{**dict.fromkeys("abcd", 0.0), "b": odd}])) is None


def test_an_answer_that_differs_is_noticed() -> None:
    one, other = (RandomForestClassifier(5, random_state=seed).fit(DATA, CLASSES) for seed in (1, 2))
    forest = Forest.of(one)
    assert forest is not None
    inputs = SIGNATURE.read(DATA.to_dict("records"))
    assert not forest.agrees(inputs, other.predict_proba(DATA))


def test_other_estimators_are_no_forests() -> None:
    assert Forest.of(GradientBoostingClassifier(n_estimators=2).fit(DATA, CLASSES)) is None
    two_targets = np.stack([DATA["a"], DATA["b"]], axis=1)
    assert Forest.of(RandomForestRegressor(2).fit(DATA, two_targets)) is None
