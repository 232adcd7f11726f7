from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from mlflow.artifacts import download_artifacts

from driftgate.services import modelfile
from driftgate.serving.errors import LoadError
from driftgate.serving.inputs import Column
from driftgate.serving.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    from driftgate.serving.models import ServedModel


def load_in_production(uri: str, name: str) -> ServedModel:
    registry = Registry(uri, name)
    version = registry.production()
    assert version is not None
    return registry.load(version)


def test_a_model_nobody_registered_is_not_in_production(mlflow_server: str) -> None:
    assert Registry(mlflow_server, "nobody").production() is None


def test_a_model_without_the_alias_is_not_in_production(mlflow_server: str, empty_model: Any, logged: Any) -> None:
    empty_model.add(logged)
    assert Registry(mlflow_server, empty_model.name).production() is None


def test_the_version_that_the_alias_names_is_loaded(
    mlflow_server: str, model: Any, logged: Any, forest: Any, cancer: Any
) -> None:
    served = load_in_production(mlflow_server, model.name)
    assert (served.version.version, served.version.run_id) == ("1", logged.run_id)
    assert served.columns == tuple(Column(name, "double") for name in cancer[0].columns)
    assert served.reference.rows == len(cancer[0])
    assert served.estimator.n_jobs == 1
    labels = [prediction.label for prediction in served.predict(cancer[0].to_dict("records"))]
    assert labels == forest.predict(cancer[0]).tolist()


@pytest.mark.parametrize(
    ("leave_out", "reason"),
    [
        ("signature", "it has no signature with named columns"),
        ("reference", "drift_reference.json"),
    ],
)
def test_a_version_that_lacks_something_cannot_be_served(
    mlflow_server: str, empty_model: Any, log_model: Any, forest: Any, cancer: Any, leave_out: str, reason: str
) -> None:
    empty_model.promote(empty_model.add(log_model(forest, cancer[0], **{leave_out: False})))
    with pytest.raises(LoadError) as caught:
        load_in_production(mlflow_server, empty_model.name)
    assert str(caught.value).startswith(f"Version 1 of '{empty_model.name}' cannot be served: ")
    assert reason in str(caught.value)


def test_a_signature_and_a_reference_that_differ_cannot_be_served(
    mlflow_server: str, empty_model: Any, log_model: Any, forest: Any, cancer: Any
) -> None:
    other = cancer[0].rename(columns={"mean area": "area"})
    empty_model.promote(empty_model.add(log_model(forest, cancer[0], reference_of=other)))
    with pytest.raises(LoadError, match="its drift reference and its signature differ in the feature 'area'"):
        load_in_production(mlflow_server, empty_model.name)


def test_a_model_that_cannot_predict_is_never_served(
    mlflow_server: str, empty_model: Any, log_model: Any, forest: Any, cancer: Any
) -> None:
    empty_model.promote(empty_model.add(log_model(forest, cancer[0][["mean area"]])))
    with pytest.raises(LoadError, match="cannot be served: The feature names should match"):
        load_in_production(mlflow_server, empty_model.name)


def test_a_file_that_is_not_the_registered_one_cannot_be_served(
    mlflow_server: str, model: Any, logged: Any, tmp_path: Path
) -> None:
    path = download_artifacts(f"models:/{logged.model_id}", dst_path=str(tmp_path), tracking_uri=mlflow_server)
    set_digest = model.client.set_model_version_tag
    set_digest(model.name, "1", modelfile.DIGEST_TAG, modelfile.digest(path))
    assert load_in_production(mlflow_server, model.name).version.digest
    set_digest(model.name, "1", modelfile.DIGEST_TAG, "0" * 64)
    with pytest.raises(
        LoadError, match=r"its file is not the one that was registered: sha256 \w{12}…, not 000000000000…"
    ):
        load_in_production(mlflow_server, model.name)


def test_mlflow_out_of_reach_is_said_without_its_password() -> None:
    with pytest.raises(LoadError, match=r"^MLflow does not say which model is in production: ") as caught:
        Registry("http://user:secret@127.0.0.1:9", "m").production()
    assert "secret" not in str(caught.value)
