"""Bring a model version into service, or leave everything as it was before.

A version is in service when alias ``production`` names it *and* the model API answers with it. Each try is
whole: it points the alias, reloads, and asks; when anything goes wrong, the aliases go back to what they were, so
that ``production`` does not keep naming a model that nobody serves. Should MLflow itself be gone by then, the
error says so, and the next try, which begins by looking, mends it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from driftgate.durations import format_duration
from driftgate.errors import DriftgateError, Outage, UserMistake, without_password
from driftgate.services import promotion, registry, withdrawal
from driftgate.services.model_api import ModelApi
from driftgate.services.registry import Aliases

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)
PAUSE = 0.5


def bring_into_service(
    tracking_uri: str, api: ModelApi, promoted: Mapping[str, Any], timeout: timedelta, mark: str = ""
) -> dict[str, Any]:
    """Make the API serve the promoted version and wait until it answers with it.

    ``promoted`` is what ``promotion.promote`` returned. Returns ``{"model", "version", "url", "superseded_by"}``;
    where somebody has moved the alias to another version since, that one stays: it is ``superseded_by``, and
    nothing is done. Raises Outage or UserMistake after having put back the aliases and, where it can be
    reached, the API; what was rolled back since, other than by the rollback that writes ``mark``, does not come back.
    """
    client = registry.connect(tracking_uri)
    name, version, before = promoted["model"], promoted["version"], Aliases(**promoted["before"])
    done = {"model": name, "version": version, "url": without_password(api.url), "superseded_by": None}
    with registry.explained():
        if (current := registry.version_at(client, name, registry.PRODUCTION)) != version:
            current = promotion.settled(client, name)
        withdrawal.require_not_withdrawn(client, name, version)  # after the alias: a rollback is noted before it moves
        if current not in (version, before.production):
            return {**done, "superseded_by": current}
        if current != version:  # an earlier try took it back
            registry.set_aliases(client, name, Aliases(production=version, previous=before.production))
    try:
        with registry.explained():
            withdrawal.require_not_withdrawn(client, name, version)  # a whole rollback may have passed in between
        _reload(client, api.patient(timeout.total_seconds()), name, version)
        _wait_for(client, api, name, version, timeout)
    except BaseException as error:  # a time-out of Airflow is no Exception
        refusal = _if_known(lambda: withdrawal.refusal(client, name, version))
        if isinstance(refusal, Outage):
            raise refusal from error  # what becomes of the alias is up to the rollback
        if isinstance(error, DriftgateError) and (other := _moved_to(client, name, version)):
            if refusal:
                raise refusal from error
            log.warning("Version %s of %s gives way to %s: %s", version, name, other, error)
            return {**done, "superseded_by": other}
        state = _put_back(client, api, name, version, before, mark)
        if isinstance(error, DriftgateError):
            raise type(error)(f"version {version} of {name} was not brought into service, {state}: {error}") from error
        raise
    _mend_stage(client, name, version)
    log.info("The API at %s serves version %s of %s", done["url"], version, name)
    return done


def _reload(client: MlflowClient, api: ModelApi, name: str, version: str) -> None:
    try:
        api.post("/reload", {"model": name, "version": version})
    except UserMistake:
        if promotion.settled(client, name) != version:
            raise
        api.post("/reload", {"model": name, "version": version})  # the alias named another for a moment only


def _moved_to(client: MlflowClient, name: str, version: str) -> str | None:
    """Return the version that the alias names by now, if it is another: somebody else is at work."""
    current = _if_known(lambda: promotion.settled(client, name))
    return current if current != version else None


def _if_known(ask: Callable[[], Answer | None]) -> Answer | None:
    """Return what MLflow answers; None where it does not."""
    try:
        with registry.explained():
            return ask()
    except DriftgateError:
        return None


def _wait_for(client: MlflowClient, api: ModelApi, name: str, version: str, timeout: timedelta) -> None:
    deadline = time.monotonic() + timeout.total_seconds()
    while (served := api.served()) != (name, version):
        if time.monotonic() > deadline:
            serves = f"serves version {served[1]} of {served[0]}" if served[1] else "serves no model"
            raise Outage(f"{api.url} {serves} after {format_duration(timeout)}")
        if other := _moved_to(client, name, version):
            raise Outage(f"alias {registry.PRODUCTION} names version {other} by now")
        time.sleep(PAUSE)


def _mend_stage(client: MlflowClient, name: str, version: str) -> None:
    """Others who moved the alias a little earlier may have set the stage a little later."""
    with suppress(DriftgateError), registry.explained():
        is_it = registry.version_at(client, name, registry.PRODUCTION) == version
        if is_it and client.get_model_version(name, version).current_stage != "Production":
            registry.set_stage(client, name, version, None)


def _put_back(client: MlflowClient, api: ModelApi, name: str, version: str, before: Aliases, mark: str) -> str:
    """Undo the promotion, unless somebody else has moved the alias meanwhile; returns what is so now."""
    try:
        with registry.explained():
            if _is_to_go(client, name, version, before, mark):
                before = _trustworthy(client, name, version, before, mark)
                registry.set_aliases(client, name, before)
                log.warning("Alias %s of %s names version %s again", registry.PRODUCTION, name, before.production)
            production = registry.version_at(client, name, registry.PRODUCTION)
    except DriftgateError as error:
        return f"and alias production could not be put back to {before.production or 'none'} ({error})"
    try:
        api.post("/reload", {})
    except DriftgateError as error:
        log.warning("The API could not be told; it loads that version when it starts: %s", error)
    return _state(api, name, production)


def _is_to_go(client: MlflowClient, name: str, version: str, before: Aliases, mark: str) -> bool:
    """Whether ``version`` is in production, and not by two rollbacks: what one fails to do the other may have done."""
    if registry.version_at(client, name, registry.PRODUCTION) != version:
        return False
    return not mark or before.production is None or withdrawal.is_trustworthy(client, name, before.production, mark)


def _trustworthy(client: MlflowClient, name: str, version: str, before: Aliases, mark: str) -> Aliases:
    """Return the aliases to go back to, past what was rolled back, or deleted, since they were noted."""
    if before.production is None:
        return before
    if withdrawal.is_trustworthy(client, name, before.production, mark):
        return replace(before, previous=before.previous if before.previous != before.production else None)
    older = before.previous
    if older is None or older == version or not withdrawal.is_trustworthy(client, name, older, mark):
        older = promotion.newest_before(client, name, version)
    return Aliases(older, None)


def _state(api: ModelApi, name: str, production: str | None) -> str:
    """Say what is in production, and what is served where that is another."""
    told = f"version {production} stays in production" if production else "no version is in production"
    model, served = api.served()
    if served is None or (model, served) == (name, production):
        return told
    return f"{told} (the API serves version {served} of {model} until it reloads)"
