"""MLflow, as far as the model API needs it: which version is in production, and that version, loaded."""

from __future__ import annotations

import json
import logging
import os
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftgate.bins import NumericBins
from driftgate.errors import DriftgateError
from driftgate.reference import Reference
from driftgate.services import modelfile
from driftgate.serving.errors import LoadError
from driftgate.serving.inputs import KINDS, Column
from driftgate.serving.models import ModelVersion, ServedModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ALIAS = "production"
REFERENCE_FILE = "drift_reference.json"

_MLFLOW_DEFAULTS = {
    # MLflow's own patience is minutes: too long for a caller that waits for /reload.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


log = logging.getLogger(__name__)


class Registry:
    """Reads the versions of one registered model."""

    def __init__(self, tracking_uri: str, model_name: str) -> None:
        self.model_name = model_name
        self._uri = tracking_uri
        for variable, value in _MLFLOW_DEFAULTS.items():
            os.environ.setdefault(variable, value)

    def production(self) -> ModelVersion | None:
        """Return the version that the alias names, None when there is none; raises LoadError."""
        with _explaining("MLflow does not say which model is in production"):
            return self._production()

    def load(self, version: ModelVersion) -> ServedModel:
        """Fetch ``version`` with its signature and drift reference, and try it; raises LoadError."""
        with _explaining(f"{version} cannot be served"), tempfile.TemporaryDirectory() as folder:
            return self._load(version, folder).tried()

    def _production(self) -> ModelVersion | None:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        client = MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)
        try:
            number = client.get_registered_model(self.model_name).aliases.get(ALIAS)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        if number is None:
            return None
        found = client.get_model_version(self.model_name, number)
        digest = found.tags.get(modelfile.DIGEST_TAG, "")
        return ModelVersion(self.model_name, str(found.version), str(found.run_id), digest)

    def _load(self, version: ModelVersion, folder: str) -> ServedModel:
        from mlflow.models import Model

        path = self._fetch(f"models:/{version.name}/{version.version}", f"{folder}/model")
        _check_digest(path, version)
        estimator = _single_threaded(modelfile.read(path))
        columns = _columns(Model.load(path).signature)
        reference = self._reference(version, folder)
        _check_features(reference, columns)
        return ServedModel(version, estimator, columns, reference)

    def _reference(self, version: ModelVersion, folder: str) -> Reference:
        path = self._fetch(f"runs:/{version.run_id}/{REFERENCE_FILE}", f"{folder}/reference")
        return Reference.from_json(json.loads(Path(path).read_text(encoding="utf-8")))

    def _fetch(self, artifact: str, folder: str) -> str:
        from mlflow.artifacts import download_artifacts

        path = download_artifacts(
            artifact_uri=artifact, dst_path=folder, tracking_uri=self._uri, registry_uri=self._uri
        )
        return str(path)


def _check_digest(folder: str, version: ModelVersion) -> None:
    if not version.digest:
        log.info("%s carries no digest: its file is taken as it is.", _capital(str(version)))
    modelfile.require_registered(folder, version.digest)


def _columns(signature: Any) -> tuple[Column, ...]:
    if signature is None or signature.inputs is None or signature.inputs.is_tensor_spec():
        raise LoadError("it has no signature with named columns: log it with infer_signature(features, …)")
    columns = tuple(Column(str(c.name), getattr(c.type, "name", str(c.type)), c.required) for c in signature.inputs)
    for column in columns:
        if column.kind not in KINDS:
            raise LoadError(f"its column {column.name!r} has the type {column.kind}, which rows cannot carry")
    return columns


def _check_features(reference: Reference, columns: Sequence[Column]) -> None:
    kinds = {column.name: column.kind for column in columns}
    for feature in reference.features:
        kind = kinds.get(feature.name)
        if kind is None or (kind == "string" and isinstance(feature.bins, NumericBins)):
            raise LoadError(f"its drift reference and its signature differ in the feature {feature.name!r}")


def _single_threaded(estimator: Any) -> Any:
    """Requests come many at a time, so threads inside a prediction would only fight each other."""
    names = [name for name in estimator.get_params() if name == "n_jobs" or name.endswith("__n_jobs")]
    return estimator.set_params(**dict.fromkeys(names, 1))


@contextmanager
def _explaining(what: str) -> Iterator[None]:
    try:
        yield
    except DriftgateError as error:
        raise LoadError(f"{_capital(what)}: {error}") from error
    except Exception as error:  # MLflow, scikit-learn and the network fail in too many ways to list
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise LoadError(f"{_capital(what)}: {_without_secrets(reason)}") from error


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _without_secrets(text: str) -> str:
    """Hide the user and password that an address in an error message may carry."""
    return re.sub(r"//[^/@\s]+@", "//", text)
