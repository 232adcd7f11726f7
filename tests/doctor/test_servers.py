"""The doctor before real servers: an MLflow and a model API, whole, absent, and with the wrong token."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from aiosmtpd.controller import Controller
from support.lab import Lab
from support.ports import free_port

from driftgate.doctor import servers
from driftgate.doctor.finding import Finding
from driftgate.doctor.surroundings import Mail, Server

TOKEN = "the-right-token"


@pytest.fixture(scope="module")
def api(mlflow_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A model API without a model in production."""
    home, port = tmp_path_factory.mktemp("api"), free_port()
    environment = {
        **os.environ, "DRIFTGATE_API_TOKEN": TOKEN, "DRIFTGATE_HOME": str(home), "MLFLOW_TRACKING_URI": mlflow_server,
        "DRIFTGATE_MODEL_NAME": "doctors_model", "DRIFTGATE_API_PROTECT": "all",
    }  # fmt: skip
    command = [sys.executable, "-m", "driftgate", "serve", "--port", str(port)]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    server = Server(f"http://127.0.0.1:{port}", password=TOKEN)
    Lab.wait(lambda: requests.get(f"{server.url}/health", timeout=2).ok)
    yield server
    process.terminate()
    process.wait(10)


def nowhere() -> Server:
    return Server(f"http://127.0.0.1:{free_port()}", password=TOKEN)


def told(findings: list[Finding]) -> dict[str, str]:
    return {finding.seen: finding.status for finding in findings}


def test_mlflow_answers_and_has_no_model_yet(mlflow_server: str) -> None:
    findings, production = servers.mlflow(servers.Visits(), Server(mlflow_server), ["doctors_model"])

    assert [finding.status for finding in findings] == ["ok", "warning"]
    assert findings[1].seen == "no version of doctors_model is in production yet"
    assert findings[1].todo == "airflow dags trigger model_retraining"
    assert production == {}


def test_servers_that_are_not_there_are_told_with_the_next_command() -> None:
    (mlflow,), _ = servers.mlflow(servers.Visits(), nowhere(), [])
    (api,) = servers.model_api(servers.Visits(), nowhere(), {})
    (airflow,) = servers.airflow(servers.Visits(), nowhere())

    assert {mlflow.status, api.status, airflow.status} == {"failed"}
    assert mlflow.todo.endswith("logs --tail 50 mlflow")
    assert api.todo.endswith("logs --tail 50 model-api")
    assert airflow.todo.endswith("logs --tail 50 airflow-apiserver")


def test_the_api_takes_the_right_token_and_reloads_nothing(api: Server) -> None:
    found = told(list(servers.model_api(servers.Visits(), api, {})))

    assert found == {f"answers at {api.url}": "ok", "takes the token": "ok", "serves no model yet": "warning"}


def test_the_api_refuses_a_wrong_token(api: Server) -> None:
    found = told(list(servers.model_api(servers.Visits(), Server(api.url, password="wrong"), {})))

    assert found["refuses the token"] == "failed"


def test_an_api_that_serves_nothing_though_a_version_is_in_production_has_failed(api: Server) -> None:
    *_, last = servers.model_api(servers.Visits(), api, {"doctors_model": "3"})

    assert last.status == "failed"
    assert last.seen.startswith("serves no model: ")


def test_a_protected_api_answers_predictions_only_with_the_token(api: Server) -> None:
    url = f"{api.url}/drift/status"
    headers = {"Authorization": f"Bearer {TOKEN}"}

    assert requests.get(url, timeout=5).status_code == 401
    assert requests.post(f"{api.url}/predict", json={"rows": [{}]}, timeout=5).status_code == 401
    assert requests.get(url, headers=headers, timeout=5).status_code == 503
    assert requests.get(f"{api.url}/ready", timeout=5).status_code == 503


def test_clocks_are_noted_by_the_way(api: Server) -> None:
    visits = servers.Visits()
    list(servers.model_api(visits, api, {}))

    assert abs(visits.clocks["Model API"].total_seconds()) < 2


def test_mail_is_looked_at_and_not_sent(tmp_path: Path) -> None:
    class Handler:
        received = 0

        async def handle_DATA(self, *_: object) -> str:  # noqa: N802 (aiosmtpd calls it so)
            Handler.received += 1
            return "250 OK"

    port = free_port()
    box = Controller(Handler(), hostname="127.0.0.1", port=port)
    box.start()
    try:
        found = servers.mail(Mail("127.0.0.1", port, "", "", ssl=False, starttls=False))
    finally:
        box.stop()

    assert (found.status, Handler.received) == ("ok", 0)
    assert servers.mail(Mail("127.0.0.1", port, "", "", ssl=False, starttls=False)).status == "failed"
