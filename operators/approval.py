"""Ask a person before going on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator as AirflowApproval
from airflow.sdk.bases.notifier import BaseNotifier
from airflow.sdk.exceptions import AirflowFailException

from driftgate.durations import parse_duration
from driftgate.errors import UserMistake
from operators.base import Section, result_of
from operators.drift import explained_templates
from operators.ledger import DecisionLink, record
from operators.places import nowhere, place

if TYPE_CHECKING:
    import jinja2
    from airflow.sdk import BaseOperator, Context

ON_TIMEOUT = {"reject": AirflowApproval.REJECT, "approve": AirflowApproval.APPROVE, "fail": None}
_SILENCE = {"reject": "it counts as rejected", "approve": "it counts as approved", "fail": "the task fails"}

ASKED_ABOUT = "asked_about"  # XCom with the model and version that an answer is about


def require_approved(operator: BaseOperator, context: Context, version: str) -> None:
    """Raise UserMistake when somebody before ``operator`` was asked about another version than ``version``.

    A task that is cleared alone makes another version, of which nobody was told.
    """
    for task in operator.get_flat_relatives(upstream=True):
        if task.task_type != ApprovalOperator.__name__:
            continue
        asked = context["ti"].xcom_pull(task_ids=task.task_id, key=ASKED_ABOUT)
        if isinstance(asked, Mapping) and asked["version"] != version:
            raise UserMistake(
                f"{task.task_id} was asked about version {asked['version']}, and now it is version {version}; clear "
                f"{task.task_id} to ask anew"
            )


class ApprovalOperator(AirflowApproval):
    """Waits, without a worker's slot, until somebody approves in the Airflow UI; a rejection skips what follows.

    :param subject: the question, one line (templated).
    :param message: what to decide by, in Markdown (templated; knows ``evidence``, what the tasks before found, and
        ``drift``).
    :param timeout: how long to wait, such as ``24h``.
    :param on_timeout: what then: ``reject``, ``approve`` or ``fail``.
    :param users: user ids of those who may answer; everybody who may act on the pipeline when empty.
    :param alerts: the pipeline's section; the channels in its ``on_waiting`` are told that an answer is waited for.
    """

    operator_extra_links = (DecisionLink(),)
    remembers = True
    locate: Callable[..., str] = staticmethod(nowhere)
    path: tuple[str | int, ...] = ()

    def __init__(
        self,
        *,
        subject: str = "Go on with {{ dag.dag_id }}?",
        message: str = "{{ evidence }}",
        timeout: str = "24h",
        on_timeout: str = "reject",
        users: list[str] | None = None,
        alerts: Section | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            subject=subject,
            body=message,
            response_timeout=parse_duration(timeout),
            defaults=ON_TIMEOUT[on_timeout],
            assigned_users=[{"id": user, "name": user} for user in users or ()] or None,
            notifiers=[_Asked()],
            **kwargs,
        )
        self.message = message
        self.timeout = timeout
        self.on_timeout = on_timeout
        self.users = users
        self.alerts = alerts or {}

    def execute(self, context: Context) -> Any:
        """Ask, and note what about: an approval is of one version."""
        if evaluated := _found(self, context, "EvaluateModelOperator"):
            context["ti"].xcom_push(key=ASKED_ABOUT, value={key: evaluated[key] for key in ("model", "version")})
        return super().execute(context)

    def tell(self, context: Context) -> None:
        """Let people know that they are asked, once for each version; keep it in the ledger."""
        asked = context["ti"].xcom_pull(task_ids=self.task_id, key=ASKED_ABOUT)
        silence = f"Without an answer within {self.timeout} {_SILENCE[self.on_timeout]}."
        record(context, self, "approval", "waiting", f"{self.subject}{_of(asked)} {silence}")
        who = f"{' or '.join(self.users)} may answer." if self.users else ""
        message = "\n\n".join(part for part in (self.body, who, silence) if part)
        self._tell(context, "waits for an answer", message, asked["version"] if asked else "")

    def _tell(self, context: Context, what: str, message: str, topic: str) -> None:
        """Tell the channels of ``on_waiting``; whatever becomes of that, the question is what counts."""
        from driftgate.services.reminders import News
        from operators.telling import alert_about, tell_once

        if not (names := self.alerts.get("on_waiting")):
            return
        ti, now = context["ti"], datetime.now(UTC)
        subject = f"{ti.dag_id} {what}: {self.subject}"
        alert = alert_about(context, "waiting", subject, message, where=place(self.locate, *self.path))
        page = ti.log_url.partition("?")[0]  # of the task, without its try
        alert = replace(alert, links={"answer": f"{page}/required_actions", **alert.links})
        outcome = tell_once(context, alert, names, self.alerts, News(ti.run_id, topic, now, since=now))
        record(context, self, "alert", outcome.word, outcome.told_of(subject), outcome.to_json())

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Go on, or skip what follows, as somebody has answered; keep who it was in the ledger."""
        outcome, reason = _answer(event, self.timeout)
        reason = f"{reason}{_of(context['ti'].xcom_pull(task_ids=self.task_id, key=ASKED_ABOUT))}"
        record(context, self, "approval", outcome, reason)
        if event.get("timedout"):
            self._tell(context, "got no answer", f"{reason}.", f"no answer {outcome}")
        if event.get("error_type") == "timeout":  # a retry would ask again, and wait as long
            raise AirflowFailException(reason)
        return super().execute_complete(context, event)

    def render_template_fields(self, context: Context, jinja_env: jinja2.Environment | None = None) -> None:
        """Render with what the tasks before found added to Airflow's own variables."""
        evaluated, drift = _found(self, context, "EvaluateModelOperator"), _found(self, context, "CheckDriftOperator")
        evidence = "\n\n".join(filter(None, (_told(evaluated), drift.get("summary", ""))))
        with explained_templates(drift):
            known = {**context, "evidence": evidence, "drift": drift}
            super().render_template_fields(known, jinja_env)  # type: ignore[arg-type]


class _Asked(BaseNotifier):
    """What Airflow calls as soon as the question is to be seen in its UI."""

    def notify(self, context: Context) -> None:
        """Have the operator, its texts rendered, tell; the question is asked, whatever becomes of that."""
        operator: Any = context["task"]
        try:
            operator.tell(context)
        except Exception as error:
            operator.log.warning("Nobody is told that an answer is waited for: %s: %s", type(error).__name__, error)


def _of(asked: Mapping[str, str] | None) -> str:
    return f" (version {asked['version']} of {asked['model']})" if asked else ""


def _answer(event: dict[str, Any], timeout: str) -> tuple[str, str]:
    """Return what was answered, in a word, and by whom."""
    if "error" in event:
        late = event["error_type"] == "timeout"
        return "failed", f"Nobody answered within {timeout}" if late else str(event["error"])
    approved = event["chosen_options"] == [AirflowApproval.APPROVE]
    user = event.get("responded_by_user") or {}
    who = f"{user.get('name') or user.get('id') or 'Somebody'} answered"
    if event.get("timedout"):
        who = f"Nobody answered within {timeout}, so that on_timeout counts:"
    return ("approved", f"{who} yes") if approved else ("rejected", f"{who} no")


def _found(operator: Any, context: Context, task_type: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = result_of(operator, context, task_type)
    except UserMistake:  # there is no such task before this one
        return {}
    return found


def _told(evaluated: dict[str, Any]) -> str:
    if not evaluated:
        return ""
    gates = "\n".join(f"- {verdict}" for verdict in evaluated["verdicts"])
    metrics = ", ".join(f"{name} {value:.4f}" for name, value in evaluated["metrics"].items())
    return f"Version {evaluated['version']} of {evaluated['model']} passed its gates:\n\n{gates}\n\nMeasured: {metrics}"
