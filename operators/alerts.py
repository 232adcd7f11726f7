"""Tell people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from driftgate.errors import Outage, UserMistake
from operators.base import Section
from operators.drift import DriftMessageOperator, drift_of
from operators.ledger import DecisionLink, record
from operators.places import place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from driftgate.services.alerts import Alert
    from operators.telling import Outcome


class SendAlertOperator(DriftMessageOperator):
    """Sends a message over channels that the ``alerts`` section declares; not again while drift stays as it is.

    A channel that does not take the alert is reported on the others. When none takes it the task is tried again,
    and skipped in the end: an alert that nobody got must not look as if somebody did, nor stop the pipeline.

    :param alerts: the pipeline's section.
    :param channels: names under ``alerts.channels``.
    :param subject: one line (templated, knows ``drift``).
    :param message: plain text (templated, knows ``drift``).
    :param psi: the pipeline's section, for the thresholds that the message tells.
    """

    template_fields = ("subject", "message", "channels")
    operator_extra_links = (DecisionLink(),)
    remembers = True

    def __init__(
        self,
        *,
        alerts: Section,
        channels: list[str],
        subject: str = "{{ dag.dag_id }}: drift is {{ drift.severity }}",
        message: str = "{{ drift.summary }}",
        psi: Section | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("max_active_tis_per_dag", 1)  # runs side by side would not know of each other's alerts
        super().__init__(**kwargs)
        self.alerts = alerts
        self.channels = channels
        self.subject = subject
        self.message = message
        self.psi = psi

    def work(self, context: Context) -> dict[str, Any]:
        """Return which channels took the alert, which knew it already and which did not take it."""
        try:
            drift: Mapping[str, Any] = drift_of(self, context)
        except UserMistake:
            drift = {}
        outcome = tell_of_drift(
            context, self, "drift", self.subject, self.message, drift, self.channels, str(drift.get("severity", ""))
        )
        if outcome.nobody_knows:
            self._complain(context, outcome)
        return outcome.to_json()

    def _complain(self, context: Context, outcome: Outcome) -> None:
        missed = "; ".join(f"{name}: {why}" for name, why in outcome.undelivered.items())
        if context["ti"].try_number <= context["ti"].max_tries:
            raise Outage(f"no channel took the alert ({missed})")
        self.log.error("Nobody got the alert: %s", missed)
        raise AirflowSkipException(f"nobody got the alert ({missed})")


def tell_of_drift(
    context: Context,
    operator: Any,
    event: str,
    subject: str,
    message: str,
    drift: Mapping[str, Any],
    channels: list[str],
    topic: str,
) -> Outcome:
    """Send an alert about drift to ``channels``, unless they know ``topic`` and it has not changed since.

    ``operator`` has the sections ``alerts`` and ``psi``.
    """
    from driftgate.services.alerts import thresholds
    from driftgate.services.reminders import News
    from operators.telling import alert_about, tell_once

    now = datetime.now(UTC)
    since = datetime.fromisoformat(drift["since"]) if drift.get("since") else None
    alert: Alert = alert_about(
        context, event, subject, message,
        severity=str(drift.get("severity", "")),
        drift=dict(drift),
        thresholds=thresholds(operator.psi, lambda *path: place(operator.locate, *path)) if drift else (),
        where=place(operator.locate, *operator.path),
    )  # fmt: skip
    # Without drift there is no telling whether anything has changed: each run has news.
    news = News(context["ti"].run_id, topic, now, since if drift else now)
    outcome = tell_once(context, alert, channels, operator.alerts, news)
    record(context, operator, "alert", outcome.word, outcome.told_of(subject), outcome.to_json())
    return outcome
