"""Bring an earlier version back into service, and keep out the ones that it replaces."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from driftgate.errors import DriftgateError, NothingToDo, UserMistake
from driftgate.services import promotion, registry
from driftgate.services.model_api import ModelApi
from driftgate.services.patience import until
from driftgate.services.registry import Aliases
from driftgate.services.release import bring_into_service
from driftgate.services.withdrawal import Plan, Withdrawal, begun, when, withdrawn

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

log = logging.getLogger(__name__)


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
    withdrawal = Withdrawal(client, name, plan)
    try:
        with registry.explained():
            withdrawal.begin(_replaced(client, name, plan))  # before any alias moves: from now on nobody promotes it
            if plan.target == now.production:
                registry.set_aliases(client, name, Aliases(plan.target, _previous(now, plan)))
        back = {"model": name, "version": plan.target, "before": asdict(now)}
        done = bring_into_service(tracking_uri, api, back, timeout, plan.mark)
        _require_not_overtaken(done, plan.target)
    except BaseException as error:
        if (undone := withdrawal.undo()) and isinstance(error, DriftgateError):
            raise type(error)(f"{error}; {undone}") from error
        raise
    withdrawal.end(_replaced(client, name, plan))
    return {**done, "from": plan.left}


def instead_of(done: Mapping[str, Any]) -> str:
    """Return what a version that is back replaces, for the end of a sentence."""
    return f", instead of {done['from']}" if done["from"] else ", for it was not served"


def _planned(client: MlflowClient, api: ModelApi, name: str, to: str | None, force: bool) -> tuple[Aliases, Plan]:
    """Return the aliases as they are, and what to do; NothingToDo when it is done, and the version served, already."""
    registry.require_model(client, name)
    to = _known(client, name, to) if to is not None else None
    if not until(lambda: _is_free(client, name, to), promotion.SETTLED_SECONDS):
        log.warning("Another rollback of %s has not ended, and gives way to this one", name)
    now = registry.aliases(client, name)
    earlier = begun(client, name)
    if earlier and to in (None, earlier.target):
        plan = earlier
    else:
        if earlier and now.production == earlier.left:
            Withdrawal(client, name, earlier).take_back()  # nothing has moved, and it is not to
        plan = _new_plan(client, name, to or _target(client, api, name, now), now)
    if not force:
        _require_proven(client, name, plan.target, now)
    if plan is not earlier and now.production == plan.target and api.served() == (name, plan.target):
        client.delete_model_version_tag(name, plan.target, registry.WITHDRAWN_TAG)
        raise NothingToDo(f"version {plan.target} of {name} is in production, and served, already")
    return now, plan


def _is_free(client: MlflowClient, name: str, to: str | None) -> bool:
    """Whether no rollback to another version is under way; ``None`` goes wherever one leads."""
    other = begun(client, name)
    return other is None or to in (None, other.target)


def _new_plan(client: MlflowClient, name: str, target: str, now: Aliases) -> Plan:
    left = now.production if now.production != target else None
    return Plan(target, left, datetime.now(UTC).isoformat(), withdrawn(client, name, target))


def _known(client: MlflowClient, name: str, to: str) -> str:
    """Return the number of a version as MLflow writes it; UserMistake when there is none."""
    text = to.strip().lstrip("0")
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and registry.exists(client, name, text)):
        raise UserMistake(f"there is no version {to.strip()} of {name}")
    return text


def _replaced(client: MlflowClient, name: str, plan: Plan) -> Iterator[str]:
    """Return what is to be withdrawn; nothing where the target is newer: going forward leaves nothing bad behind."""
    if plan.left is None or int(plan.left) < int(plan.target):
        return
    yield plan.left
    for between in promotion.promoted_after(client, name, plan.target):
        if registry.number(between) < int(plan.left) and not promotion.under_way(between):
            yield str(between.version)


def _previous(now: Aliases, plan: Plan) -> str | None:
    """Return what alias ``previous`` is to name where the other names the target already."""
    return plan.left or (now.previous if now.previous != plan.target else None)


def _require_not_overtaken(done: dict[str, Any], target: str) -> None:
    if other := done["superseded_by"]:
        raise UserMistake(
            f"version {other} of {done['model']} was put into production meanwhile, and goes first; if it is not to: "
            f"driftgate rollback {done['model']} --to {target}"
        )


def _target(client: MlflowClient, api: ModelApi, name: str, now: Aliases) -> str:
    """Return the version to go back to; UserMistake when there is none, NothingToDo when a rollback was made."""
    if mark := _withdrawn_at(client, name, now):
        if api.served() != (name, now.production):
            return str(now.production)
        raise NothingToDo(
            f"nothing done: version {now.production} of {name} is in production, and version {now.previous} was rolled "
            f"back to it at {when(mark)}; to go back further: driftgate rollback {name} --to VERSION"
        )
    noted = _noted(client, name, now.production)
    for version in (noted, now.previous):
        if version not in (None, now.production) and not withdrawn(client, name, str(version)):
            return str(version)
    if now.production and (found := promotion.newest_before(client, name, now.production)):
        return found
    raise UserMistake(f"no version of {name} is known to go back to; say which: --to VERSION")


def _withdrawn_at(client: MlflowClient, name: str, now: Aliases) -> str | None:
    """Return when the version before was withdrawn, if the one in production came by that rollback."""
    if not (now.production and now.previous and int(now.production) < int(now.previous)):
        return None
    return withdrawn(client, name, now.previous)


def _noted(client: MlflowClient, name: str, production: str | None) -> str | None:
    """Return what was in production before the version that is, as its promotion noted; None if that is gone."""
    noted = registry.aliases_before(client.get_model_version(name, production)) if production else None
    before = noted.production if noted else None
    return before if before and registry.exists(client, name, before) else None


def _require_proven(client: MlflowClient, name: str, version: str, now: Aliases) -> None:
    """Raise UserMistake unless the version has been promoted once: gates alone do not tell what people said of it."""
    tags = client.get_model_version(name, version).tags
    gates = tags.get(registry.GATES_TAG)
    known = gates is None and version in (now.production, now.previous)  # from before Driftgate
    if not (known or registry.BEFORE_TAG in tags):
        found = {"passed": "was never promoted", "failed": "failed its gates"}.get(gates or "", "was never evaluated")
        way = f"driftgate rollback {name} --to {version} --force"
        raise UserMistake(f"version {version} of {name} {found}; to serve it all the same: {way}")
