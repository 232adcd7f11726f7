"""Alerts about what happens to tasks, as Airflow's callbacks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk.bases.notifier import BaseNotifier
from airflow.sdk.exceptions import AirflowFailException

from operators.base import Section
from operators.ledger import decided, record
from operators.memory import Memory, key_of

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

# what may happen → how a sentence says it; the callback of Airflow that tells of it is called on_<event>_callback
WORDS = {
    "failure": "failed",
    "retry": "failed and will be tried again",
    "success": "succeeded",
    "recovery": "works again",
}
EVENTS = tuple(f"on_{event}" for event in WORDS)
_FAILED = "failed"  # what a task remembers
_TOLD = "failure_told"  # the XCom of a task whose failure was told
_KILLED = (
    "Its process was killed before it could tell: by the system, when memory is short, or by somebody. "
    "The end of its log may say more."
)
_LONGEST = 3_000  # characters of an exception


class AlertNotifier(BaseNotifier):
    """Tells the channels ``names`` of ``alerts`` that ``event`` happened to a task.

    ``locate`` returns the task's place in its file, as ``file:line:column``.
    """

    def __init__(self, event: str, names: Iterable[str], alerts: Section, locate: Callable[[], str]) -> None:
        super().__init__()
        self.event = event
        self.names = list(names)
        self.alerts = alerts
        self.locate = locate

    def notify(self, context: Context) -> None:
        """Send; a channel that does not take it is logged and told to the others."""
        self.tell(context, "")
        if self.event == "failure":
            _note_told(context)

    def tell(self, context: Context, more: str) -> None:
        """Send, with ``more`` to say."""
        from operators.telling import alert_about, deliver

        ti, words = context["ti"], WORDS[self.event]
        is_final = isinstance(context.get("exception"), AirflowFailException)
        attempt = (
            ", not to be tried again"
            if is_final
            else f", try {ti.try_number} of {max(ti.max_tries + 1, ti.try_number)}"
        )
        message = f"Task {ti.task_id} of pipeline {ti.dag_id} {words} (run {ti.run_id}{attempt})."
        alert = alert_about(
            context,
            self.event,
            _subject(ti.dag_id, ti.task_id, words),
            "\n".join(part for part in (message, _reason(context), more) if part),
            where=self.locate(),
        )
        outcome = deliver(alert, self.names, self.alerts["channels"])
        record(context, context["task"], "alert", outcome.word, outcome.told_of(alert.subject), outcome.to_json())


class UntoldFailures:
    """After a run has failed: tells of tasks that could not, for their process was killed.

    Airflow calls nothing of a task whose process is gone. ``told_by`` are the notifiers of the tasks by their id.
    """

    def __init__(self, told_by: Mapping[str, AlertNotifier]) -> None:
        self.told_by = told_by

    def __call__(self, context: Context) -> None:
        """Send what nobody was told."""
        ti: Any = context.get("ti")
        if not hasattr(ti, "get_task_states"):  # of a task no longer in the pipeline; or in `airflow dags test`
            return
        states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
        for task_id, notifier in self.told_by.items():
            if states.get(task_id) == "failed" and not _was_told(context, task_id):
                task = context["dag"].get_task(task_id)
                own = cast("Any", ti).model_copy(update={"task_id": task_id, "task": task})
                notifier.tell(cast("Context", {**context, "ti": own, "task": task}), _KILLED)


def _note_told(context: Context) -> None:
    """Leave with the task that its failure was told; gone once it runs again."""
    try:
        context["ti"].xcom_push(key=_TOLD, value=True)
    except Exception as error:  # no XComs where Airflow runs a callback for a worker that died
        log.info("It is not noted with the task that its failure was told: %s", type(error).__name__)


def _was_told(context: Context, task_id: str) -> bool:
    """Whether somebody was told of a task's failure: it says so itself, or the ledger does."""
    ti = context["ti"]
    if ti.xcom_pull(task_ids=task_id, key=_TOLD):
        return True
    subject = _subject(ti.dag_id, task_id, WORDS["failure"])
    return any(entry.decision.reason.startswith(subject) for entry in decided(context, task_id, "alert"))


def _subject(dag_id: str, task_id: str, words: str) -> str:
    return f"{dag_id}: {task_id} {words}"


class FailureMark(BaseNotifier):
    """Remembers that a task failed, for its recovery."""

    def notify(self, context: Context) -> None:
        """Write the run into the pipeline's memory."""
        ti = context["ti"]
        Memory(context, ti.dag_id).set(key_of(context, _FAILED), {"run": ti.run_id})


class RecoveryNotifier(AlertNotifier):
    """Tells that a task succeeded for the first time after it failed, in this or an earlier run."""

    def notify(self, context: Context) -> None:
        """Send if the task has failed since it last succeeded."""
        memory, key = Memory(context, context["ti"].dag_id), key_of(context, _FAILED)
        failed = memory.get(key)
        if isinstance(failed, dict) and failed.get("run"):
            memory.set(key, {})  # before it is told: once, whatever becomes of the message
            self.tell(context, f"It had failed in run {failed['run']}.")


def notifiers(event: str, names: Iterable[str], alerts: Section, locate: Callable[[], str]) -> dict[str, list[Any]]:
    """Return the callbacks that tell ``names`` of ``event`` (one of EVENTS), by the argument of a task they go to."""
    if event == "on_recovery":
        recovery = RecoveryNotifier("recovery", names, alerts, locate)
        return {"on_failure_callback": [FailureMark()], "on_success_callback": [recovery]}
    return {f"{event}_callback": [AlertNotifier(event.removeprefix("on_"), names, alerts, locate)]}


def _reason(context: Context) -> str:
    """The exception, if there is one, without what Airflow knows to be secret."""
    from airflow.sdk.log import redact  # type: ignore[attr-defined]

    from driftgate.errors import printable, without_password

    text = without_password(str(redact(str(context.get("exception") or ""))))
    lines = [printable(line) for line in text.splitlines()]
    return "\n".join(lines)[:_LONGEST]
