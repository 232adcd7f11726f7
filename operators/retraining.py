"""Start another pipeline because of drift: once, and only when its guard allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Asset
from airflow.sdk.api.client import ServerResponseError
from airflow.sdk.exceptions import AirflowRuntimeError, AirflowSkipException

from driftgate.errors import DriftgateError, Outage, UserMistake
from driftgate.services.guard import Decision, Guard, Request, decide, not_ahead, remember
from driftgate.services.reminders import refusal
from operators.alerts import tell_of_drift
from operators.base import Section, as_airflow
from operators.drift import drift_of
from operators.ledger import DecisionLink, record
from operators.memory import key_of
from operators.places import nowhere

if TYPE_CHECKING:
    from airflow.sdk import Context

STATE_KEY = "requests"


class TriggerRetrainingOperator(TriggerDagRunOperator):
    """Starts ``pipeline`` with the drift's evidence as its conf; skips, saying why, when the guard forbids it.

    What was asked for and when is kept in Airflow's state store of an asset that stands for the target, so
    all monitors of one target share a guard, and it outlives runs, restarts and failed retrainings.

    :param pipeline: dag_id of the pipeline to start.
    :param guard: ``cooldown``, the shortest time between two requests, such as ``6h``; ``max_per_week``, the most in
        seven days; ``consecutive``, how many drift runs in a row must have been as severe; ``new_data``, whether the
        training data must be others than those of the model in production.
    :param alerts: the pipeline's section; the channels in its ``on_refused`` are told when the guard says no.
    :param psi: the pipeline's section, for the thresholds that the message tells.
    """

    template_fields = ("trigger_dag_id", "guard")
    operator_extra_links = [*TriggerDagRunOperator.operator_extra_links, DecisionLink()]  # noqa: RUF012 (a list there too)
    remembers = True
    locate: Callable[..., str] = staticmethod(nowhere)
    path: tuple[str | int, ...] = ()

    def __init__(
        self, *, pipeline: str, guard: Section, alerts: Section | None = None, psi: Section | None = None, **kwargs: Any
    ) -> None:
        kwargs.setdefault("max_active_tis_per_dag", 1)  # runs side by side would not know of each other's alerts
        asset = Asset(name=f"retraining of {pipeline}", uri=f"driftgate://retraining/{pipeline}")
        super().__init__(
            trigger_dag_id=pipeline,
            skip_when_already_exists=True,  # Airflow's only atomic guard: one run per run id
            inlets=[*kwargs.pop("inlets", ()), asset],
            **kwargs,
        )
        self.alerts = alerts or {}
        self.psi = psi
        self.pipeline = pipeline
        self.guard = guard
        self.asset = asset

    def execute(self, context: Context) -> None:
        """Ask the guard; then hand over to Airflow's own trigger."""
        try:
            self._prepare(context)
        except DriftgateError as error:
            raise as_airflow(error) from None
        super().execute(context)

    def _prepare(self, context: Context) -> None:
        """Decide under which run id to start the pipeline, with which conf; skip when it may not start."""
        now, name = datetime.now(UTC), f"{self.dag_id}/{context['run_id']}"
        evidence = drift_of(self, context)
        requests = self._requests(context, now)
        started = [request for request in requests if request.by == name or self._started(context, request.run_id)]
        decision = self._decide(context, name, now, evidence.get("streak", 1), started)
        if decision.run_id is None:
            self.log.warning("No retraining: %s", decision.reason)
            self._record(context, "refused", f"No retraining of {self.pipeline}: {decision.reason}", evidence)
            self._tell_refusal(context, decision.reason, evidence)
            raise AirflowSkipException(f"no retraining: {decision.reason}")
        self.log.info("Retraining %s: %s", decision.run_id, decision.reason)
        if new := name not in {request.by for request in requests}:
            # Written before the run is asked for: a crash in between leaves the id for the retry to use.
            self._keep(context, remember(requests, Request(now, decision.run_id, name)))
        self.trigger_run_id = decision.run_id
        self.conf = {"drift": {**evidence, "run": name}, "new_data": self.guard["new_data"]}
        reason = f"Retraining by run {decision.run_id} of {self.pipeline}: {decision.reason}"
        evidence = {**evidence, "retraining": f"{self.pipeline}/{decision.run_id}"}
        self._record(context, "started", reason, evidence, again=not new)

    def _requests(self, context: Context, now: datetime) -> list[Request]:
        """Return what all monitors have asked for, and for sure what this one has."""
        store = context["asset_state_store"][self.asset]
        shared, own = (cast("list[dict[str, str]]", store.get(key, [])) for key in (STATE_KEY, self._own_key(context)))
        read = {request.by: request for request in map(Request.from_json, [*shared, *own])}
        requests = not_ahead(list(read.values()), now)
        if requests != list(read.values()):
            self.log.warning("The clock was ahead when retrainings were asked for; they count as asked for now")
            self._keep(context, requests)
        return requests

    def _keep(self, context: Context, requests: list[Request]) -> None:
        """Store requests, those of this monitor twice.

        What two monitors write at the same moment for all to see, one of them loses: it must not forget its own.
        """
        store = context["asset_state_store"][self.asset]
        own = [request for request in requests if request.by.startswith(f"{self.dag_id}/")]
        store.set(self._own_key(context), list[Any](request.to_json() for request in own))
        store.set(STATE_KEY, list[Any](request.to_json() for request in requests))

    def _own_key(self, context: Context) -> str:
        return key_of(context, f"{STATE_KEY}/{self.dag_id}")

    def _record(self, context: Context, outcome: str, reason: str, evidence: Section, *, again: bool = False) -> None:
        limits = {(*self.path, "guard", name): value for name, value in self.guard.items()}
        known = {key: value for key, value in evidence.items() if key not in ("summary", "features")}
        record(context, self, "guard", outcome, reason, known, limits, again=again)

    def _tell_refusal(self, context: Context, reason: str, drift: Section) -> None:
        """Nobody retrains although drift asks for it: people must know, once for each reason."""
        severity = drift["severity"]
        topic = refusal(severity, reason)
        subject = f"Drift is {severity} and {self.pipeline} is not started"
        message = f"{drift['summary']}\nNo retraining: {reason}."
        channels = list(self.alerts.get("on_refused", ()))
        outcome = tell_of_drift(context, self, "refused", subject, message, drift, channels, topic)
        if outcome.nobody_knows or not channels:
            self.log.error("Nobody is told that drift is %s and %s is not started", severity, self.pipeline)

    def _decide(self, context: Context, name: str, now: datetime, streak: int, requests: list[Request]) -> Decision:
        ti = context["ti"]
        with _explained(f"Airflow has no pipeline {self.pipeline!r} to start; is its file there and valid?"):
            paused = bool(ti.get_dag(self.pipeline).is_paused)
        decision = decide(
            Guard.of(self.guard),
            by=name,
            now=now,
            streak=streak,
            requests=requests,
            busy=ti.get_dr_count(self.pipeline, states=["queued", "running"]),
            paused=paused,
            target=self.pipeline,
        )
        asked = name in {request.by for request in requests}
        if decision.run_id is None or asked or not self._started(context, decision.run_id):
            return decision
        return Decision(None, f"{decision.run_id} is there already: another monitor was faster, or a clock went wrong")

    def _started(self, context: Context, run_id: str) -> bool:
        """Whether a request became a run: one that Airflow never took must not use up the cooldown."""
        return bool(context["ti"].get_dr_count(self.pipeline, run_ids=[run_id]))


@contextmanager
def _explained(absent: str) -> Iterator[None]:
    """Tell what is not there (UserMistake with the words ``absent``) from an Airflow that does not answer."""
    try:
        yield
    except AirflowRuntimeError as error:  # from a supervised task
        status = (error.error.detail or {}).get("status_code")
        raise _as_driftgate(error, status == HTTPStatus.NOT_FOUND, absent) from error
    except ServerResponseError as error:  # from a task that runs in the process of `airflow dags test`
        raise _as_driftgate(error, error.response.status_code == HTTPStatus.NOT_FOUND, absent) from error


def _as_driftgate(error: Exception, is_absent: bool, absent: str) -> DriftgateError:
    return UserMistake(absent) if is_absent else Outage(f"Airflow's API server does not answer properly: {error}")
