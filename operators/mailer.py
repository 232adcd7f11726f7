"""Airflow's SMTP connection (TLS, login, OAuth) for what Airflow cannot build: HTML with a plain text beside it."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from typing import Any, cast

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk import Connection


class Mailer(SmtpHook):
    """Sends ready-made mails; tries once, and waits ``seconds`` at most for each of the server's answers."""

    def __init__(self, connection: Connection, seconds: float) -> None:
        super().__init__(smtp_conn_id=connection.conn_id)
        self._given = connection
        self._seconds = seconds

    def get_connection(self, conn_id: str) -> Any:  # type: ignore[override]
        """Return the connection that was read already: a thread that is given up must not talk to Airflow."""
        return self._given

    @property
    def timeout(self) -> Any:
        """Seconds."""
        return self._seconds

    @property
    def smtp_retry_limit(self) -> int:
        """None here: the task is retried, or another channel takes over."""
        return 0

    def send(self, message: EmailMessage) -> dict[str, tuple[int, bytes]]:
        """Send a mail; returns the receivers that the server refused, when it took the others."""
        with self:
            return cast("smtplib.SMTP", self._smtp_client).send_message(message)
