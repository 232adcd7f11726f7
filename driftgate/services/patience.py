"""How long to wait for services that fail now and then, or hang."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from driftgate.errors import Outage

if TYPE_CHECKING:
    import requests

Result = TypeVar("Result")

TRIES = 4
PAUSE = 0.2  # seconds between two looks


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


def within(seconds: float, work: Callable[[], Result]) -> Result:
    """Return what ``work`` returns, or give it up after ``seconds`` with an Outage.

    Time-outs of sockets are no such bound: they begin anew at each byte.
    """
    results: list[Result] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True, name="given up after a while")
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not results:
        raise Outage(f"no answer within {seconds:g} s")
    return results[0]


def until(true: Callable[[], bool], seconds: float) -> bool:
    """Wait so long for something to become true; returns whether it has."""
    deadline = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < deadline:
        time.sleep(PAUSE)
    return found
