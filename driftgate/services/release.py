"""Bring a model version into service, or leave everything as it was before.

A version is in service when alias ``production`` names it *and* the model API answers with it. Each try is
whole: it points the alias, reloads, and asks; when anything goes wrong, the aliases go back to what they were, so
that ``production`` does not keep naming a model that nobody serves. Should MLflow itself be gone by then, the
error says so, and the next try, which begins by looking, mends it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from driftgate.durations import format_duration
from driftgate.errors import DriftgateError, NothingToDo, Outage, UserMistake, without_password
from driftgate.services import registry
from driftgate.services.model_api import ModelApi
from driftgate.services.registry import Aliases

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

log = logging.getLogger(__name__)
PAUSE = 0.5


def bring_into_service(
    tracking_uri: str, api: ModelApi, promoted: Mapping[str, Any], timeout: timedelta
) -> dict[str, Any]:
    """Make the API serve the promoted version and wait until it answers with it.

    ``promoted`` is what ``registry.promote`` returned. Returns ``{"model", "version", "url", "superseded_by"}``;
    where somebody has moved the alias to another version since, that one stays: it is ``superseded_by``, and
    nothing is done. Raises Outage or UserMistake after having put back the aliases and, where it can be
    reached, the API.
    """
    client = registry.connect(tracking_uri)
    name, version, before = promoted["model"], promoted["version"], Aliases(**promoted["before"])
    done = {"model": name, "version": version, "url": without_password(api.url), "superseded_by": None}
    with registry.explained():
        if (current := registry.version_at(client, name, registry.PRODUCTION)) != version:
            current = registry.settled(client, name)
        if current not in (version, before.production):
            return {**done, "superseded_by": current}
        if current != version:  # an earlier try took it back
            registry.set_aliases(client, name, Aliases(production=version, previous=before.production))
    try:
        _reload(client, api.patient(timeout.total_seconds()), name, version)
        _wait_for(api, name, version, timeout)
    except BaseException as error:  # a time-out of Airflow is no Exception
        if isinstance(error, DriftgateError) and (other := _moved_to(client, name, version)):
            log.warning("Version %s of %s gives way to %s: %s", version, name, other, error)
            return {**done, "superseded_by": other}
        state = _put_back(client, api, name, version, before)
        if isinstance(error, DriftgateError):
            raise type(error)(f"version {version} of {name} was not brought into service, {state}: {error}") from error
        raise
    log.info("The API at %s serves version %s of %s", done["url"], version, name)
    return done


def roll_back(tracking_uri: str, api: ModelApi, name: str, to: str | None, timeout: timedelta) -> dict[str, Any]:
    """Bring an earlier version back into service: ``to``, or the one that was there before.

    Returns what ``bring_into_service`` does, and ``from``: the version withdrawn, which no cleared task can promote
    again, nor a second rollback bring back that does not name it. Raises NothingToDo when ``to`` is in service
    already, UserMistake when there is no such version, and otherwise as ``bring_into_service``, everything being as
    it was before.
    """
    client = registry.connect(tracking_uri)
    with registry.explained():
        now = registry.aliases(client, name)
        target = _target(client, api, name, to, now)
        if target == now.production and api.served() == (name, target):
            client.delete_model_version_tag(name, target, registry.WITHDRAWN_TAG)  # of one who was killed before that
            raise NothingToDo(f"version {target} of {name} is in production, and served, already")
        withdrawn = now.production if now.production != target else None
        if withdrawn:  # before any alias moves: from now on nobody promotes it, or brings it back unasked
            stamp = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
            client.set_model_version_tag(name, withdrawn, registry.WITHDRAWN_TAG, stamp)
    try:
        back = {"model": name, "version": target, "before": asdict(now)}
        done = bring_into_service(tracking_uri, api, back, timeout)
    except BaseException:
        if withdrawn:
            _keep_in_production(client, name, withdrawn)
        raise
    if other := done["superseded_by"]:
        again = f"driftgate rollback {name} --to {target}"
        raise UserMistake(
            f"version {other} of {name} went into production meanwhile, and stays; if it is not to: {again}"
        )
    with registry.explained():
        client.delete_model_version_tag(name, target, registry.WITHDRAWN_TAG)
    return {**done, "from": withdrawn or now.previous}


def _target(client: MlflowClient, api: ModelApi, name: str, to: str | None, now: Aliases) -> str:
    """Return the version to go back to; UserMistake when there is none, or it needs to be named."""
    if to is not None:
        client.get_model_version(name, to)  # a version that does not exist is refused by name
        return to
    if now.previous is None:
        raise UserMistake(f"alias previous of {name} names no version; say which: --to VERSION")
    withdrawn = client.get_model_version(name, now.previous).tags.get(registry.WITHDRAWN_TAG)
    if withdrawn and now.production is not None and api.served() != (name, now.production):
        return now.production  # an earlier rollback was killed halfway
    if withdrawn:
        raise UserMistake(
            f"the version before, {now.previous} of {name}, was rolled back itself at {withdrawn}; say which one is to "
            f"be in production: --to VERSION (now it is {now.production})"
        )
    return now.previous


def _keep_in_production(client: MlflowClient, name: str, version: str) -> None:
    """Take back that a version was withdrawn."""
    try:
        with registry.explained():
            client.delete_model_version_tag(name, version, registry.WITHDRAWN_TAG)
    except DriftgateError as error:
        log.warning("Version %s of %s still counts as rolled back: %s", version, name, error)


def _reload(client: MlflowClient, api: ModelApi, name: str, version: str) -> None:
    try:
        api.post("/reload", {"model": name, "version": version})
    except UserMistake:
        if registry.settled(client, name) != version:
            raise
        api.post("/reload", {"model": name, "version": version})  # the alias named another for a moment only


def _moved_to(client: MlflowClient, name: str, version: str) -> str | None:
    """Return the version that the alias names by now, if it is another: somebody else is at work."""
    try:
        with registry.explained():
            current = registry.settled(client, name)
    except DriftgateError:
        return None
    return current if current != version else None


def _wait_for(api: ModelApi, name: str, version: str, timeout: timedelta) -> None:
    deadline = time.monotonic() + timeout.total_seconds()
    while (served := api.served()) != (name, version):
        if time.monotonic() > deadline:
            serves = f"serves version {served[1]} of {served[0]}" if served[1] else "serves no model"
            raise Outage(f"{api.url} {serves} after {format_duration(timeout)}")
        time.sleep(PAUSE)


def _put_back(client: MlflowClient, api: ModelApi, name: str, version: str, before: Aliases) -> str:
    """Undo the promotion, unless somebody else has moved the alias meanwhile; returns what is so now."""
    try:
        with registry.explained():
            if registry.version_at(client, name, registry.PRODUCTION) == version:
                registry.set_aliases(client, name, before)
    except DriftgateError as error:
        return f"and alias production could not be put back to {before.production or 'none'} ({error})"
    log.warning("Alias %s of %s names version %s again", registry.PRODUCTION, name, before.production)
    try:
        api.post("/reload", {})
    except DriftgateError as error:
        log.warning("The API could not be told; it loads that version when it starts: %s", error)
    return f"version {before.production} stays in production" if before.production else "no version is in production"
