"""What tasks of one pipeline remember from run to run, in Airflow's own state store."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset

from driftgate.services.reminders import since

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


def asset_of(dag_id: str) -> Asset:
    """The asset that the memory of a pipeline is kept with: an inlet of every task that uses it.

    ``driftgate.build`` makes it one for operators that say ``remembers = True``.
    """
    return Asset(name=f"memory of {dag_id}", uri=f"driftgate://memory/{dag_id}")


class Memory:
    """Values by key. What cannot be read is None and what cannot be written is lost, with a line in the log.

    Alerts depend on it, rather one too many than none, and streaks of a severity, rather too short than too long.
    """

    def __init__(self, context: Context, dag_id: str) -> None:
        self._context = context
        self._asset = asset_of(dag_id)

    def get(self, key: str) -> Any:
        """Return what was stored, None for nothing."""
        try:
            return self._context["asset_state_store"][self._asset].get(key)
        except Exception as error:  # no store where Airflow runs a callback for a worker that died
            log.warning("Cannot read the memory of earlier runs: %s: %s", type(error).__name__, error)
            return None

    def set(self, key: str, value: Any) -> None:
        """Store a JSON value."""
        try:
            self._context["asset_state_store"][self._asset].set(key, value)
        except Exception as error:
            log.warning("Cannot store what the next run should know: %s: %s", type(error).__name__, error)

    def since(self, key: str, value: str) -> str:
        """Return since when ``value`` is what was seen under ``key``, as ISO 8601; remember it when it is new."""
        known = self.get(key)
        if (now := since(known, value, datetime.now(UTC))) != known:
            self.set(key, now)
        return now["since"]


def key_of(context: Context, what: str) -> str:
    """Return the key of one task's memory; each instance of a mapped task has its own."""
    ti = context["ti"]
    index = ti.map_index if ti.map_index is not None and ti.map_index >= 0 else ""
    return f"{what}/{ti.task_id}/{index}".rstrip("/")
