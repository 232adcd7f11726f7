"""Bring a model version into service, or leave everything as it was before.

A version is in service when alias ``production`` names it *and* the model API answers with it. Each try is
whole: it points the alias, reloads, and asks; whatever goes wrong, the alias goes back to the version that was
in production before, so it never keeps naming a model that nobody serves.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from driftgate.durations import format_duration
from driftgate.errors import DriftgateError, Outage
from driftgate.services import registry
from driftgate.services.model_api import ModelApi
from driftgate.services.registry import Aliases

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

log = logging.getLogger(__name__)
PAUSE = 0.5


def bring_into_service(
    tracking_uri: str, api: ModelApi, promoted: Mapping[str, Any], timeout: timedelta
) -> dict[str, str]:
    """Make the API serve the promoted version and wait until it answers with it.

    ``promoted`` is what ``registry.promote`` returned. Returns ``{"model", "version", "url"}``. Raises Outage
    or UserMistake after having put back the aliases and, where it can be reached, the API.
    """
    client = registry.connect(tracking_uri)
    name, version, before = promoted["model"], promoted["version"], Aliases(**promoted["before"])
    with registry.explained():
        if registry.version_at(client, name, registry.PRODUCTION) != version:  # an earlier try took it back
            registry.set_aliases(client, name, Aliases(production=version, previous=before.production))
    try:
        api.post("/reload", {"version": version})
        _wait_for(api, version, timeout)
    except DriftgateError as error:
        _put_back(client, api, name, before)
        stays = f"version {before.production} stays" if before.production else "no version is"
        raise type(error)(
            f"version {version} of {name} was not brought into service, {stays} in production: {error}"
        ) from error
    log.info("The API at %s serves version %s of %s", api.url, version, name)
    return {"model": name, "version": version, "url": api.url}


def _wait_for(api: ModelApi, version: str, timeout: timedelta) -> None:
    deadline = time.monotonic() + timeout.total_seconds()
    while (served := api.ready_version()) != version:
        if time.monotonic() > deadline:
            serves = f"serves version {served}" if served else "serves no model"
            raise Outage(f"{api.url} {serves}, not {version}, after {format_duration(timeout)}")
        time.sleep(PAUSE)


def _put_back(client: MlflowClient, api: ModelApi, name: str, before: Aliases) -> None:
    with registry.explained():
        registry.set_aliases(client, name, before)
    log.warning("Alias %s of %s names version %s again", registry.PRODUCTION, name, before.production)
    try:
        api.post("/reload", {})
    except DriftgateError as error:
        log.warning("The API could not be told; it loads that version when it starts: %s", error)
