"""A client of the model API, over HTTP only."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from driftgate.errors import Outage, UserMistake

if TYPE_CHECKING:
    import requests

# A connection refused or a 5xx is tried again this often, with growing pauses, before it counts as an outage.
TRIES = 4
FIRST_PAUSE = 0.5
_LONGEST = 500  # characters of an answer that are worth repeating


@dataclass(frozen=True)
class ModelApi:
    """Where the model API is: base URL without a trailing slash, bearer token or None, seconds per request."""

    url: str
    token: str | None = None
    timeout: float = 10

    def __post_init__(self) -> None:
        if self.token and not self.token.isascii():
            raise UserMistake(
                "the model API's token holds other characters than ASCII; correct the connection's password"
            )

    def get(self, path: str, **query: str) -> Any:
        """Return the JSON answer to GET ``path``; Outage when there is none after retries, UserMistake on 4xx."""
        return self._call("GET", path, params=query)

    def post(self, path: str, body: Any) -> Any:
        """Return the JSON answer to POST ``path``, sent with the bearer token; errors as in ``get``."""
        return self._call("POST", path, json=body)

    def patient(self, seconds: float) -> ModelApi:
        """The same API, given more time to answer."""
        return replace(self, timeout=max(seconds, self.timeout))

    def served(self) -> tuple[str | None, str | None]:
        """Return name and version of the model being served; twice None when there is none, or no answer."""
        import requests

        try:
            answer = requests.get(f"{self.url}/ready", timeout=self.timeout)
            model = answer.json()["model"] if answer.ok else {}
            return (str(model["name"]), str(model["version"])) if model else (None, None)
        except (requests.RequestException, ValueError, KeyError, TypeError):
            return None, None

    def _call(self, method: str, path: str, **details: Any) -> Any:
        import requests

        failure = ""
        for attempt in range(TRIES):
            if attempt:
                time.sleep(FIRST_PAUSE * 2 ** (attempt - 1))
            try:
                answer = requests.request(
                    method, self.url + path, headers=self._headers(), timeout=self.timeout, **details
                )
            except requests.ReadTimeout:
                # It is at work, or stuck: asking again would only pile up the same work.
                raise Outage(
                    f"the model API did not answer {method} {self.url}{path} in {self.timeout:.0f} s"
                ) from None
            except requests.RequestException as error:
                failure = type(error).__name__
                continue
            if answer.status_code < 500:
                return self._content(answer)
            failure = f"{answer.status_code} {_detail(answer)}"
        raise Outage(f"the model API does not answer {method} {self.url}{path}: {failure} ({TRIES} tries)")

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def _content(self, answer: requests.Response) -> Any:
        if answer.status_code in (401, 403):
            raise UserMistake(
                f"the model API at {self.url} refuses the token; put DRIFTGATE_API_TOKEN's value into the "
                "password of the Airflow connection"
            )
        if not answer.ok:
            raise UserMistake(f"the model API refused {answer.url}: {answer.status_code} {_detail(answer)}")
        try:
            return answer.json()
        except (ValueError, RecursionError):  # the latter: brackets within brackets, by the thousand
            raise UserMistake(f"{answer.url} did not answer in JSON: {answer.text[:80]!r}") from None


def _detail(answer: requests.Response) -> str:
    try:
        content = answer.json()
    except (ValueError, RecursionError):
        return answer.reason
    return str(content.get("detail", answer.reason))[:_LONGEST] if isinstance(content, dict) else answer.reason
