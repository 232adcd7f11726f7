"""Real things for every test: an MLflow server of our own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from hypothesis import settings
from support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
os.environ.update(QUIET)

# Airflow reads its environment when it is first imported, which is when the tests are collected.
AIRFLOW_HOME = Path(tempfile.mkdtemp(prefix="driftgate-airflow-"))
BUNDLE = {
    "name": "driftgate",
    "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
    "kwargs": {"path": str(Path(__file__).resolve().parents[1])},
}
os.environ.update(
    {
        "AIRFLOW_HOME": str(AIRFLOW_HOME),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([BUNDLE]),
        "AIRFLOW__DAG_FACTORY__ENABLE_TELEMETRY": "False",
        "NO_PROXY": "127.0.0.1,localhost",
    }
)


@pytest.fixture(scope="session", autouse=True)
def airflow_home() -> Iterator[None]:
    yield
    shutil.rmtree(AIRFLOW_HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def patience_with_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget how long earlier tests waited for MLflow: the model API sets little, pipelines much."""
    for name in [name for name in os.environ if name.startswith("MLFLOW_HTTP_REQUEST_")]:
        monkeypatch.delenv(name)


LONGEST = ("tests/test_demo.py", "tests/pipelines/", "tests/test_faults.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes minutes: a module that is begun last keeps one worker busy, and the others wait."""

    def turn(item: pytest.Item) -> int:
        return next((place for place, name in enumerate(LONGEST) if item.nodeid.startswith(name)), len(LONGEST))

    items.sort(key=turn)


# A busy machine is slow now and then; that is no fault of the code.
settings.register_profile("driftgate", deadline=None)
settings.load_profile("driftgate")


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a fresh MLflow server, which ends with the test session."""
    home = tmp_path_factory.mktemp("mlflow")
    port = free_port()
    server = _start_mlflow(home, port)
    try:
        _wait_until_healthy(f"http://127.0.0.1:{port}", server, home / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        _end_with_children(server)


def _start_mlflow(home: Path, port: int) -> subprocess.Popen[bytes]:
    options = {
        "--host": "127.0.0.1",
        "--port": str(port),
        "--workers": "1",
        "--backend-store-uri": f"sqlite:///{home}/mlflow.db",
        "--artifacts-destination": str(home / "artifacts"),
    }
    command = [sys.executable, "-m", "mlflow", "server", *(word for pair in options.items() for word in pair)]
    with (home / "log").open("wb") as log:
        return subprocess.Popen(command, cwd=home, stdout=log, stderr=log, start_new_session=True)


def _wait_until_healthy(uri: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if requests.get(f"{uri}/health", timeout=2).ok:
                return
        except requests.RequestException:
            time.sleep(0.1)
    pytest.fail(f"MLflow did not start:\n{log.read_text()}")


def _end_with_children(server: subprocess.Popen[bytes]) -> None:
    """End the process group that the server leads; it has started workers of its own."""
    os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
