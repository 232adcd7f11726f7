"""An HTTP session for services that fail now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests

TRIES = 4


def patient_session() -> requests.Session:
    """Return a session that asks up to TRIES times, with short pauses, where a server fails or is not there.

    Only for requests that may be made twice. A server that asks for patience, by Retry-After, gets none: a task waits.
    """
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    session = requests.Session()
    retry = Retry(TRIES - 1, status_forcelist=(429, 500, 502, 503, 504), allowed_methods=None, backoff_factor=0.2,
                  raise_on_status=False, respect_retry_after_header=False)  # fmt: skip
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session
