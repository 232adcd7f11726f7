"""The MLflow model registry: versions, and the aliases that say which one is in production."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftgate.errors import Outage, UserMistake
from driftgate.services.patience import patient_session

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

log = logging.getLogger(__name__)

PRODUCTION = "production"
PREVIOUS = "previous"
RUN_TAG = "driftgate.airflow_run"
JOB_TAG = "driftgate.job"
BEFORE_TAG = "driftgate.aliases_before"
DATA_TAG = "driftgate.data_digest"
GATES_TAG = "driftgate.gates"  # on a version that was evaluated: passed or failed
WITHDRAWN_TAG = "driftgate.rolled_back"  # on a version that was taken out of production: when
ROLLING_BACK_TAG = "driftgate.rolling_back"  # on a model while a rollback is under way, or was killed: its plan

DATABASE_ERROR = "BAD_REQUEST"  # what MLflow says when its own database refuses something

# MLflow would otherwise repeat a request to a dead server for minutes before it says so.
_PATIENCE = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "5",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}


def connect(tracking_uri: str) -> MlflowClient:
    """Return a client of the MLflow server at ``tracking_uri`` (http…), also made the process's default.

    Raises Outage when the server does not answer.
    """
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    _require_answer(tracking_uri)
    import mlflow

    logging.getLogger("mlflow").setLevel(logging.WARNING)  # Airflow shows all that MLflow tells in red
    logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)  # it misses pip, which nobody needs here
    mlflow.set_tracking_uri(tracking_uri)
    return mlflow.MlflowClient(tracking_uri)


def _require_answer(tracking_uri: str) -> None:
    import requests

    if not tracking_uri.startswith(("http://", "https://")):
        return
    try:
        with patient_session() as session:
            session.get(f"{tracking_uri.rstrip('/')}/health", timeout=10).raise_for_status()
    except requests.RequestException as error:
        raise Outage(
            f"MLflow does not answer at {tracking_uri} ({type(error).__name__}); "
            "start it, or correct the Airflow connection that model.tracking names"
        ) from None


@contextmanager
def explained() -> Iterator[None]:
    """Turn what MLflow raises into our two kinds of error: a refusal by the server, or no proper answer."""
    from mlflow.exceptions import MlflowException, RestException

    try:
        yield
    except RestException as error:
        is_outage = error.get_http_status_code() >= 500 or error.error_code == DATABASE_ERROR
        raise (Outage if is_outage else UserMistake)(f"MLflow refused: {error.message}") from error
    except MlflowException as error:
        raise Outage(f"MLflow failed: {str(error).splitlines()[0]}") from error


def ensure_model(client: MlflowClient, name: str) -> None:
    """Create the registered model ``name`` unless it exists."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def version_of_run(client: MlflowClient, name: str, airflow_run: str, job: str = "") -> ModelVersion | None:
    """Return the version that an Airflow run registered, so that a retry finds it instead of making another.

    With ``job``, the fingerprint of what was to be trained, only a version of exactly that; else its newest.
    """
    return max(_versions_of_run(client, name, airflow_run, job), key=number, default=None)


def the_one_of_run(client: MlflowClient, name: str, airflow_run: str, job: str) -> ModelVersion | None:
    """Return the version of a run and job as ``version_of_run`` does; where there are several, the first stays alone.

    MLflow registers one more when its answer gets lost and it is asked again.
    """
    first, *others = sorted(_versions_of_run(client, name, airflow_run, job), key=number) or [None]
    for other in others:
        client.delete_model_version(name, other.version)
    return first


def _versions_of_run(client: MlflowClient, name: str, airflow_run: str, job: str) -> Sequence[ModelVersion]:
    wanted = f"name = '{quoted(name)}' and tags.`{RUN_TAG}` = '{quoted(airflow_run)}'"
    found: Sequence[ModelVersion] = client.search_model_versions(
        f"{wanted} and tags.`{JOB_TAG}` = '{job}'" if job else wanted
    )
    return found


def end_abandoned(client: MlflowClient, experiment: str, airflow_run: str) -> None:
    """End MLflow's runs, in the experiment of that name, of those who were killed while they trained for this one."""
    if (found := client.get_experiment_by_name(experiment)) is None:
        return
    rule = f"tags.`{RUN_TAG}` = '{quoted(airflow_run)}' and attributes.status = 'RUNNING'"
    for run in client.search_runs([found.experiment_id], rule):
        client.set_terminated(run.info.run_id, "KILLED")


def number(version: ModelVersion) -> int:
    return int(version.version)


def failed_version(client: MlflowClient, name: str, job: str) -> ModelVersion | None:
    """Return the newest version of exactly this job that failed its gates; None without one."""
    wanted = f"name = '{quoted(name)}' and tags.`{JOB_TAG}` = '{job}' and tags.`{GATES_TAG}` = 'failed'"
    return max(client.search_model_versions(wanted), key=number, default=None)


def quoted(text: str) -> str:
    return text.replace("'", "''")


def version_at(client: MlflowClient, name: str, alias: str) -> str | None:
    """Return the version number that ``alias`` names, or None when it names none."""
    from mlflow.exceptions import MlflowException

    try:
        return str(client.get_model_version_by_alias(name, alias).version)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def incumbent(client: MlflowClient, name: str, version: str) -> str | None:
    """Return the version that ``version`` is to replace, or has replaced; None when none was in production."""
    now = aliases(client, name)
    if now.production != version:
        return now.production
    noted = aliases_before(client.get_model_version(name, version))
    return noted.production if noted else now.previous


def point(client: MlflowClient, name: str, alias: str, version: str | None) -> None:
    """Make ``alias`` name ``version``; None takes the alias away."""
    if version is not None:
        client.set_registered_model_alias(name, alias, version)
    elif version_at(client, name, alias) is not None:
        client.delete_registered_model_alias(name, alias)


@dataclass(frozen=True)
class Aliases:
    """Which versions the two aliases of a model name; None: none."""

    production: str | None
    previous: str | None


def aliases_before(version: ModelVersion) -> Aliases | None:
    """Return the aliases as they were when ``version`` was promoted; None if it never was, or nobody can tell."""
    try:
        return Aliases(**json.loads(version.tags[BEFORE_TAG]))
    except (KeyError, TypeError, ValueError):  # there is no note, or none of ours
        return None


def aliases(client: MlflowClient, name: str) -> Aliases:
    """Return the aliases as they are: both of one moment, for others may be moving them."""
    named = {alias: str(version) for alias, version in client.get_registered_model(name).aliases.items()}
    return Aliases(named.get(PRODUCTION), named.get(PREVIOUS))


def require_model(client: MlflowClient, name: str) -> None:
    """Raise UserMistake when there is no registered model ``name``."""
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        known = sorted(model.name for model in client.search_registered_models(max_results=10))
        found = f"; there is {', '.join(known)}" if known else ", nor any other"
        raise UserMistake(f"there is no model {name!r} in MLflow{found}") from None


def exists(client: MlflowClient, name: str, version: str) -> bool:
    """Whether there is such a version."""
    from mlflow.exceptions import MlflowException

    try:
        client.get_model_version(name, version)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False
    return True


def tag_version(client: MlflowClient, name: str, version: str, key: str, value: str) -> None:
    """Set a tag of a version."""
    _also_beside_others(lambda: client.set_model_version_tag(name, version, key, value))


def tag_model(client: MlflowClient, name: str, key: str, value: str) -> None:
    """Set a tag of a registered model."""
    _also_beside_others(lambda: client.set_registered_model_tag(name, key, value))


def _also_beside_others(setting: Callable[[], None]) -> None:
    """Do it, also where somebody else sets the same tag in the same moment, which MLflow's database refuses."""
    from mlflow.exceptions import MlflowException

    try:
        setting()
    except MlflowException as error:
        if error.error_code != DATABASE_ERROR:
            raise
        setting()


def set_aliases(client: MlflowClient, name: str, wanted: Aliases) -> None:
    """Make the aliases as ``wanted``, and the legacy stage ``Production`` follow, for users of the old API.

    Where MLflow fails in between they go back to what they were, if it lets them.
    """
    from mlflow.exceptions import MlflowException

    before = aliases(client, name)
    try:
        _point_both(client, name, wanted)
    except MlflowException:
        try:
            _point_both(client, name, before)
        except MlflowException as error:
            log.warning("The aliases of %s could not be put back: %s", name, str(error).splitlines()[0])
        raise
    set_stage(client, name, wanted.production, before.production)


def _point_both(client: MlflowClient, name: str, wanted: Aliases) -> None:
    point(client, name, PRODUCTION, wanted.production)  # first: ``previous`` of who is killed here is still a way back
    point(client, name, PREVIOUS, wanted.previous)


def set_stage(client: MlflowClient, name: str, production: str | None, before: str | None) -> None:
    """Give ``production`` the stage, or take it from ``before``.

    Stages are deprecated, and nothing here reads them: where MLflow refuses, the aliases count all the same.
    """
    from mlflow.exceptions import MlflowException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            if production is not None:
                client.transition_model_version_stage(name, production, "Production", archive_existing_versions=True)
            elif before is not None:
                client.transition_model_version_stage(name, before, "Archived")
    except MlflowException as error:
        log.warning("The stages of %s do not follow its aliases: %s", name, str(error).splitlines()[0])
