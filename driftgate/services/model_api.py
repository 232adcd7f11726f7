"""A client of the model API, over HTTP only."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from driftgate.errors import DriftgateError, Outage, UserMistake
from driftgate.services.patience import within

# A connection refused or a 5xx is tried again this often, with growing pauses, before it counts as an outage.
TRIES = 4
FIRST_PAUSE = 0.5
_LONGEST = 500  # characters of an answer that are worth repeating
_LARGEST = 32 << 20  # bytes of an answer: a year of history with many features
_GRACE = 0.5  # seconds that the time-outs of sockets, which can say more, come first


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
            answer = within(self.timeout + _GRACE, lambda: self._ask("GET", "/ready"))
            model = answer.json()["model"] if answer.status < 400 else {}
            return (str(model["name"]), str(model["version"])) if model else (None, None)
        except (requests.RequestException, DriftgateError, ValueError, KeyError, TypeError, RecursionError):
            return None, None

    def _call(self, method: str, path: str, **details: Any) -> Any:
        import requests

        late = f"the model API did not answer {method} {self.url}{path} in {self.timeout:.0f} s"
        failure = ""
        for attempt in range(TRIES):
            if attempt:
                time.sleep(FIRST_PAUSE * 2 ** (attempt - 1))
            try:
                answer: _Answer = within(self.timeout + _GRACE, lambda: self._ask(method, path, **details))
            except (requests.ReadTimeout, Outage):
                raise Outage(late) from None  # it is at work, or stuck: asking again would only pile up the same work
            except requests.RequestException as error:
                failure = type(error).__name__
                continue
            if answer.status < 500:
                return self._content(answer)
            failure = f"{answer.status} {answer.detail}"
        raise Outage(f"the model API does not answer {method} {self.url}{path}: {failure} ({TRIES} tries)")

    def _ask(self, method: str, path: str, **details: Any) -> _Answer:
        """Return the answer, read in full; UserMistake when it is longer than an answer can be."""
        import requests

        with requests.request(
            method, self.url + path, headers=self._headers(), timeout=self.timeout, stream=True, **details
        ) as answer:
            content = bytearray()
            for chunk in answer.iter_content(65_536):
                content += chunk
                if len(content) > _LARGEST:
                    raise UserMistake(f"{answer.url} answers with more than {_LARGEST >> 20} MiB")
            return _Answer(answer.url, answer.status_code, answer.reason, bytes(content))

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def _content(self, answer: _Answer) -> Any:
        if answer.status in (401, 403):
            raise UserMistake(
                f"the model API at {self.url} refuses the token; put DRIFTGATE_API_TOKEN's value into the "
                "password of the Airflow connection"
            )
        if answer.status >= 400:
            raise UserMistake(f"the model API refused {answer.url}: {answer.status} {answer.detail}")
        try:
            return answer.json()
        except (ValueError, RecursionError):  # the latter: brackets within brackets, by the thousand
            begins = answer.content[:80].decode("utf-8", "replace")
            raise UserMistake(f"{answer.url} did not answer in JSON: {begins!r}") from None


class _Answer(NamedTuple):
    url: str
    status: int
    reason: str
    content: bytes

    def json(self) -> Any:
        """Raises ValueError or RecursionError."""
        return json.loads(self.content)

    @property
    def detail(self) -> str:
        """What the API says about it."""
        try:
            content = self.json()
        except (ValueError, RecursionError):
            return self.reason
        return str(content.get("detail", self.reason))[:_LONGEST] if isinstance(content, dict) else self.reason
