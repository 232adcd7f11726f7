"""Bring an earlier version back into service, and keep out the ones that it replaces."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
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


@dataclass(frozen=True)
class Plan:
    """What a rollback is going to do. Noted with the model before anything moves, so that the next can complete it."""

    target: str
    left: str | None  # the version that goes out of production; None where ``target`` is in production, but not served
    mark: str  # what it writes on the versions that it withdraws: when, unlike those of all other rollbacks
    taken: str | None  # the mark that the target had: of another rollback


def roll_back(
    tracking_uri: str, api: ModelApi, name: str, to: str | None, timeout: timedelta, *, force: bool = False
) -> dict[str, Any]:
    """Bring an earlier version back into service: ``to``, or the one that was there before.

    Returns what ``bring_into_service`` does, and ``from``: the version that was in production. Where that is newer, it
    and what was promoted between the two is withdrawn: no cleared task can promote it again, nor a second rollback
    bring it back that does not name it. Raises NothingToDo when that has been done already, UserMistake when there is
    no such version, or one that was never promoted (unless ``force``), and otherwise as
    ``bring_into_service``, everything being as it was before.
    """
    client = registry.connect(tracking_uri)
    with registry.explained():
        now, plan = _planned(client, api, name, to, force)
    marks = _Marks(client, name, plan)
    try:
        with registry.explained():
            marks.put()  # before any alias moves: from now on nobody promotes what is withdrawn
            if plan.target == now.production:
                registry.set_aliases(client, name, Aliases(plan.target, _previous(now, plan)))
        back = {"model": name, "version": plan.target, "before": asdict(now)}
        done = bring_into_service(tracking_uri, api, back, timeout, plan.mark)
        _require_not_overtaken(done, plan.target)
    except BaseException as error:
        if (undone := marks.undo()) and isinstance(error, DriftgateError):
            raise type(error)(f"{error}; {undone}") from error
        raise
    marks.settle()
    return {**done, "from": plan.left}


def instead_of(done: Mapping[str, Any]) -> str:
    """Return what a version that is back replaces, for the end of a sentence."""
    return f", instead of {done['from']}" if done["from"] else ", for it was not served"


def _planned(client: MlflowClient, api: ModelApi, name: str, to: str | None, force: bool) -> tuple[Aliases, Plan]:
    """Return the aliases as they are, and what to do; NothingToDo when it is done, and the version served, already."""
    registry.require_model(client, name)
    to = _known(client, name, to) if to is not None else None
    now = registry.aliases(client, name)
    begun = _begun(client, name, now)
    if begun and to in (None, begun.target):
        plan = begun
    else:
        if begun and now.production == begun.left:
            _Marks(client, name, begun).take_back()  # nothing has moved, and it is not to
        plan = _new_plan(client, name, to or _target(client, api, name, now), now)
    if not force:
        _require_proven(client, name, plan.target, now)
    if plan is not begun and now.production == plan.target and api.served() == (name, plan.target):
        client.delete_model_version_tag(name, plan.target, registry.WITHDRAWN_TAG)
        raise NothingToDo(f"version {plan.target} of {name} is in production, and served, already")
    return now, plan


def _new_plan(client: MlflowClient, name: str, target: str, now: Aliases) -> Plan:
    left = now.production if now.production != target else None
    taken = _tags(client, name, target).get(registry.WITHDRAWN_TAG)
    return Plan(target, left, datetime.now(UTC).isoformat(), taken)


def _known(client: MlflowClient, name: str, to: str) -> str:
    """Return the number of a version as MLflow writes it; UserMistake when there is none."""
    text = to.strip().lstrip("0")
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and registry.exists(client, name, text)):
        raise UserMistake(f"there is no version {to.strip()} of {name}")
    return text


def _begun(client: MlflowClient, name: str, now: Aliases) -> Plan | None:
    """Return what another rollback is about to do, or was when it was killed; None if it has been overtaken since."""
    plan = _noted_plan(client, name)
    if plan is None or now.production not in (plan.target, plan.left):
        return None
    if now.production is None or not registry.exists(client, name, plan.target):
        return None
    is_there = plan.left and registry.exists(client, name, plan.left)  # else somebody has deleted it meanwhile
    return plan if is_there else replace(plan, left=None)


def _noted_plan(client: MlflowClient, name: str) -> Plan | None:
    try:
        plan = Plan(**json.loads(client.get_registered_model(name).tags[registry.ROLLING_BACK_TAG]))
        int(plan.target), int(plan.left or 0)
    except (KeyError, TypeError, ValueError):  # there is none, or nobody of ours wrote it
        return None
    return plan


def _previous(now: Aliases, plan: Plan) -> str | None:
    """Return what alias ``previous`` is to name where the other names the target already."""
    return plan.left or (now.previous if now.previous != plan.target else None)


def _require_not_overtaken(done: dict[str, Any], target: str) -> None:
    if other := done["superseded_by"]:
        raise UserMistake(
            f"version {other} of {done['model']} went into production meanwhile, and stays; if it is not to: "
            f"driftgate rollback {done['model']} --to {target}"
        )


def _target(client: MlflowClient, api: ModelApi, name: str, now: Aliases) -> str:
    """Return the version to go back to; UserMistake when there is none, NothingToDo when a rollback was made."""
    if withdrawn := _withdrawn_at(client, name, now):
        if api.served() != (name, now.production):
            return str(now.production)
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


def _require_proven(client: MlflowClient, name: str, version: str, now: Aliases) -> None:
    """Raise UserMistake unless the version has been promoted once: gates alone do not tell what people said of it."""
    tags = _tags(client, name, version)
    gates = tags.get(registry.GATES_TAG)
    known = gates is None and version in (now.production, now.previous)  # from before Driftgate
    if not (known or registry.BEFORE_TAG in tags):
        found = {"passed": "was never promoted", "failed": "failed its gates"}.get(gates or "", "was never evaluated")
        way = f"driftgate rollback {name} --to {version} --force"
        raise UserMistake(f"version {version} of {name} {found}; to serve it all the same: {way}")


def _tags(client: MlflowClient, name: str, version: str | None) -> dict[str, str]:
    return dict(client.get_model_version(name, version).tags)


class _Marks:
    """What one rollback writes down: its plan, and which versions are withdrawn. Others may do the same meanwhile."""

    def __init__(self, client: MlflowClient, name: str, plan: Plan) -> None:
        self._client, self._name, self._plan = client, name, plan

    def put(self) -> None:
        """Note the plan, let its target into production again, and withdraw what it replaces."""
        registry.tag_model(self._client, self._name, registry.ROLLING_BACK_TAG, json.dumps(asdict(self._plan)))
        self._client.delete_model_version_tag(self._name, self._plan.target, registry.WITHDRAWN_TAG)
        self._withdraw(self._plan.mark)

    def settle(self) -> None:
        """Leave nothing unfinished behind: it is done, and nobody else is to undo it.

        Another rollback that has given way may have undone marks of ours; one of the same plan that fails by now would.
        """
        try:
            with registry.explained():
                if self._is_in_production():
                    self._withdraw(datetime.now(UTC).isoformat())
                self._forget()
        except DriftgateError as error:
            log.warning("The rollback is done; its note stays until the next: %s", error)

    def undo(self) -> str:
        """Take all of it back, but not what others have done; returns what could not be, in words."""
        unfinished = f"and it is not finished: the next rollback of {self._name} takes it up again"
        try:
            with registry.explained():
                if self._plan.left and self._is_in_production():  # where it could not be put back
                    return unfinished
                self.take_back()
        except DriftgateError as error:
            return f"{unfinished} ({error})"
        return ""

    def take_back(self) -> None:
        """Undo as ``undo`` does, but for the errors, which are MLflow's."""
        target, mark = self._plan.target, registry.WITHDRAWN_TAG
        rule = f"name = '{registry.quoted(self._name)}' and tags.`{mark}` = '{registry.quoted(self._plan.mark)}'"
        for version in self._client.search_model_versions(rule):
            self._client.delete_model_version_tag(self._name, str(version.version), mark)
        if self._plan.taken and mark not in _tags(self._client, self._name, target):
            registry.tag_version(self._client, self._name, target, mark, self._plan.taken)
        self._forget()

    def _is_in_production(self) -> bool:
        return registry.version_at(self._client, self._name, registry.PRODUCTION) == self._plan.target

    def _withdraw(self, mark: str) -> None:
        """Mark what is replaced, unless it is older: whoever goes forward leaves nothing bad behind."""
        if self._plan.left is None or int(self._plan.left) < int(self._plan.target):
            return
        self._mark(self._plan.left, mark)
        for between in promotion.promoted_after(self._client, self._name, self._plan.target):
            if registry.number(between) < int(self._plan.left) and not promotion.under_way(between):
                self._mark(str(between.version), mark)

    def _mark(self, version: str, mark: str) -> None:
        registry.tag_version(self._client, self._name, version, registry.WITHDRAWN_TAG, mark)

    def _forget(self) -> None:
        if _noted_plan(self._client, self._name) == self._plan:
            self._client.delete_registered_model_tag(self._name, registry.ROLLING_BACK_TAG)
