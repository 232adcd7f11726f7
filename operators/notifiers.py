"""Alerts about what happens to tasks, as Airflow's callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from airflow.sdk.bases.notifier import BaseNotifier

from operators.base import Section
from operators.ledger import record
from operators.memory import Memory, key_of

if TYPE_CHECKING:
    from airflow.sdk import Context

# what may happen → how a sentence says it; the callback of Airflow that tells of it is called on_<event>_callback
WORDS = {
    "failure": "failed",
    "retry": "failed and will be tried again",
    "success": "succeeded",
    "recovery": "works again",
}
EVENTS = tuple(f"on_{event}" for event in WORDS)
_FAILED = "failed"  # what a task remembers
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

    def tell(self, context: Context, more: str) -> None:
        """Send, with ``more`` to say."""
        from operators.telling import alert_about, deliver

        ti, words = context["ti"], WORDS[self.event]
        attempt = f", try {ti.try_number} of {max(ti.max_tries + 1, ti.try_number)}"
        message = f"Task {ti.task_id} of pipeline {ti.dag_id} {words} (run {ti.run_id}{attempt})."
        alert = alert_about(
            context,
            self.event,
            f"{ti.dag_id}: {ti.task_id} {words}",
            "\n".join(part for part in (message, _reason(context), more) if part),
            where=self.locate(),
        )
        outcome = deliver(alert, self.names, self.alerts["channels"])
        record(context, context["task"], "alert", outcome.word, outcome.told_of(alert.subject), outcome.to_json())


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
