"""Model APIs in processes of their own, forked from one that has imported the libraries: seconds of work, done once."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["driftgate.serving.app", "mlflow.artifacts", "mlflow.models", "sklearn.ensemble", "skops.io", "uvicorn"]
)


def start(port: int, log: Path) -> ForkServerProcess:
    """Start ``driftgate serve`` in the environment as it is now; what it says is appended to ``log``."""
    process = _CONTEXT.Process(target=_serve, args=(port, log, dict(os.environ)), daemon=True)
    process.start()
    return process


def _serve(port: int, log: Path, environment: dict[str, str]) -> None:
    os.environ.clear()  # it is that of the first test
    os.environ.update(environment)
    with log.open("ab") as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)

    from driftgate.cli import main

    main(["serve", "--port", str(port)])
