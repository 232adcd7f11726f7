"""The runs of another pipeline, as Airflow tells a task of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

_AT_ONCE = 200  # run ids in a question: all of them go into its address


class Runs:
    """The runs of the pipeline ``dag_id``."""

    def __init__(self, context: Context, dag_id: str) -> None:
        self._ti = context["ti"]
        self.dag_id = dag_id

    def count(self, states: list[str] | None = None) -> int:
        """Return how many there are, in these states if any are given."""
        return int(self._ti.get_dr_count(self.dag_id, states=states))

    def is_paused(self) -> bool:
        """Whether no run is started."""
        return bool(self._ti.get_dag(self.dag_id).is_paused)

    def exists(self, run_id: str) -> bool:
        """Whether there is such a run."""
        return bool(self.existing([run_id]))

    def existing(self, run_ids: Sequence[str]) -> list[str]:
        """Return those of ``run_ids`` that are there. Asks once where none is, and more often the more there are."""
        if not run_ids:
            return []
        if len(run_ids) > _AT_ONCE:
            return [*self.existing(run_ids[:_AT_ONCE]), *self.existing(run_ids[_AT_ONCE:])]
        there = self._ti.get_dr_count(self.dag_id, run_ids=list(run_ids))
        if there in (0, len(run_ids)):
            return list(run_ids) if there else []
        middle = len(run_ids) // 2
        return [*self.existing(run_ids[:middle]), *self.existing(run_ids[middle:])]

    def conf(self, run_id: str) -> dict[str, Any]:
        """Return the conf that a run was started with."""
        return dict(self._run(run_id).conf or {})

    def asked_for(self, run_id: str) -> datetime:
        """Return when a run was asked for."""
        after: datetime = self._run(run_id).run_after
        return after.astimezone(UTC)

    def _run(self, run_id: str) -> Any:
        # Not in the task SDK's documented part, which tells of other pipelines' runs no more than their state.
        from airflow.sdk.execution_time.comms import GetDagRun
        from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

        return SUPERVISOR_COMMS.send(GetDagRun(dag_id=self.dag_id, run_id=run_id))
