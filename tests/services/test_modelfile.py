"""A model file is read only when it can run no code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from driftgate.errors import UserMistake
from driftgate.services import modelfile

X, Y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])


def save(folder: Path, estimator: Any, **options: Any) -> str:
    mlflow.sklearn.save_model(estimator, str(folder), pip_requirements=["scikit-learn"], **options)
    return str(folder)


def double(values: Any) -> Any:
    return values * 2


def test_what_was_written_is_read(tmp_path: Path) -> None:
    folder = save(tmp_path / "m", LogisticRegression().fit(X, Y), serialization_format="skops")

    assert modelfile.read(folder).predict(X).tolist() == [0, 0, 1, 1]


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    folder = save(tmp_path / "m", LogisticRegression().fit(X, Y), serialization_format="cloudpickle")

    with pytest.raises(UserMistake, match=r"stored as cloudpickle, which may run code; store it as skops"):
        modelfile.read(folder)


def test_a_model_that_declares_its_own_types_as_trusted_is_refused(tmp_path: Path) -> None:
    """MLflow believes that list, which lies beside the file that it speaks for."""
    model = make_pipeline(FunctionTransformer(double), LogisticRegression()).fit(X, Y)
    mine = f"{double.__module__}.double"
    folder = save(tmp_path / "m", model, serialization_format="skops", skops_trusted_types=[mine])
    assert mlflow.sklearn.load_model(folder).predict(X).tolist() == [0, 0, 1, 1]

    with pytest.raises(UserMistake, match=r"holds what no model of ours does, so it is not loaded"):
        modelfile.read(folder)
