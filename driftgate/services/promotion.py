"""Put a version into production: one at a time in the end, though MLflow knows no locks.

MLflow changes an alias whatever it was before. So each promotion notes on its version that it is under way, before it
moves an alias, and looks for others afterwards: the last to write sees all of them, and the newest stays. Whoever was
killed leaves such a note; after a while it counts for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from driftgate.services import registry, withdrawal
from driftgate.services.patience import until
from driftgate.services.registry import Aliases

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

PROMOTING_TAG = "driftgate.promoting"  # on a version while its promotion is under way: since when
_LONGEST = timedelta(minutes=2)  # that a promotion is under way
SETTLED_SECONDS = 10  # that others are waited for, who may have been killed


def promote(tracking_uri: str, name: str, version: str) -> dict[str, Any]:
    """Put ``version`` of the model into production; doing it again changes nothing.

    Returns ``{"model", "version", "before", "superseded_by"}``: ``before`` holds the aliases to go back to;
    ``superseded_by`` is a newer version that is in production already, which stays, or None. Of versions that are
    promoted at the same time the newest stays. Raises UserMistake for a version that was rolled back; the aliases
    are as they were before where MLflow fails.
    """
    client = registry.connect(tracking_uri)
    with registry.explained():
        withdrawal.require_not_withdrawn(client, name, version)
        settled = {str(newer.version) for newer in promoted_after(client, name, version) if not under_way(newer)}
        now = registry.aliases(client, name)
        if now.production is not None and int(now.production) > int(version):
            client.delete_model_version_tag(name, version, PROMOTING_TAG)  # of a try that was killed
            return _result(name, version, now, superseded_by=now.production)
        known = client.get_model_version(name, version)
        noted = registry.aliases_before(known)
        if now.production == version and noted and PROMOTING_TAG not in known.tags:
            return _result(name, version, noted)  # it is done: a rollback since may have given another ``previous``
        before = _way_back(client, name, version, now)
        with _or_not_begun(client, name, version):
            registry.set_aliases(client, name, Aliases(production=version, previous=before.production))
        while (newest := _give_way(client, name, version, settled)) and not _ends(client, name, newest):
            settled.add(newest)  # whoever promotes it was killed
            registry.set_aliases(client, name, Aliases(production=version, previous=before.production))
        client.delete_model_version_tag(name, version, PROMOTING_TAG)
    return _result(name, version, before, superseded_by=newest)


def promoted_after(client: MlflowClient, name: str, version: str) -> list[ModelVersion]:
    """Return the newer versions that have been promoted, or are just now, and were not rolled back; newest first."""
    return list(_promoted(client, name, after=int(version)))


def _promoted(client: MlflowClient, name: str, after: int) -> Iterator[ModelVersion]:
    token = None
    while True:
        page = client.search_model_versions(
            f"name = '{registry.quoted(name)}'", max_results=100, order_by=["version_number DESC"], page_token=token
        )
        newer = [each for each in page if registry.number(each) > after]
        yield from (each for each in newer if registry.aliases_before(each) and registry.WITHDRAWN_TAG not in each.tags)
        if len(newer) < len(page) or not (token := page.token):
            return


def newest_before(client: MlflowClient, name: str, version: str) -> str | None:
    """Return the newest version older than ``version`` that has been promoted and was not rolled back."""
    found = (each for each in _promoted(client, name, after=0) if registry.number(each) < int(version))
    return next((str(each.version) for each in found), None)


def settled(client: MlflowClient, name: str) -> str | None:
    """Return the version in production once no promotion is under way: they may write over each other meanwhile.

    Whoever was killed while promoting is waited for in vain, and not for long.
    """
    rule = f"name = '{registry.quoted(name)}' and tags.`{PROMOTING_TAG}` LIKE '2%'"
    until(lambda: not any(under_way(each) for each in client.search_model_versions(rule)), SETTLED_SECONDS)
    return registry.version_at(client, name, registry.PRODUCTION)


def _ends(client: MlflowClient, name: str, version: str) -> bool:
    """Wait for the end of a promotion that is under way; returns whether it came."""
    return until(lambda: PROMOTING_TAG not in client.get_model_version(name, version).tags, SETTLED_SECONDS)


def under_way(version: ModelVersion) -> bool:
    """Whether a version is just being promoted; of one that was rolled back no promotion succeeds."""
    try:
        since = datetime.fromisoformat(version.tags[PROMOTING_TAG])
    except (KeyError, ValueError):  # there is no note, or none of ours
        return False
    is_recent = since.tzinfo is not None and abs(datetime.now(UTC) - since) < _LONGEST
    return is_recent and registry.WITHDRAWN_TAG not in version.tags


def _way_back(client: MlflowClient, name: str, version: str, now: Aliases) -> Aliases:
    """The aliases before ``version`` came: as they are now, or as noted by an earlier try that got halfway."""
    noted = registry.aliases_before(client.get_model_version(name, version))
    before = now if now.production != version else Aliases(now.previous, None)
    if noted is not None and now.production in (version, noted.production):
        before = noted
    if before.production is not None and not registry.exists(client, name, before.production):  # it was deleted
        before = Aliases(None, None)
    # Noted before any alias moves, so that a retry after a crash still knows the way back.
    registry.tag_version(client, name, version, PROMOTING_TAG, datetime.now(UTC).isoformat())
    registry.tag_version(client, name, version, registry.BEFORE_TAG, json.dumps(asdict(before)))
    return before


@contextmanager
def _or_not_begun(client: MlflowClient, name: str, version: str) -> Iterator[None]:
    """Leave no note of a promotion that MLflow has failed; it expires where that fails, too."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException:
        with suppress(MlflowException):
            client.delete_model_version_tag(name, version, PROMOTING_TAG)
        raise


def _give_way(client: MlflowClient, name: str, version: str, settled: set[str]) -> str | None:
    """Return the newest version whose promotion overtook that of ``version``, in production again; None without one.

    MLflow changes an alias whatever it was before, so ``version`` may have been written over a newer one. Every
    promotion is noted before it moves an alias, and looks for others after: the last to write sees all of them.
    """
    newest = None
    while others := _others(client, name, newest or version, settled):
        newest, noted = str(others[0].version), registry.aliases_before(others[0])
        registry.set_aliases(client, name, Aliases(newest, noted.production if noted else None))
    return newest


def _others(client: MlflowClient, name: str, version: str, settled: set[str]) -> list[ModelVersion]:
    return [other for other in promoted_after(client, name, version) if str(other.version) not in settled]


def _result(name: str, version: str, before: Aliases, superseded_by: str | None = None) -> dict[str, Any]:
    return {"model": name, "version": version, "before": asdict(before), "superseded_by": superseded_by}
