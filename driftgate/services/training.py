"""Train a model and register it in MLflow with all that judging, serving and watching it need."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import inspect
import json
import os
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftgate.errors import NothingToDo, Outage, UserMistake
from driftgate.services import data, modelfile, registry
from driftgate.services.holdout import Choice, Split, split

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.tracking import MlflowClient

ALLOWED_PACKAGES = ("sklearn", "xgboost", "lightgbm", "catboost")
REFERENCE_FILE = "drift_reference.json"
_NEW_DATA = "Bring new data, trigger the pipeline by hand, or set guard.new_data: false"


@dataclass(frozen=True)
class Job:
    """What to train, on what, and for whom: a repeated call for one ``airflow_run`` finds its first result."""

    tracking_uri: str
    experiment: str
    airflow_run: str
    uri: str
    choice: Choice
    model: str
    estimator: str
    params: Mapping[str, Any]
    only_new_data: bool = False  # whether data that have been learnt from are not worth another model


def train(job: Job) -> dict[str, Any]:
    """Train, log and register a model, once per Airflow run and job.

    A retry finds the version that was registered before; a cleared task trains anew only when data, target,
    split, estimator or parameters are others than then. Returns ``{"model", "version", "run_id", "digest"}`` and
    the fields of the choice: all that judging it on the same hold-out takes. Raises UserMistake for data or
    settings that cannot work, Outage when MLflow or the data's store does not answer.
    """
    client = registry.connect(job.tracking_uri)
    table = data.read_table(job.uri)
    digest = data.digest(table)
    fingerprint = _fingerprint(job, digest)
    with registry.explained():
        registry.end_abandoned(client, job.experiment, job.airflow_run)
        version = registry.the_one_of_run(client, job.model, job.airflow_run, fingerprint)
        if version is None:
            _require_new(client, job, digest, fingerprint)
            return _train_anew(client, job, table, digest, fingerprint)
    return _result(job, str(version.version), str(version.run_id), digest)


def _require_new(client: MlflowClient, job: Job, digest: str, fingerprint: str) -> None:
    """Raise NothingToDo when training cannot help: production knows these data, or a model of them failed its gates."""
    if not job.only_new_data:
        return
    serving = registry.version_at(client, job.model, registry.PRODUCTION)
    if serving and client.get_model_version(job.model, serving).tags.get(registry.DATA_TAG) == digest:
        raise NothingToDo(
            f"version {serving} of {job.model}, which is in production, was trained on the same data ({digest}); "
            f"another model of them would drift as much. {_NEW_DATA}"
        )
    if (failed := registry.failed_version(client, job.model, fingerprint)) is not None:
        raise NothingToDo(
            f"version {failed.version} of {job.model} was trained on the same data ({digest}) with the same settings, "
            f"and failed its gates. {_NEW_DATA}"
        )


def _fingerprint(job: Job, digest: str) -> str:
    """Tells two jobs apart by everything that decides what comes out of them."""
    facts = [digest, job.choice.facts(), job.estimator, dict(job.params)]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _result(job: Job, version: str, run_id: str, digest: str) -> dict[str, Any]:
    return {
        "model": job.model,
        "version": version,
        "run_id": run_id,
        "digest": digest,
        **job.choice.facts(),
    }


def _train_anew(client: MlflowClient, job: Job, table: pd.DataFrame, digest: str, fingerprint: str) -> dict[str, Any]:
    import mlflow

    parts = split(table, job.choice)
    mlflow.set_experiment(job.experiment)
    with mlflow.start_run(run_name=job.airflow_run, tags={registry.RUN_TAG: job.airflow_run}) as run:
        started = time.monotonic()
        fitted = fit(job.estimator, job.params, parts)
        _log_facts(client, run.info.run_id, job, parts, digest, time.monotonic() - started)
        file_digest = modelfile.log(fitted, parts.train_x)
        tags = {registry.DATA_TAG: digest, registry.JOB_TAG: fingerprint, modelfile.DIGEST_TAG: file_digest}
        version = _register(client, job, run.info.run_id, tags)
    return _result(job, version, run.info.run_id, digest)


def make_estimator(path: str, params: Mapping[str, Any]) -> Any:
    """Return the estimator that a dotted path names, from one of ALLOWED_PACKAGES; UserMistake otherwise."""
    at = ("model", "estimator")
    module, _, name = path.rpartition(".")
    if module.split(".")[0] not in ALLOWED_PACKAGES:
        raise UserMistake(f"model.estimator {path!r} is not from one of {', '.join(ALLOWED_PACKAGES)}", at)
    try:
        package = importlib.import_module(module)
    except ImportError as error:
        raise UserMistake(f"model.estimator {path!r} cannot be imported: {error}", at) from error
    if (found := getattr(package, name, None)) is None:
        raise UserMistake(f"{module} has no {name!r}{_meant(name, dir(package))}", at)
    if not (isinstance(found, type) and hasattr(found, "fit") and hasattr(found, "predict")):
        raise UserMistake(f"model.estimator {path!r} is not an estimator: it cannot fit and predict", at)
    known = list(inspect.signature(found).parameters)
    for unknown in [param for param in params if param not in known and hasattr(found, "get_params")]:
        raise UserMistake(f"{name} has no parameter {unknown!r}{_meant(unknown, known)}", ("model", "params", unknown))
    try:
        return found(**params)
    except (TypeError, ValueError) as error:
        raise UserMistake(f"model.params do not fit {path}: {error}", ("model", "params")) from error


def _meant(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def fit(path: str, params: Mapping[str, Any], parts: Split) -> Any:
    """Return the estimator fitted on the training rows; text columns are one-hot encoded in front of it."""
    estimator = make_estimator(path, params)
    text = [name for name, kind in parts.train_x.dtypes.items() if kind.kind not in "biuf"]
    fitted = _encoded(estimator, text) if text else estimator
    try:
        return fitted.fit(parts.train_x, parts.train_y)
    except (ValueError, TypeError) as error:
        raise UserMistake(f"{path} cannot learn from this data: {_why(error, parts)}", ("model",)) from error


def _why(error: Exception, parts: Split) -> str:
    gaps = [str(name) for name, any_gap in parts.train_x.isna().any().items() if any_gap]
    if "NaN" in str(error) and gaps:
        return (
            f"it cannot work with missing values, and {', '.join(gaps[:5])} has some; fill them where the data is "
            "made, or take an estimator that can, such as sklearn.ensemble.HistGradientBoostingClassifier"
        )
    return str(error).splitlines()[0]


def _encoded(estimator: Any, text: list[Any]) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_pipeline(make_column_transformer((encoder, text), remainder="passthrough"), estimator)


def _log_facts(client: MlflowClient, run_id: str, job: Job, parts: Split, digest: str, seconds: float) -> None:
    import mlflow

    from driftgate.reference import Reference

    split_as = {"test_size": job.choice.test_size, "split": job.choice.how}
    mlflow.log_params({**job.params, "estimator": job.estimator, "data_uri": job.uri, **split_as})
    mlflow.log_metrics(
        {
            "train_rows": len(parts.train_x),
            "holdout_rows": len(parts.held_x),
            "undated_rows": parts.undated,
            "features": parts.train_x.shape[1],
            "fit_seconds": seconds,
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # two of MLflow's kinds of source fit a local path; either does
        dataset = mlflow.data.from_pandas(parts.train_x, source=data.resolve(job.uri), name=job.uri, digest=digest)
    _log_input(client, run_id, dataset)
    mlflow.log_dict(Reference.from_frame(parts.train_x).to_json(), REFERENCE_FILE)


def _log_input(client: MlflowClient, run_id: str, dataset: Any) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        mlflow.log_input(dataset, context="training")
    except MlflowException as error:
        # MLflow refuses what it has already, and has it already when an answer got lost.
        if error.error_code != registry.DATABASE_ERROR or not client.get_run(run_id).inputs.dataset_inputs:
            raise


def _register(client: MlflowClient, job: Job, run_id: str, tags: Mapping[str, str]) -> str:
    registry.ensure_model(client, job.model)
    model_id = client.get_run(run_id).outputs.model_outputs[0].model_id
    client.create_model_version(
        job.model,
        source=f"models:/{model_id}",
        run_id=run_id,
        model_id=model_id,
        tags={registry.RUN_TAG: job.airflow_run, **tags},
    )
    registered = registry.the_one_of_run(client, job.model, job.airflow_run, tags[registry.JOB_TAG])
    if registered is None:
        raise Outage(f"MLflow has registered a version of {job.model} and does not find it")
    return str(registered.version)


# MLflow asks nobody and sends usage data home unless told otherwise.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
