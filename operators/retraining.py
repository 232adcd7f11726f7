"""Start another pipeline because of drift: once, and only when its guard allows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowFailException, AirflowRuntimeError, AirflowSkipException

from driftgate.durations import parse_duration
from driftgate.services.guard import Decision, Request, decide, remember
from operators.base import Section
from operators.drift import drift_of

if TYPE_CHECKING:
    from airflow.sdk import Context

STATE_KEY = "requests"


class TriggerRetrainingOperator(TriggerDagRunOperator):
    """Starts ``pipeline`` with the drift's evidence as its conf; skips, saying why, when the guard forbids it.

    What was asked for and when is kept in Airflow's state store of an asset that stands for the target, so
    all monitors of one target share a guard, and it outlives runs, restarts and failed retrainings.

    :param pipeline: dag_id of the pipeline to start.
    :param guard: ``cooldown``, the shortest time between two requests, such as ``6h``.
    """

    template_fields = ("trigger_dag_id", "guard")

    def __init__(self, *, pipeline: str, guard: Section, **kwargs: Any) -> None:
        asset = Asset(name=f"retraining of {pipeline}", uri=f"driftgate://retraining/{pipeline}")
        super().__init__(
            trigger_dag_id=pipeline,
            skip_when_already_exists=True,  # Airflow's only atomic guard: one run per run id
            inlets=[asset],
            **kwargs,
        )
        self.pipeline = pipeline
        self.guard = guard
        self.asset = asset

    def execute(self, context: Context) -> None:
        """Ask the guard; then hand over to Airflow's own trigger."""
        store = context["asset_state_store"][self.asset]
        now = datetime.now(UTC)
        requests = [Request.from_json(stored) for stored in cast("list[dict[str, str]]", store.get(STATE_KEY, []))]
        decision = self._decide(context, now, requests)
        if decision.run_id is None:
            self.log.warning("No retraining: %s", decision.reason)
            raise AirflowSkipException(f"no retraining: {decision.reason}")
        self.log.info("Retraining %s: %s", decision.run_id, decision.reason)
        request = Request(now, decision.run_id, self._name(context))
        if request.by not in {earlier.by for earlier in requests}:
            # Written before the run is asked for: a crash in between leaves the id for the retry to use.
            store.set(STATE_KEY, list[Any](kept.to_json() for kept in remember(requests, request)))
        self.trigger_run_id = decision.run_id
        self.conf = {"drift": {**drift_of(self, context), "run": request.by}}
        super().execute(context)

    def _name(self, context: Context) -> str:
        return f"{self.dag_id}/{context['run_id']}"

    def _decide(self, context: Context, now: datetime, requests: list[Request]) -> Decision:
        ti = context["ti"]
        try:
            paused = bool(ti.get_dag(self.pipeline).is_paused)
        except AirflowRuntimeError as error:
            raise AirflowFailException(f"Airflow has no pipeline {self.pipeline!r} to start: {error}") from error
        return decide(
            by=self._name(context),
            now=now,
            cooldown=parse_duration(self.guard["cooldown"]),
            requests=requests,
            busy=ti.get_dr_count(self.pipeline, states=["queued", "running"]),
            paused=paused,
            target=self.pipeline,
        )
