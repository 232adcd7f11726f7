"""Estimators are judged by name alone, so the names must be right."""

import importlib

import pytest

from driftgate.config.estimators import CLASSIFIERS, PACKAGES, _fault
from driftgate.services.training import ALLOWED_PACKAGES


def test_the_packages_are_those_that_training_allows() -> None:
    assert set(PACKAGES) == set(ALLOWED_PACKAGES)


def test_each_known_classifier_of_sklearn_is_where_it_is_said_to_be() -> None:
    from sklearn.utils import all_estimators

    classifiers = dict(all_estimators(type_filter="classifier"))
    for name, path in CLASSIFIERS.items():
        if path.startswith("sklearn."):
            assert getattr(importlib.import_module(path.rpartition(".")[0]), name) is classifiers[name]


def test_no_classifier_that_exists_is_refused() -> None:
    from sklearn.utils import all_estimators

    paths = {f"{cls.__module__}.{name}" for name, cls in all_estimators(type_filter="classifier")}
    assert {path: fault for path in paths if (fault := _fault(path))} == {}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("sklearn.ensemble.RandomForrestClasifier", "sklearn.ensemble.RandomForestClassifier"),
        ("sklearn.ensebmle.RandomForestClassifier", "sklearn.ensemble.RandomForestClassifier"),
        ("sklearn.linear_model.LogisticRegresion", "sklearn.linear_model.LogisticRegression"),
        ("sklearn.ensemble.RandomForestRegressor", "sklearn.ensemble.RandomForestClassifier"),
        ("lightgbm.LGBMClasifier", "lightgbm.LGBMClassifier"),
        ("LogisticRegression", "sklearn.linear_model.LogisticRegression"),
        ("sklern.svm.SVC", "sklearn.svm.SVC"),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(written: str, meant: str) -> None:
    fault = _fault(written)
    assert fault
    assert meant in fault[1]


def test_classes_of_ones_own_name_pass() -> None:
    for path in ("xgboost.sklearn.XGBClassifier", "sklearn.pipeline.Pipeline", "lightgbm.dask.DaskLGBMClassifier"):
        assert _fault(path) is None
