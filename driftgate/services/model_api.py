"""A client of the model API, over HTTP only."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftgate.errors import Outage, UserMistake

if TYPE_CHECKING:
    import requests

# A connection refused or a 5xx is tried again this often, with growing pauses, before it counts as an outage.
TRIES = 4
FIRST_PAUSE = 0.5


@dataclass(frozen=True)
class ModelApi:
    """Where the model API is: base URL without a trailing slash, bearer token or None, seconds per request."""

    url: str
    token: str | None = None
    timeout: float = 10

    def get(self, path: str, **query: str) -> Any:
        """Return the JSON answer to GET ``path``; Outage when there is none after retries, UserMistake on 4xx."""
        return self._call("GET", path, params=query)

    def post(self, path: str, body: Any) -> Any:
        """Return the JSON answer to POST ``path``, sent with the bearer token; errors as in ``get``."""
        return self._call("POST", path, json=body)

    def ready_version(self) -> str | None:
        """Return the model version being served, or None when the API serves none or does not answer."""
        import requests

        try:
            answer = requests.get(f"{self.url}/ready", timeout=self.timeout)
            return str(answer.json()["model"]["version"]) if answer.ok else None
        except (requests.RequestException, ValueError, KeyError, TypeError):
            return None

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
        except ValueError:
            raise UserMistake(f"{answer.url} did not answer in JSON: {answer.text[:80]!r}") from None


def _detail(answer: requests.Response) -> str:
    try:
        content = answer.json()
    except ValueError:
        return answer.reason
    return str(content.get("detail", answer.reason)) if isinstance(content, dict) else answer.reason
