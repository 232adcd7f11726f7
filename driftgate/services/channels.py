"""How an alert reaches people: over SMTP, a Slack webhook or any HTTP service, in bounded time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from driftgate.errors import Outage, printable
from driftgate.services.alerts import Alert, as_html, as_json, as_slack, as_text

if TYPE_CHECKING:
    import requests

SLACK = "https://hooks.slack.com/services"
# A subject that is broken right at its start shows with a blank before it.
_UNFOLDED = policy.default.clone(max_line_length=900)
_SAID = 100  # characters of an answer that are worth repeating


def mail(alert: Alert, sender: str, to: list[str]) -> EmailMessage:
    """Return the alert as a mail: plain text, and the same as HTML for those who show it."""
    message = EmailMessage(policy=_UNFOLDED)
    message["Subject"] = " ".join(printable(" ".join(alert.subject.split())).split())[:200]
    message["From"] = sender
    message["To"] = ", ".join(to)
    message["Date"] = formatdate(localtime=True)
    # The same for the same news: a mail that is sent twice, because its sender was killed, is shown once by most.
    digest = hashlib.sha256(f"{alert.id}|{sender}|{to}".encode()).hexdigest()[:32]
    message["Message-ID"] = f"<{digest}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # no out-of-office answers
    message.set_content(as_text(alert))
    message.add_alternative(as_html(alert), subtype="html")
    return message


@dataclass(frozen=True)
class Hook:
    """An HTTP address that takes alerts. What is secret about it is in no message and no representation."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    login: tuple[str, str] | None = field(default=None, repr=False)

    def post(self, body: Mapping[str, Any], timeout: float) -> None:
        """Post ``body`` as JSON; Outage when the answer is not a good one, or comes too late."""
        import requests

        try:
            with requests.Session() as session:
                session.trust_env = False  # no passwords from a ~/.netrc; see _proxies
                answer = session.post(
                    self.url, json=body, headers=dict(self.headers), auth=self.login, timeout=timeout,
                    allow_redirects=False, stream=True, proxies=_proxies(self.url),
                )  # fmt: skip
                said = "" if answer.ok else _said(answer)
        except requests.Timeout:
            raise Outage(f"no answer within {timeout:g} s") from None
        except requests.RequestException as error:  # its text holds the address, and that may be a secret
            raise Outage(f"it cannot be reached ({type(error).__name__})") from None
        except (ValueError, UnicodeError) as error:
            raise Outage(f"its address cannot be used ({type(error).__name__})") from None
        if not 200 <= answer.status_code < 300:
            raise Outage(f"it answered {answer.status_code} {self._hidden(said)}".rstrip())

    def _hidden(self, text: str) -> str:
        address = self.url.partition("://")[2].partition("/")[2]
        secrets = [self.url, address, *address.split("/"), *self.headers.values(), *(self.login or ())]
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, "***") if len(secret) > 3 else text
        return text[:_SAID]


def _proxies(url: str) -> dict[str, str]:
    import requests

    return dict(requests.utils.get_environ_proxies(url))


def _said(answer: requests.Response) -> str:
    """The beginning of an answer that is no good; Slack says there what is wrong."""
    content = next(answer.iter_content(_SAID * 4), b"")
    text = printable(" ".join(content.decode("utf-8", "replace").split()))
    return "" if text.startswith("<") else text


def slack_url(base: str, secret: str) -> str:
    """Return a webhook's URL from what a connection holds: all of it as password, or host and token apart."""
    if "://" in secret:
        return secret
    return f"{(base or SLACK).rstrip('/')}/{secret.lstrip('/')}"


def post_slack(hook: Hook, alert: Alert, timeout: float) -> None:
    """Post to a Slack webhook."""
    hook.post(as_slack(alert), timeout)


def post_json(hook: Hook, alert: Alert, timeout: float) -> None:
    """Post to any HTTP service."""
    hook.post(as_json(alert), timeout)
