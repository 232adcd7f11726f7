"""Promotes a version and serves it, in children that are killed after their Nth request that changes something.

Started once, and told what to do line by line, so that the libraries are imported once: ``MODEL VERSION N`` on standard
input (for VERSION also ``back``: a rollback, or ``back-2``: one to version 2) is answered with ``killed`` or, when the
child made fewer requests than N, with ``done``. For Linux: it forks, before anything has opened a connection.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import timedelta
from typing import Any


def main() -> None:
    import mlflow.tracking  # noqa: F401 (before the fork)
    import requests

    import driftgate.services.release  # noqa: F401

    tracking, url, token = sys.argv[1:]
    send = requests.Session.send
    for line in sys.stdin:
        model, version, nth = line.split()
        child = os.fork()
        if not child:
            requests.Session.send = _deadly(send, int(nth))  # type: ignore[method-assign]
            _work(tracking, url, token, model, version)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else "done" if status == 0 else f"failed: {status}", flush=True)


def _deadly(send: Any, nth: int) -> Any:
    """Return ``send`` for requests, but for the death after the ``nth`` that changed something."""
    changes = 0

    def sent(session: Any, request: Any, **details: Any) -> Any:
        nonlocal changes
        answer = send(session, request, **details)
        if request.method != "GET" and "search" not in request.url:
            changes += 1
            if changes == nth:
                os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return sent


def _work(tracking: str, url: str, token: str, model: str, version: str) -> None:
    from driftgate.services import promotion, release, rollback
    from driftgate.services.model_api import ModelApi

    api, patience = ModelApi(url, token), timedelta(seconds=60)
    if version.startswith("back"):
        rollback.roll_back(tracking, api, model, version.partition("-")[2] or None, patience)
    else:
        release.bring_into_service(tracking, api, promotion.promote(tracking, model, version), patience)


if __name__ == "__main__":
    main()
