"""The MLflow model registry: versions, and the aliases that say which one is in production."""

from __future__ import annotations

import json
import logging
import os
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

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
PROMOTING_TAG = "driftgate.promoting"  # on a version while its promotion is under way
WITHDRAWN_TAG = "driftgate.rolled_back"  # on a version that was taken out of production: when

_SETTLED_SECONDS = 10
_PAUSE = 0.2

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
    return max(_versions_of_run(client, name, airflow_run, job), key=_number, default=None)


def the_one_of_run(client: MlflowClient, name: str, airflow_run: str, job: str) -> ModelVersion | None:
    """Return the version of a run and job as ``version_of_run`` does; where there are several, the first stays alone.

    MLflow registers one more when its answer gets lost and it is asked again.
    """
    first, *others = sorted(_versions_of_run(client, name, airflow_run, job), key=_number) or [None]
    for other in others:
        client.delete_model_version(name, other.version)
    return first


def _versions_of_run(client: MlflowClient, name: str, airflow_run: str, job: str) -> Sequence[ModelVersion]:
    wanted = f"name = '{_quoted(name)}' and tags.`{RUN_TAG}` = '{_quoted(airflow_run)}'"
    found: Sequence[ModelVersion] = client.search_model_versions(
        f"{wanted} and tags.`{JOB_TAG}` = '{job}'" if job else wanted
    )
    return found


def end_abandoned(client: MlflowClient, experiment: str, airflow_run: str) -> None:
    """End MLflow's runs of those who were killed while they trained for this Airflow run."""
    rule = f"tags.`{RUN_TAG}` = '{_quoted(airflow_run)}' and attributes.status = 'RUNNING'"
    for run in client.search_runs([experiment], rule):
        client.set_terminated(run.info.run_id, "KILLED")


def _number(version: ModelVersion) -> int:
    return int(version.version)


def failed_version(client: MlflowClient, name: str, job: str) -> ModelVersion | None:
    """Return the newest version of exactly this job that failed its gates; None without one."""
    wanted = f"name = '{_quoted(name)}' and tags.`{JOB_TAG}` = '{job}' and tags.`{GATES_TAG}` = 'failed'"
    return max(client.search_model_versions(wanted), key=_number, default=None)


def _quoted(text: str) -> str:
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
    note = client.get_model_version(name, version).tags.get(BEFORE_TAG)
    return Aliases(**json.loads(note)).production if note else now.previous


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


def aliases(client: MlflowClient, name: str) -> Aliases:
    """Return the aliases as they are."""
    return Aliases(version_at(client, name, PRODUCTION), version_at(client, name, PREVIOUS))


def set_aliases(client: MlflowClient, name: str, wanted: Aliases) -> None:
    """Make the aliases as ``wanted``, and the legacy stage ``Production`` follow, for users of the old API."""
    before = version_at(client, name, PRODUCTION)
    point(client, name, PRODUCTION, wanted.production)  # first: ``previous`` of who is killed here is still a way back
    point(client, name, PREVIOUS, wanted.previous)
    _set_stage(client, name, wanted.production, before)


def _set_stage(client: MlflowClient, name: str, production: str | None, before: str | None) -> None:
    """Stages are deprecated, and nothing here reads them: where MLflow refuses, the aliases count all the same."""
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


def require_not_withdrawn(client: MlflowClient, name: str, version: str) -> None:
    """Raise UserMistake for a version that was rolled back: a person has to bring it back."""
    if withdrawn := client.get_model_version(name, version).tags.get(WITHDRAWN_TAG):
        raise UserMistake(
            f"version {version} of {name} was rolled back at {withdrawn}; train another, or bring it back: "
            f"driftgate rollback {name} --to {version}"
        )


def promote(tracking_uri: str, name: str, version: str) -> dict[str, Any]:
    """Put ``version`` of the model into production; doing it again changes nothing.

    Returns ``{"model", "version", "before", "superseded_by"}``: ``before`` holds the aliases to go back to;
    ``superseded_by`` is a newer version that is in production already, which stays, or None. Of versions that are
    promoted at the same time the newest stays. Raises UserMistake for a version that was rolled back; the aliases
    are as they were before where MLflow fails.
    """
    client = connect(tracking_uri)
    with explained():
        require_not_withdrawn(client, name, version)
        settled = {newer.version for newer in promoted_after(client, name, version) if not _under_way(newer)}
        now = aliases(client, name)
        if now.production is not None and int(now.production) > int(version):
            return _promoted(name, version, now, superseded_by=now.production)
        before = _way_back(client, name, version, now)
        with _or_as_before(client, name, now):
            set_aliases(client, name, Aliases(production=version, previous=before.production))
        newest = _give_way(client, name, version, settled)
        client.delete_model_version_tag(name, version, PROMOTING_TAG)
    return _promoted(name, version, before, superseded_by=newest)


@contextmanager
def _or_as_before(client: MlflowClient, name: str, before: Aliases) -> Iterator[None]:
    """Put the aliases back where MLflow fails between one and the other."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException:
        try:
            set_aliases(client, name, before)
        except MlflowException as error:
            log.warning("The aliases of %s could not be put back: %s", name, str(error).splitlines()[0])
        raise


def _give_way(client: MlflowClient, name: str, version: str, settled: set[str]) -> str | None:
    """Return the newest version whose promotion overtook that of ``version``, in production again; None without one.

    MLflow changes an alias whatever it was before, so ``version`` may have been written over a newer one. Every
    promotion is noted before it moves an alias, and looks for others after: the last to write sees all of them.
    """
    newest = None
    while others := [
        other for other in promoted_after(client, name, newest or version) if other.version not in settled
    ]:
        other = max(others, key=_number)
        newest = str(other.version)
        set_aliases(client, name, Aliases(newest, Aliases(**json.loads(other.tags[BEFORE_TAG])).production))
    return newest


def promoted_after(client: MlflowClient, name: str, version: str) -> list[ModelVersion]:
    """Return the newer versions that have been promoted, or are just now, and were not rolled back."""
    found: list[ModelVersion] = []
    token = None
    while True:
        page = client.search_model_versions(
            f"name = '{_quoted(name)}'", max_results=100, order_by=["version_number DESC"], page_token=token
        )
        newer = [each for each in page if _number(each) > int(version)]
        found += [each for each in newer if BEFORE_TAG in each.tags and WITHDRAWN_TAG not in each.tags]
        if len(newer) < len(page) or not (token := page.token):
            return found


def _under_way(version: ModelVersion) -> bool:
    return PROMOTING_TAG in version.tags


def settled(client: MlflowClient, name: str) -> str | None:
    """Return the version in production once no promotion is under way: they may write over each other meanwhile.

    Whoever was killed while promoting is waited for in vain, and not for long.
    """
    under_way = f"name = '{_quoted(name)}' and tags.`{PROMOTING_TAG}` = 'yes'"
    deadline = time.monotonic() + _SETTLED_SECONDS
    while client.search_model_versions(under_way, max_results=1) and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    return version_at(client, name, PRODUCTION)


def _promoted(name: str, version: str, before: Aliases, superseded_by: str | None = None) -> dict[str, Any]:
    return {"model": name, "version": version, "before": asdict(before), "superseded_by": superseded_by}


def _way_back(client: MlflowClient, name: str, version: str, now: Aliases) -> Aliases:
    """The aliases before ``version`` came: as they are now, or as noted by an earlier try that got halfway."""
    note = client.get_model_version(name, version).tags.get(BEFORE_TAG)
    noted = Aliases(**json.loads(note)) if note else None
    if noted is not None and now.production in (version, noted.production):
        before = noted
    else:
        before = now if now.production != version else Aliases(None, None)
    # Noted before any alias moves, so that a retry after a crash still knows the way back.
    client.set_model_version_tag(name, version, PROMOTING_TAG, "yes")
    client.set_model_version_tag(name, version, BEFORE_TAG, json.dumps(asdict(before)))
    return before
