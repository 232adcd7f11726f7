"""Versions that are kept out of production, and the rollback that keeps them out: noted before anything moves.

A version is withdrawn by a tag that says when. Until its rollback has ended, the plan of that is noted with the model:
whoever meets it knows that what it sees may yet be undone, and the next rollback completes what a killed one has begun.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from driftgate.errors import DriftgateError, Outage, UserMistake
from driftgate.services import registry
from driftgate.services.registry import ROLLING_BACK_TAG, WITHDRAWN_TAG

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What a rollback is going to do."""

    target: str
    left: str | None  # the version that goes out of production; None where ``target`` is in production, but not served
    mark: str  # what it writes on the versions that it withdraws: when, unlike those of all other rollbacks
    taken: str | None  # the mark that the target had: of another rollback


def begun(client: MlflowClient, name: str) -> Plan | None:
    """Return what another rollback is about to do, or was when it was killed; None if it has been overtaken since."""
    plan, production = _noted(client, name)
    if plan is None or production is None or production not in (plan.target, plan.left):
        return None
    if not registry.exists(client, name, plan.target):
        return None
    is_there = plan.left and registry.exists(client, name, plan.left)  # else somebody has deleted it meanwhile
    return plan if is_there else replace(plan, left=None)


def _noted(client: MlflowClient, name: str) -> tuple[Plan | None, str | None]:
    """Return the plan that is noted with a model, and the version in production, both of one moment."""
    model = client.get_registered_model(name)
    production = model.aliases.get(registry.PRODUCTION)
    try:
        plan = Plan(**json.loads(model.tags[ROLLING_BACK_TAG]))
        int(plan.target), int(plan.left or 0)
    except (KeyError, TypeError, ValueError):  # there is none, or nobody of ours wrote it
        plan = None
    return plan, str(production) if production else None


def withdrawn(client: MlflowClient, name: str, version: str) -> str | None:
    """Return the mark of the rollback that has withdrawn a version; None if none has."""
    mark: str | None = client.get_model_version(name, version).tags.get(WITHDRAWN_TAG)
    return mark


def when(mark: str) -> str:
    """Return the time in a mark for people."""
    return f"{mark[:16].replace('T', ' ')} UTC"


def is_trustworthy(client: MlflowClient, name: str, version: str, mark: str = "") -> bool:
    """Whether the version is there, and was not rolled back, or only by the rollback that writes ``mark``."""
    return registry.exists(client, name, version) and withdrawn(client, name, version) in (None, mark)


def refusal(client: MlflowClient, name: str, version: str) -> DriftgateError | None:
    """Return why a version may not go into production; None if it may.

    A UserMistake where it was rolled back, for a person has to bring it back; an Outage while that is under way, for it
    may yet fail.
    """
    plan = begun(client, name)
    if plan and (plan.left == version or int(version) < int(plan.target)):  # the target would keep an older one out
        what = "is just being rolled back" if plan.left == version else "waits for a rollback"
        return Outage(
            f"version {version} of {name} {what} to {plan.target}; if that was broken off, complete it: "
            f"driftgate rollback {name}"
        )
    if mark := withdrawn(client, name, version):
        return UserMistake(
            f"version {version} of {name} was rolled back at {when(mark)}; train another, or bring it back: "
            f"driftgate rollback {name} --to {version}"
        )
    return None


def require_not_withdrawn(client: MlflowClient, name: str, version: str) -> None:
    """Raise what ``refusal`` returns."""
    if error := refusal(client, name, version):
        raise error


class Withdrawal:
    """What one rollback writes down: its plan, and which versions are withdrawn. Others may do the same meanwhile."""

    def __init__(self, client: MlflowClient, name: str, plan: Plan) -> None:
        self._client, self._name, self._plan = client, name, plan

    def begin(self, replaced: Iterable[str]) -> None:
        """Note the plan, let its target into production again, and withdraw what it replaces."""
        registry.tag_model(self._client, self._name, ROLLING_BACK_TAG, json.dumps(asdict(self._plan)))
        self._client.delete_model_version_tag(self._name, self._plan.target, WITHDRAWN_TAG)
        self._mark(replaced, self._plan.mark)

    def end(self, replaced: Iterable[str]) -> None:
        """Leave nothing unfinished behind: it is done, and nobody else is to undo it.

        Another rollback that has given way may have undone marks of ours; one of the same plan that fails by now would.
        """
        try:
            with registry.explained():
                if self._is_in_production():
                    self._mark(replaced, datetime.now(UTC).isoformat())
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
        target, mark = self._plan.target, self._plan.mark
        rule = f"name = '{registry.quoted(self._name)}' and tags.`{WITHDRAWN_TAG}` = '{registry.quoted(mark)}'"
        for version in self._client.search_model_versions(rule):
            self._client.delete_model_version_tag(self._name, str(version.version), WITHDRAWN_TAG)
        if self._plan.taken and not withdrawn(self._client, self._name, target):
            registry.tag_version(self._client, self._name, target, WITHDRAWN_TAG, self._plan.taken)
        self._forget()

    def _is_in_production(self) -> bool:
        return registry.version_at(self._client, self._name, registry.PRODUCTION) == self._plan.target

    def _mark(self, versions: Iterable[str], mark: str) -> None:
        for version in versions:
            registry.tag_version(self._client, self._name, version, WITHDRAWN_TAG, mark)

    def _forget(self) -> None:
        plan, _ = _noted(self._client, self._name)
        if plan == self._plan:
            self._client.delete_registered_model_tag(self._name, ROLLING_BACK_TAG)
