"""What the monitors of a pipeline have asked for, in Airflow's state store."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import Asset

from driftgate.services.guard import Request, not_ahead, remember

if TYPE_CHECKING:
    from airflow.sdk import Context

_MONITORS = "monitors"
_TRIES = 5


def asset_of(pipeline: str) -> Asset:
    """The asset that stands for a pipeline to be started: what is kept with it outlives runs and restarts."""
    return Asset(name=f"retraining of {pipeline}", uri=f"driftgate://retraining/{pipeline}")


class Requested:
    """The requests of all monitors of one pipeline.

    Each monitor writes its own alone, for of two who write at the same moment one would lose what it wrote; and all
    stand in a list, by which the others find them.
    """

    def __init__(self, context: Context, pipeline: str, monitor: str) -> None:
        self._store = context["asset_state_store"][asset_of(pipeline)]
        self._monitor = monitor

    def enter(self) -> None:
        """Make this monitor known to the others, and look whether it is: another may have written the list as well."""
        for _ in range(_TRIES):
            if self._monitor in (known := self._monitors()):
                return
            self._store.set(_MONITORS, list[Any](sorted({*known, self._monitor})))

    def all(self, now: datetime) -> list[Request]:
        """Return what everybody has asked for; a time that lies ahead, for a clock was, becomes ``now`` for good."""
        found: list[Request] = []
        for name in sorted({*self._monitors(), self._monitor}):
            if (present := not_ahead(known := self._of(name), now)) != known:
                self._keep(name, present)
            found += present
        return found

    def add(self, request: Request) -> None:
        """Keep a request of this monitor."""
        self._keep(self._monitor, remember(self._of(self._monitor), request))

    def confirm(self, by: str) -> None:
        """Note of what this monitor has asked for that it got it."""
        known = self._of(self._monitor)
        self._keep(self._monitor, [replace(each, started=True) if each.by == by else each for each in known])

    def _keep(self, monitor: str, requests: list[Request]) -> None:
        self._store.set(self._key(monitor), list[Any](each.to_json() for each in requests))

    def _monitors(self) -> list[str]:
        return cast("list[str]", self._store.get(_MONITORS, []))

    def _of(self, monitor: str) -> list[Request]:
        stored = cast("list[dict[str, Any]]", self._store.get(self._key(monitor), []))
        return [Request.from_json(each) for each in stored]

    @staticmethod
    def _key(monitor: str) -> str:
        return f"requests/{monitor}"
