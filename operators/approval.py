"""Ask a person before going on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator as AirflowApproval
from airflow.sdk.exceptions import AirflowFailException

from driftgate.durations import parse_duration
from driftgate.errors import UserMistake
from operators.base import result_of
from operators.drift import explained_templates
from operators.ledger import DecisionLink, record

if TYPE_CHECKING:
    import jinja2
    from airflow.sdk import BaseOperator, Context

ON_TIMEOUT = {"reject": AirflowApproval.REJECT, "approve": AirflowApproval.APPROVE, "fail": None}

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
    """

    operator_extra_links = (DecisionLink(),)

    def __init__(
        self,
        *,
        subject: str = "Go on with {{ dag.dag_id }}?",
        message: str = "{{ evidence }}",
        timeout: str = "24h",
        on_timeout: str = "reject",
        users: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            subject=subject,
            body=message,
            response_timeout=parse_duration(timeout),
            defaults=ON_TIMEOUT[on_timeout],
            assigned_users=[{"id": user, "name": user} for user in users or ()] or None,
            **kwargs,
        )
        self.message = message
        self.timeout = timeout
        self.on_timeout = on_timeout
        self.users = users

    def execute(self, context: Context) -> Any:
        """Ask, and note what about: an approval is of one version."""
        if evaluated := _found(self, context, "EvaluateModelOperator"):
            context["ti"].xcom_push(key=ASKED_ABOUT, value={key: evaluated[key] for key in ("model", "version")})
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Go on, or skip what follows, as somebody has answered; keep who it was in the ledger."""
        outcome, reason = _answer(event, self.timeout)
        if isinstance(asked := context["ti"].xcom_pull(task_ids=self.task_id, key=ASKED_ABOUT), Mapping):
            reason = f"{reason} (version {asked['version']} of {asked['model']})"
        record(context, self, "approval", outcome, reason)
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
    metrics = ", ".join(f"{name} {value:.4f}" for name, value in evaluated["metrics"].items())
    return f"Version {evaluated['version']} of {evaluated['model']} passed its gates: {metrics}"
