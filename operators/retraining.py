"""Start another pipeline because of drift: once, and only when its guard allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NoReturn, cast

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk.api.client import ServerResponseError
from airflow.sdk.exceptions import AirflowRuntimeError, AirflowSkipException

from driftgate.errors import DriftgateError, Outage, UserMistake
from driftgate.services.guard import Decision, Guard, Request, decide, free_run_id, last_run_ids, not_ahead
from driftgate.services.reminders import refusal
from operators.alerts import tell_of_drift
from operators.base import Section, as_airflow
from operators.drift import drift_of, overtaken
from operators.ledger import DecisionLink, link_to_decision, record
from operators.memory import key_of
from operators.places import nowhere
from operators.requested import Requested, asset_of
from operators.runs import Runs

if TYPE_CHECKING:
    from airflow.sdk import Context

_TRIES = 5


@dataclass(frozen=True)
class Asked:
    """The run to start, why it may be, for which drift run (``pipeline/run``), and what that has found."""

    run_id: str
    reason: str
    by: str
    evidence: Section
    is_there: bool = False  # an earlier try has started it


class TriggerRetrainingOperator(TriggerDagRunOperator):
    """Starts ``pipeline`` with the drift's evidence as its conf; skips, saying why, when the guard forbids it.

    What was asked for and when is kept in Airflow's state store of an asset that stands for the target, so
    all monitors of one target share a guard, and it outlives runs, restarts and failed retrainings.

    :param pipeline: dag_id of the pipeline to start.
    :param guard: ``cooldown``, the shortest time between two requests, such as ``6h``; ``max_per_week``, the most in
        seven days; ``consecutive``, how many drift runs in a row must have been as severe; ``new_data``, whether the
        training data must be others than those of the model in production.
    :param alerts: the pipeline's section; the channels in its ``on_refused`` are told when the guard says no.
    :param psi: the pipeline's section, for the thresholds that the message tells, and ``stale_after``.
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
        # Airflow asks for the run after execute has ended: only then is it known what became of it.
        for event, note in {"success": _note_started, "skipped": _note_too_late, "failure": _note_failed}.items():
            callbacks = kwargs.get(f"on_{event}_callback") or []
            kwargs[f"on_{event}_callback"] = [*(callbacks if isinstance(callbacks, list) else [callbacks]), note]
        super().__init__(
            trigger_dag_id=pipeline,
            skip_when_already_exists=True,  # Airflow's only atomic guard: one run per run id
            inlets=[*kwargs.pop("inlets", ()), asset_of(pipeline)],
            **kwargs,
        )
        self.alerts = alerts or {}
        self.psi = psi
        self.pipeline = pipeline
        self.guard = guard
        self.asked: Asked | None = None  # what this try asks for

    def execute(self, context: Context) -> None:
        """Ask the guard; then hand over to Airflow's own trigger."""
        try:
            asked = self._ask(context)
        except DriftgateError as error:
            raise as_airflow(error) from None
        self.asked = asked
        if asked.is_there:
            self.log.info("%s: %s", asked.run_id, asked.reason)
            context["ti"].xcom_push(key="trigger_run_id", value=asked.run_id)  # for the link to the run
            return
        self.log.info("Retraining %s: %s", asked.run_id, asked.reason)
        self.trigger_run_id = asked.run_id
        run = f"{self.dag_id}/{context['run_id']}"
        self.conf = {"drift": {**asked.evidence, "run": run, "by": asked.by}, "new_data": self.guard["new_data"]}
        super().execute(context)

    def _ask(self, context: Context) -> Asked:
        """Return what to ask Airflow for; skip when the guard forbids it."""
        now, by = datetime.now(UTC), self._by(context)
        evidence = drift_of(self, context)
        with _explained():
            runs, requested = Runs(context, self.pipeline), self._requested(context)
            requested.enter()
            for own in [each.run_id for each in requested.all(now) if each.by == by]:
                if _is_of(by, runs, own):
                    return Asked(own, "this drift run has started it already", by, evidence, is_there=True)
            decision = self._decide(context, runs, requested, now, evidence)
            if decision.run_id is None:
                self._refuse(context, decision.reason, evidence)
            # Written before the run is asked for: whatever happens in between, the guard knows of it.
            requested.add(Request(now, decision.run_id, by))
            requested.enter()
        return Asked(decision.run_id, decision.reason, by, evidence)

    def _decide(self, context: Context, runs: Runs, requested: Requested, now: datetime, evidence: Section) -> Decision:
        """Ask the guard about a state of the target that has not changed meanwhile."""
        later = overtaken(self, context, evidence)
        for _ in range(_TRIES):
            seen = runs.count()
            decision = decide(
                guard := Guard.of(self.guard, self.psi),
                now=now,
                streak=evidence.get("streak", 1),
                requests=_that_count(guard, runs, requested.all(now), seen, now),
                busy=runs.count(["queued", "running"]),
                paused=self._is_paused(runs),
                target=self.pipeline,
                run_id=free_run_id(seen, runs.exists),
                severity=evidence["severity"],
                later=later,
                measured=datetime.fromisoformat(evidence["at"]) if evidence.get("at") else None,
            )
            if decision.run_id is None or runs.count() == seen:
                return decision
        return Decision(None, f"{self.pipeline} is started by others again and again")

    def _is_paused(self, runs: Runs) -> bool:
        with _explained(f"Airflow has no pipeline {self.pipeline!r} to start; is its file there and valid?"):
            return runs.is_paused()

    def _requested(self, context: Context) -> Requested:
        return Requested(context, self.pipeline, key_of(context, self.dag_id))

    def _by(self, context: Context) -> str:
        """Return what asks: a task of a run. Others of the same run ask for themselves."""
        return key_of(context, f"{self.dag_id}/{context['run_id']}")

    def _refuse(self, context: Context, reason: str, evidence: Section) -> NoReturn:
        self.log.warning("No retraining: %s", reason)
        self._record(context, "refused", f"No retraining of {self.pipeline}: {reason}", evidence)
        if evidence["severity"] != "none":
            self._tell_refusal(context, reason, evidence)
        raise AirflowSkipException(f"no retraining: {reason}")

    def note_started(self, context: Context) -> None:
        """Keep, for the guard and in the ledger, that the run is there."""
        if asked := self.asked:
            self._requested(context).confirm(asked.by)
            reason = f"Retraining by run {asked.run_id} of {self.pipeline}: {asked.reason}"
            evidence = {**asked.evidence, "retraining": f"{self.pipeline}/{asked.run_id}"}
            self._record(context, "started", reason, evidence, again=asked.is_there)

    def note_too_late(self, context: Context) -> None:
        """Keep that Airflow has refused a second run of the same id, unless the first is ours: its answer got lost."""
        if not (asked := self.asked):
            return
        runs = Runs(context, self.pipeline)
        if _is_of(asked.by, runs, asked.run_id):
            self.note_started(context)
            return
        reason = f"{_starter(runs, asked.run_id)} started {asked.run_id} in the same moment"
        self.log.warning("No retraining: %s", reason)
        self._record(context, "refused", f"No retraining of {self.pipeline}: {reason}", asked.evidence)

    def note_failed(self, context: Context) -> None:
        """Keep that the last try has failed."""
        reason = f"{self.pipeline} could not be started: {context.get('exception') or 'the task was killed'}"
        self._record(context, "failed", reason, self.asked.evidence if self.asked else {})

    def _record(self, context: Context, outcome: str, reason: str, evidence: Section, *, again: bool = False) -> None:
        limits = {(*self.path, "guard", name): value for name, value in self.guard.items()}
        known = {key: value for key, value in evidence.items() if key not in ("summary", "features")}
        record(context, self, "guard", outcome, reason, known, limits, again=again)
        link_to_decision(context, self)

    def _tell_refusal(self, context: Context, reason: str, drift: Section) -> None:
        """Nobody retrains although drift asks for it: people must know, once for each reason."""
        severity = drift["severity"]
        topic = refusal(severity, reason)
        subject = f"{self.dag_id}: drift is {severity} and {self.pipeline} is not started"
        message = f"{drift['summary']}\nNo retraining: {reason}."
        channels = list(self.alerts.get("on_refused", ()))
        outcome = tell_of_drift(context, self, "refused", subject, message, drift, channels, topic)
        if outcome.nobody_knows or not channels:
            self.log.error("Nobody is told that drift is %s and %s is not started", severity, self.pipeline)


def _is_of(by: str, runs: Runs, run_id: str) -> bool:
    """Whether a run is there, and ``by`` has started it: its conf says so."""
    return runs.exists(run_id) and _drift(runs, run_id).get("by") == by


def _starter(runs: Runs, run_id: str) -> str:
    return str(_drift(runs, run_id).get("run") or "somebody")


def _drift(runs: Runs, run_id: str) -> dict[str, Any]:
    found = runs.conf(run_id).get("drift")
    return found if isinstance(found, dict) else {}


def _that_count(guard: Guard, runs: Runs, requests: list[Request], seen: int, now: datetime) -> list[Request]:
    """Return the requests that can hold another back: those that got a run, and the runs that nobody remembers.

    A request that Airflow never took must not use up the cooldown; one whose run was deleted since has done so.
    """
    known = {each.run_id for each in requests}
    forgotten = runs.existing([run_id for run_id in last_run_ids(seen) if run_id not in known])
    found = [Request(runs.asked_for(run_id), run_id, by="", started=True) for run_id in forgotten]
    recent = guard.that_matter([*requests, *not_ahead(found, now)], now)
    there = runs.existing(sorted({each.run_id for each in recent if not each.started}))
    return [each for each in recent if each.started or each.run_id in there]


def _note_started(context: Context) -> None:
    _running(context).note_started(context)


def _note_too_late(context: Context) -> None:
    _running(context).note_too_late(context)


def _note_failed(context: Context) -> None:
    _running(context).note_failed(context)


def _running(context: Context) -> TriggerRetrainingOperator:
    """Return the operator that has run: Airflow runs a copy of the one that the pipeline was built with."""
    return cast("TriggerRetrainingOperator", context["task"])


@contextmanager
def _explained(absent: str = "") -> Iterator[None]:
    """Tell what is not there (UserMistake with the words ``absent``) from an Airflow that does not answer."""
    try:
        yield
    except AirflowRuntimeError as error:  # from a supervised task
        status = (error.error.detail or {}).get("status_code")
        raise _as_driftgate(error, absent if status == HTTPStatus.NOT_FOUND else "") from error
    except ServerResponseError as error:  # from a task that runs in the process of `airflow dags test`
        is_absent = error.response.status_code == HTTPStatus.NOT_FOUND
        raise _as_driftgate(error, absent if is_absent else "") from error


def _as_driftgate(error: Exception, absent: str) -> DriftgateError:
    return UserMistake(absent) if absent else Outage(f"Airflow's API server does not answer properly: {error}")
