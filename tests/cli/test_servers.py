"""Commands find MLflow and the model API in a shell's environment, else in the connections of Airflow beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from driftgate.cli import servers
from driftgate.cli.arguments import UsageError
from driftgate.doctor.surroundings import airflow_connection

NAMES = (
    "MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN",
    "DRIFTGATE_API_URL", "DRIFTGATE_API_TOKEN",
)  # fmt: skip


@pytest.fixture(autouse=True)
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A shell without any of the variables, and with Airflow's connections that the test names."""
    for name in NAMES:
        monkeypatch.setenv(name, "")  # so that what is set meanwhile is gone afterwards
        monkeypatch.delenv(name)
    for name in [name for name in os.environ if name.startswith("AIRFLOW__")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    airflow_connection.cache_clear()
    yield
    airflow_connection.cache_clear()


def airflow_knows(monkeypatch: pytest.MonkeyPatch, conn_id: str, uri: str) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "false")  # which says that an Airflow is set up here
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", uri)


def test_mlflow_and_its_login_are_those_of_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    airflow_knows(monkeypatch, "mlflow_default", "http://pipelines:s3cret@mlflow:5000")

    assert servers.mlflow() == "http://mlflow:5000"
    assert os.environ["MLFLOW_TRACKING_USERNAME"] == "pipelines"
    assert os.environ["MLFLOW_TRACKING_PASSWORD"] == "s3cret"


def test_a_password_alone_is_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    airflow_knows(monkeypatch, "mlflow_default", "http://:t0ken@mlflow:5000")

    servers.mlflow()

    assert os.environ["MLFLOW_TRACKING_TOKEN"] == "t0ken"


@pytest.mark.parametrize("by", ["hand", "environment"])
def test_the_connections_login_goes_to_no_other_server(monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    airflow_knows(monkeypatch, "mlflow_default", "http://pipelines:s3cret@mlflow:5000")
    airflow_knows(monkeypatch, "model_api", "http://:t0ken@model-api:8000")
    url = "http://elsewhere:1"
    if by == "environment":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        monkeypatch.setenv("DRIFTGATE_API_URL", url)
    given = url if by == "hand" else None

    assert servers.mlflow(given) == url
    assert "MLFLOW_TRACKING_USERNAME" not in os.environ
    api = servers.model_api(given)
    assert (api.url, api.token) == (url, None)


def test_the_model_api_is_that_of_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    airflow_knows(monkeypatch, "model_api", "http://:t0ken@model-api:8000")

    api = servers.model_api()

    assert (api.url, api.token) == ("http://model-api:8000", "t0ken")


def test_without_airflow_the_model_api_is_on_this_machine_and_mlflow_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DRIFTGATE_API_TOKEN", "t0ken")

    api: Any = servers.model_api()

    assert (api.url, api.token) == ("http://127.0.0.1:8000", "t0ken")
    with pytest.raises(UsageError, match="set MLFLOW_TRACKING_URI"):
        servers.mlflow()
