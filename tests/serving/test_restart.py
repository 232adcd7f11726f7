"""The model API as a process of its own, the way `driftgate serve` runs it."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
from support.ports import free_port

from driftgate.serving.tally import EVERY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SERVE = "import sys; from driftgate.cli.serve import serve; serve(port=int(sys.argv[1]))"
TOKEN = "a-token-for-tests"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def start(mlflow_server: str, model: Any, tmp_path: Path, port: int) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start the model API in the same folder as before; what still runs ends with the test."""
    environment = {
        **os.environ,
        "DRIFTGATE_API_TOKEN": TOKEN,
        "DRIFTGATE_HOME": str(tmp_path / "state"),
        "DRIFTGATE_MODEL_NAME": model.name,
        "MLFLOW_TRACKING_URI": mlflow_server,
    }
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", SERVE, str(port)]
        started.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def counted(home: Path) -> int:
    connection = sqlite3.connect(home / "state" / "model-api.db")
    (rows,) = connection.execute("SELECT sum(rows) FROM driftgate_counts WHERE span = 3600").fetchone()
    connection.close()
    return int(rows)


def predict_until_it_ends(api: Any, rows: Any) -> list[float]:
    """When each request was answered."""
    answered = []
    try:
        while api.predict(rows[:7]).status_code == 200:
            answered.append(time.monotonic())
    except requests.RequestException:
        pass
    return answered


def test_a_killed_process_loses_at_most_the_last_second_and_counts_nothing_twice(
    start: Callable[[], subprocess.Popen[str]], at_port: Callable[[int], Any], port: int, rows: Any, tmp_path: Path
) -> None:
    process, api = start(), at_port(port)
    api.wait_until_ready()
    threading.Timer(2.5, process.kill).start()
    answered = predict_until_it_ends(api, rows)
    samples = counted(tmp_path)
    safe = sum(moment < answered[-1] - EVERY - 0.5 for moment in answered)  # half a second for a busy machine
    assert 0 < 7 * safe <= samples <= 7 * (len(answered) + 1)


def test_sigterm_loses_nothing(
    start: Callable[[], subprocess.Popen[str]], at_port: Callable[[int], Any], port: int, rows: Any, tmp_path: Path
) -> None:
    process, api = start(), at_port(port)
    api.wait_until_ready()
    assert api.predict(rows[:9]).ok
    process.terminate()
    process.wait(20)
    assert counted(tmp_path) == 9


def test_sigterm_ends_it_quietly_even_while_it_loads_its_model(
    start: Callable[[], subprocess.Popen[str]], at_port: Callable[[int], Any], port: int
) -> None:
    process, api = start(), at_port(port)
    api.wait(lambda: api.get("/health").ok)
    process.terminate()
    _, log = process.communicate(timeout=20)
    assert "Finished server process" in log
    assert "Traceback" not in log
    assert "GET /health" not in log


def test_a_port_in_use_is_one_clear_line(start: Callable[[], subprocess.Popen[str]], port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        _, log = start().communicate(timeout=30)
    assert log.splitlines()[-1] == (
        f"driftgate.errors.UserMistake: Cannot listen on 127.0.0.1:{port}: Address already in use. "
        "Choose another with --port."
    )
