"""Tell people."""

from __future__ import annotations

import smtplib
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException

from driftgate.errors import Outage
from operators.base import Section
from operators.connections import connection
from operators.drift import DriftMessageOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class SendAlertOperator(DriftMessageOperator):
    """Sends a message over channels that the ``alerts`` section declares.

    :param alerts: the pipeline's section.
    :param channels: names under ``alerts.channels``.
    :param subject: one line (templated, knows ``drift``).
    :param message: plain text (templated, knows ``drift``).
    """

    template_fields = ("subject", "message", "channels")

    def __init__(
        self,
        *,
        alerts: Section,
        channels: list[str],
        subject: str = "Drift {{ drift.severity }}",
        message: str = "{{ drift.summary }}",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alerts = alerts
        self.channels = channels
        self.subject = subject
        self.message = message

    def work(self, context: Context) -> None:
        """Send to each channel in turn."""
        from driftgate.services.alerts import render_html

        html = render_html(self.message, context["ti"].log_url)
        for name in self.channels:
            channel = self.alerts["channels"][name]
            _send_mail(channel, self.subject, html)
            self.log.info("Sent %r to %s (%s)", self.subject, name, ", ".join(channel["to"]))


def _send_mail(channel: Section, subject: str, html: str) -> None:
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    connection(channel["connection"], "smtp://user:password@mail.example.com:587")
    try:
        with SmtpHook(smtp_conn_id=channel["connection"]) as hook:
            hook.send_email_smtp(to=channel["to"], from_email=channel["from"], subject=subject, html_content=html)
    except (OSError, smtplib.SMTPException, AirflowException) as error:
        raise Outage(
            f"the mail server of connection {channel['connection']!r} did not take the mail: {error}"
        ) from error
