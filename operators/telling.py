"""Tell people over the channels of a pipeline: nobody twice, and whatever happens to a channel."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from driftgate.durations import parse_duration
from driftgate.errors import DriftgateError, Outage, UserMistake, printable, without_password
from driftgate.services import channels as services
from driftgate.services.alerts import Alert
from driftgate.services.patience import within
from driftgate.services.reminders import News, Told, known_to, remember
from operators.base import Section
from operators.connections import base_url, connection
from operators.memory import Memory, key_of

if TYPE_CHECKING:
    from airflow.sdk import Connection, Context

log = logging.getLogger(__name__)

Channels = Mapping[str, Section]
_LONGEST_REASON = 300


@dataclass
class Outcome:
    """What became of an alert, channel by channel."""

    sent: list[str] = field(default_factory=list)
    known: dict[str, str] = field(default_factory=dict)  # channel → why there was nothing new to tell
    undelivered: dict[str, str] = field(default_factory=dict)  # channel → why it did not take the alert

    @property
    def nobody_knows(self) -> bool:
        """Whether there was something to tell and no channel took it."""
        return bool(self.undelivered) and not self.sent and not self.known

    @property
    def word(self) -> str:
        """What became of it, in a word."""
        return "sent" if self.sent else "undelivered" if self.undelivered else "known" if self.known else "told nobody"

    def told_of(self, subject: str) -> str:
        """Return a sentence for each kind of channel."""
        said = [f"{subject}: sent to {', '.join(self.sent)}"] if self.sent else []
        said += [f"Nothing new for {name}: {why}" for name, why in self.known.items()]
        said += [f"{name} did not take it: {why}" for name, why in self.undelivered.items()]
        return "\n".join(said) or f"{subject}: there is nobody to tell"

    def to_json(self) -> dict[str, Any]:
        """As an XCom."""
        return vars(self)


def alert_about(context: Context, event: str, subject: str, message: str, **more: Any) -> Alert:
    """Return an alert about the task of ``context``, with links to it and its run in Airflow."""
    ti = context["ti"]
    return Alert(
        id="/".join([key_of(context, f"{ti.dag_id}/{ti.run_id}"), event, *filter(None, [more.get("severity")])]),
        event=event,
        subject=subject,
        message=message,
        pipeline=ti.dag_id,
        run=ti.run_id,
        task=ti.task_id,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        links={"run": ti.log_url.rpartition("/tasks/")[0], "task": ti.log_url},
        **more,
    )


def tell_once(context: Context, alert: Alert, names: Iterable[str], alerts: Section, news: News) -> Outcome:
    """Send ``alert`` to the channels that do not know its news yet, and remember who was told."""
    memory, key = Memory(context, alert.pipeline), key_of(context, "told")
    told = _stored(memory.get(key))
    wait = parse_duration(alerts["repeat_after"]) if alerts.get("repeat_after") else None
    outcome = Outcome()

    def note(name: str, sent: bool) -> None:
        nonlocal told
        told = remember(told, Told(news.run, name, news.topic, news.now, sent))
        memory.set(key, [entry.to_json() for entry in told])

    channels = list(dict.fromkeys(names))
    outcome.known = known_to(news, channels, told, wait)
    for name, why in outcome.known.items():
        log.info("Nothing new for %s: %s", name, why)
        note(name, sent=False)
    due = [name for name in channels if name not in outcome.known]
    delivered = deliver(alert, due, alerts["channels"], on_taken=lambda name: note(name, sent=True))
    return replace(delivered, known=outcome.known)


def _stored(value: Any) -> list[Told]:
    try:
        return [Told.from_json(entry) for entry in value or ()]
    except (TypeError, KeyError, ValueError):  # from another version of ours
        log.warning("The memory of earlier alerts cannot be read; it begins anew")
        return []


def deliver(
    alert: Alert, names: Iterable[str], channels: Channels, on_taken: Callable[[str], None] = lambda name: None
) -> Outcome:
    """Send ``alert`` over each channel in turn, never raising; every channel learns which others did not take it.

    Mail goes last: whoever reads it then finds everything in one message.
    """
    outcome = Outcome()
    knew: dict[str, int] = {}  # channel → how many failures its message told of
    for name in sorted(names, key=lambda name: channels[name]["type"] == "email"):
        reported = len(outcome.undelivered)
        taken, why = _attempt(alert.without(outcome.undelivered), channels[name])
        if why:
            log.error("The channel %s did not take the alert %r: %s", name, alert.subject, why)
            outcome.undelivered[name] = why
        if taken:
            log.info("Sent %r to %s", alert.subject, name)
            outcome.sent.append(name)
            knew[name] = reported
            on_taken(name)
    _report(alert, outcome, knew, channels)
    return outcome


def _report(alert: Alert, outcome: Outcome, knew: Mapping[str, int], channels: Channels) -> None:
    """Tell the channels that took the alert about those that did not, unless their message said so."""
    failures = list(outcome.undelivered.items())
    for name, reported in knew.items():
        others = {other: why for other, why in failures[reported:] if other != name}
        if others:
            subject, message = f"An alert did not arrive everywhere: {alert.subject}", f"It was: {alert.message}"
            note = replace(alert, id=f"{alert.id}/channel", event="channel", subject=subject, message=message)
            _attempt(note.without(others), channels[name])


def _attempt(alert: Alert, channel: Section) -> tuple[bool, str]:
    """Send over one channel; returns whether it took the alert, and what went wrong."""
    seconds = parse_duration(channel["timeout"]).total_seconds()
    try:
        work = _WAYS[channel["type"]](alert, channel, seconds)
        within(seconds + 0.5, work)  # its own time-outs, which can say more, come first
    except _Partly as error:
        return True, _reason(error)
    except Exception as error:  # a channel that does not work is no reason for a pipeline not to
        return False, _reason(error)
    return True, ""


class _Partly(Outage):
    """Some of the receivers got it."""


def _reason(error: Exception) -> str:
    known_error = isinstance(error, DriftgateError)
    text = str(error) if known_error else f"{type(error).__name__}: {error}"
    return redacted(text)[:_LONGEST_REASON]


def redacted(text: str) -> str:
    """Return ``text`` on one line, without what Airflow knows to be secret and passwords in addresses."""
    from airflow.sdk.log import redact  # type: ignore[attr-defined]

    return printable(without_password(" ".join(str(redact(text)).split())))


def _email(alert: Alert, channel: Section, seconds: float) -> Callable[[], None]:
    from airflow.sdk.exceptions import AirflowException

    from operators.mailer import Mailer

    conn = connection(channel["connection"], "smtp://user:password@mail.example.com:587")
    mailer = Mailer(conn, seconds)
    mail = services.mail(alert, channel["from"], list(channel["to"]))

    def send() -> None:
        try:
            refused = mailer.send(mail)
        except (OSError, AirflowException) as error:  # smtplib's errors are of the first kind
            raise Outage(f"the mail server of connection {channel['connection']!r} did not take the mail: "
                         f"{_said(error)}") from None  # fmt: skip
        if refused:
            raise _Partly(f"the mail server refused {', '.join(refused)}")

    return send


def _said(error: Exception) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else f"{type(error).__name__}: {error}"


def _slack(alert: Alert, channel: Section, seconds: float) -> Callable[[], None]:
    conn = connection(channel["connection"], "'http://:https%3A%2F%2Fhooks.slack.com%2Fservices%2FT…%2FB…%2F…@'")
    if not conn.password:
        raise UserMistake(f"connection {channel['connection']!r} has no password: the URL of the Slack webhook")
    hook = services.Hook(_masked(services.slack_url(_slack_base(conn), conn.password)))
    return lambda: services.post_slack(hook, alert, seconds)


def _slack_base(conn: Connection) -> str:
    """Where Airflow's own Slack connections point to, which hold only the token as their password."""
    host = conn.host or ""
    return host if "://" in host or not host else f"https://{host}/{conn.schema or 'services'}"


def _webhook(alert: Alert, channel: Section, seconds: float) -> Callable[[], None]:
    conn = connection(channel["connection"], "https://:TOKEN@alerts.example.com")
    secret = conn.extra_dejson.get("headers", {})
    headers = {**channel.get("headers", {}), **{name: _masked(str(value)) for name, value in secret.items()}}
    login = (conn.login, conn.password or "") if conn.login else None
    if conn.password and not conn.login:
        headers["Authorization"] = f"Bearer {conn.password}"
    hook = services.Hook(base_url(conn) + channel.get("endpoint", ""), headers, login)
    return lambda: services.post_json(hook, alert, seconds)


def _masked(secret: str) -> str:
    from airflow.sdk.log import mask_secret

    mask_secret(secret)
    return secret


# type of a channel → what makes ready to send; reads the connection, and leaves the sending to another thread
_WAYS: dict[str, Callable[[Alert, Section, float], Callable[[], None]]] = {
    "email": _email,
    "slack": _slack,
    "webhook": _webhook,
}
