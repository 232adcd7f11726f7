"""Bring an earlier version back into service, and keep out the ones that it replaces."""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from driftgate.errors import DriftgateError, NothingToDo, UserMistake
from driftgate.services import promotion, registry
from driftgate.services.model_api import ModelApi
from driftgate.services.registry import Aliases
from driftgate.services.release import bring_into_service

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

log = logging.getLogger(__name__)

Marks = dict[str, tuple[str | None, str | None]]  # version → when it was withdrawn: as it is, as it is to be


def roll_back(
    tracking_uri: str, api: ModelApi, name: str, to: str | None, timeout: timedelta, *, force: bool = False
) -> dict[str, Any]:
    """Bring an earlier version back into service: ``to``, or the one that was there before.

    Returns what ``bring_into_service`` does, and ``from``: the version that was in production. That one, and what was
    promoted between the two, is withdrawn: no cleared task can promote it again, nor a second rollback bring it back
    that does not name it. Raises NothingToDo when that has been done already, UserMistake when there is no such
    version, or one that has never passed its gates (unless ``force``), and otherwise as ``bring_into_service``,
    everything being as it was before.
    """
    client = registry.connect(tracking_uri)
    with registry.explained():
        now = registry.aliases(client, name)
        target = _target(client, api, name, to, now)
        if not force:
            _require_proven(client, name, target, now)
        if target == now.production and api.served() == (name, target):
            client.delete_model_version_tag(name, target, registry.WITHDRAWN_TAG)  # of one who was killed before that
            raise NothingToDo(f"version {target} of {name} is in production, and served, already")
        marks = _marks(client, name, target, now)
    back = {"model": name, "version": target, "before": asdict(now)}
    try:
        with registry.explained():
            _mark(client, name, marks)  # before any alias moves: from now on nobody promotes these
        done = bring_into_service(tracking_uri, api, back, timeout)
    except BaseException:
        _unmark(client, name, marks)
        raise
    if other := done["superseded_by"]:
        again = f"driftgate rollback {name} --to {target}"
        raise UserMistake(
            f"version {other} of {name} went into production meanwhile, and stays; if it is not to: {again}"
        )
    return {**done, "from": now.production if now.production != target else now.previous}


def _target(client: MlflowClient, api: ModelApi, name: str, to: str | None, now: Aliases) -> str:
    """Return the version to go back to; UserMistake when there is none, NothingToDo when a rollback was made."""
    if to is not None:
        return to
    if now.previous is None:
        raise UserMistake(f"alias previous of {name} names no version; say which: --to VERSION")
    withdrawn = _withdrawn(client, name, now.previous)
    if withdrawn and now.production is not None and api.served() != (name, now.production):
        return now.production  # an earlier rollback was killed halfway
    if withdrawn:
        raise NothingToDo(
            f"version {now.production} of {name} is in production since {now.previous}, the one before, was rolled "
            f"back at {withdrawn}; to go back further, say to which: --to VERSION"
        )
    return now.previous


def _require_proven(client: MlflowClient, name: str, version: str, now: Aliases) -> None:
    """Raise UserMistake unless the version has passed its gates, or has been promoted once."""
    tags = client.get_model_version(name, version).tags  # a version that does not exist is refused by name
    if version in (now.production, now.previous) or registry.BEFORE_TAG in tags:
        return
    if (gates := tags.get(registry.GATES_TAG)) != "passed":
        why = "failed its gates" if gates == "failed" else "was never evaluated"
        raise UserMistake(f"version {version} of {name} {why}; to serve it all the same: driftgate rollback --force")


def _withdrawn(client: MlflowClient, name: str, version: str) -> str | None:
    return client.get_model_version(name, version).tags.get(registry.WITHDRAWN_TAG)  # type: ignore[no-any-return]


def _marks(client: MlflowClient, name: str, target: str, now: Aliases) -> Marks:
    """Return what a rollback to ``target`` changes: it is not withdrawn, and all that was promoted after it is."""
    stamp = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    after = {str(version.version) for version in promotion.promoted_after(client, name, target)}
    after |= {now.production} if now.production not in (None, target) else set()
    marks: Marks = {version: (_withdrawn(client, name, version), stamp) for version in sorted(after)}
    return {target: (_withdrawn(client, name, target), None), **marks}


def _mark(client: MlflowClient, name: str, marks: Marks) -> None:
    for version, (before, wanted) in marks.items():
        if wanted is not None:
            client.set_model_version_tag(name, version, registry.WITHDRAWN_TAG, wanted)
        elif before is not None:
            client.delete_model_version_tag(name, version, registry.WITHDRAWN_TAG)


def _unmark(client: MlflowClient, name: str, marks: Marks) -> None:
    """Take back what a rollback that failed has marked."""
    try:
        with registry.explained():
            _mark(client, name, {version: (wanted, before) for version, (before, wanted) in marks.items()})
    except DriftgateError as error:
        log.warning("Of %s versions %s still count as rolled back: %s", name, ", ".join(marks), error)
