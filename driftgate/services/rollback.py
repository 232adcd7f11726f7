"""Bring an earlier version back into service, and keep out the ones that it replaces."""

from __future__ import annotations

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
        now, target = _planned(client, api, name, to, force)
        left, marks = _left(client, name, target, now), _Marks(client, name)
    try:
        with registry.explained():
            marks.take_away(target)
            if left:  # before any alias moves: from now on nobody promotes it
                marks.put(left)
            if target == now.production:  # a rollback that was killed may have left the rest undone
                registry.set_aliases(client, name, Aliases(target, left))
        back = {"model": name, "version": target, "before": asdict(now)}
        done = bring_into_service(tracking_uri, api, back, timeout)
        _require_not_overtaken(done, target)
    except BaseException as error:
        if (undone := marks.undo()) and isinstance(error, DriftgateError):
            raise type(error)(f"{error}; {undone}") from error
        raise
    with registry.explained():
        for between in promotion.promoted_after(client, name, target):
            if not promotion.under_way(between):
                marks.put(str(between.version))
    return {**done, "from": left}


def _planned(client: MlflowClient, api: ModelApi, name: str, to: str | None, force: bool) -> tuple[Aliases, str]:
    """Return the aliases as they are, and the version to go back to; NothingToDo when it is served already."""
    registry.require_model(client, name)
    if to is not None and not registry.exists(client, name, to):
        raise UserMistake(f"there is no version {to} of {name}")
    now = registry.aliases(client, name)
    target = to or _target(client, api, name, now)
    if not force:
        _require_proven(client, name, target, now)
    if target == now.production and api.served() == (name, target):
        client.delete_model_version_tag(name, target, registry.WITHDRAWN_TAG)  # of one who was killed before that
        raise NothingToDo(f"version {target} of {name} is in production, and served, already")
    return now, target


def _require_not_overtaken(done: dict[str, Any], target: str) -> None:
    if other := done["superseded_by"]:
        raise UserMistake(
            f"version {other} of {done['model']} went into production meanwhile, and stays; if it is not to: "
            f"driftgate rollback {done['model']} --to {target}"
        )


def _target(client: MlflowClient, api: ModelApi, name: str, now: Aliases) -> str:
    """Return the version to go back to; UserMistake when there is none, NothingToDo when a rollback was made."""
    if now.production and now.production == now.previous:
        return now.production  # a rollback was killed between the two
    if withdrawn := _withdrawn_at(client, name, now):
        if api.served() != (name, now.production):
            return str(now.production)  # an earlier rollback was killed halfway
        raise NothingToDo(
            f"nothing done: version {now.production} of {name} is in production, and version {now.previous} was rolled "
            f"back to it at {promotion.when(withdrawn)}; to go back further: driftgate rollback {name} --to VERSION"
        )
    noted = _noted(client, name, now.production)
    for version in (noted, now.previous):
        if version not in (None, now.production) and registry.WITHDRAWN_TAG not in _tags(client, name, version):
            return str(version)
    if now.production and (found := promotion.newest_before(client, name, now.production)):
        return found
    raise UserMistake(f"no version of {name} is known to go back to; say which: --to VERSION")


def _withdrawn_at(client: MlflowClient, name: str, now: Aliases) -> str | None:
    """Return when the version before was withdrawn, if the one in production came by that rollback."""
    if not (now.production and now.previous and int(now.production) < int(now.previous)):
        return None
    return _tags(client, name, now.previous).get(registry.WITHDRAWN_TAG)


def _noted(client: MlflowClient, name: str, production: str | None) -> str | None:
    """Return what was in production before the version that is, as its promotion noted; None if that is gone."""
    noted = registry.aliases_before(client.get_model_version(name, production)) if production else None
    before = noted.production if noted else None
    return before if before and registry.exists(client, name, before) else None


def _left(client: MlflowClient, name: str, target: str, now: Aliases) -> str | None:
    """Return the version that a rollback to ``target`` takes out of production, also where one was killed halfway."""
    if now.production != target:
        return now.production
    newer = [version for version in client.search_model_versions(f"name = '{registry.quoted(name)}'")
             if registry.number(version) > int(target) and registry.WITHDRAWN_TAG in version.tags]  # fmt: skip
    last = max(newer, key=lambda version: version.tags[registry.WITHDRAWN_TAG], default=None)
    return str(last.version) if last else now.previous


def _require_proven(client: MlflowClient, name: str, version: str, now: Aliases) -> None:
    """Raise UserMistake unless the version has passed its gates, or has been promoted once."""
    tags = client.get_model_version(name, version).tags  # a version that does not exist is refused by name
    gates = tags.get(registry.GATES_TAG)
    known = gates is None and version in (now.production, now.previous)  # from before Driftgate
    if not (known or gates == "passed" or registry.BEFORE_TAG in tags):
        why = "failed its gates" if gates == "failed" else "was never evaluated"
        raise UserMistake(f"version {version} of {name} {why}; to serve it all the same: driftgate rollback --force")


def _tags(client: MlflowClient, name: str, version: str | None) -> dict[str, str]:
    return dict(client.get_model_version(name, version).tags)


class _Marks:
    """What one rollback changes of which versions count as withdrawn; others may do the same at the same time."""

    def __init__(self, client: MlflowClient, name: str) -> None:
        self._client, self._name = client, name
        self._own = datetime.now(UTC).isoformat()
        self._before: dict[str, str | None] = {}

    def put(self, version: str) -> None:
        """Withdraw a version."""
        self._remember(version)
        registry.tag_version(self._client, self._name, version, registry.WITHDRAWN_TAG, self._own)

    def take_away(self, version: str) -> None:
        """Let a version into production again."""
        if self._remember(version) is not None:
            self._client.delete_model_version_tag(self._name, version, registry.WITHDRAWN_TAG)

    def undo(self) -> str:
        """Take all of it back, but not what others have done since; returns what could not be, in words."""
        try:
            with registry.explained():
                for version, before in self._before.items():
                    self._restore(version, before)
        except DriftgateError as error:
            return f"and {', '.join(self._before)} may still count as rolled back, or no longer ({error})"
        return ""

    def _remember(self, version: str) -> str | None:
        return self._before.setdefault(version, _tags(self._client, self._name, version).get(registry.WITHDRAWN_TAG))

    def _restore(self, version: str, before: str | None) -> None:
        now = _tags(self._client, self._name, version).get(registry.WITHDRAWN_TAG)
        if before is not None and now in (None, self._own):
            registry.tag_version(self._client, self._name, version, registry.WITHDRAWN_TAG, before)
        elif before is None and now == self._own:
            self._client.delete_model_version_tag(self._name, version, registry.WITHDRAWN_TAG)
