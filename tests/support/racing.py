"""Promotes several versions of a model at once and serves them, each in a child of its own.

Told what to do line by line, so that the libraries are imported once: ``SEED MODEL VERSION VERSION …`` on standard
input is answered with what became of each version, ``promoted``, ``superseded`` or the error. ``SEED`` decides how long
each child waits before each of its requests. For Linux: it forks, before anything has opened a connection.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from datetime import timedelta
from typing import Any

LONGEST_PAUSE = 0.03  # seconds: about what a request takes


def main() -> None:
    import mlflow.tracking  # noqa: F401 (before the fork)

    import driftgate.services.release  # noqa: F401

    tracking, url, token = sys.argv[1:]
    for line in sys.stdin:
        seed, model, *versions = line.split()
        children = [
            _start(random.Random(f"{seed}/{version}"), tracking, url, token, model, version) for version in versions
        ]
        print(json.dumps([os.fdopen(reader).read() for reader in children]), flush=True)
        for _ in children:
            os.wait()


def _start(chance: random.Random, *work: str) -> int:
    """Return the end of a pipe that the child writes its outcome to."""
    reader, writer = os.pipe()
    if not os.fork():
        _slow_down(chance)
        try:
            outcome = _work(*work)
        except Exception as error:
            outcome = str(error)
        os.write(writer, outcome.encode()[:4_000])
        os._exit(0)
    os.close(writer)
    return reader


def _slow_down(chance: random.Random) -> None:
    import requests

    send = requests.Session.send

    def sent(session: Any, request: Any, **details: Any) -> Any:
        time.sleep(chance.random() * LONGEST_PAUSE)
        return send(session, request, **details)

    requests.Session.send = sent  # type: ignore[method-assign]


def _work(tracking: str, url: str, token: str, model: str, version: str) -> str:
    from driftgate.services import promotion, release
    from driftgate.services.model_api import ModelApi

    promoted = promotion.promote(tracking, model, version)
    if promoted["superseded_by"]:
        return "superseded"
    served = release.bring_into_service(tracking, ModelApi(url, token), promoted, timedelta(seconds=60))
    return "superseded" if served["superseded_by"] else "promoted"


if __name__ == "__main__":
    main()
