"""Where MLflow and the model API are: from the environment, else from the connections of the Airflow set up here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from driftgate.cli.arguments import UsageError

if TYPE_CHECKING:
    from driftgate.doctor.surroundings import Server
    from driftgate.services.model_api import ModelApi

TRACKING, API = "MLFLOW_TRACKING_URI", "DRIFTGATE_API_URL"
_API_HERE = "http://127.0.0.1:8000"


def mlflow(given: str | None = None) -> str:
    """Return MLflow's address, ``given`` or found, and leave the connection's login in MLflow's own variables."""
    if uri := given or os.environ.get(TRACKING):
        return uri
    server = _connection("mlflow_default")
    if server is None:
        raise UsageError(f"set {TRACKING} to the address of the MLflow server, such as http://localhost:5000")
    if server.login:
        os.environ.update(MLFLOW_TRACKING_USERNAME=server.login, MLFLOW_TRACKING_PASSWORD=server.password)
    elif server.password:
        os.environ["MLFLOW_TRACKING_TOKEN"] = server.password
    return server.url


def model_api(given: str | None = None) -> ModelApi:
    """Return the model API at ``given``, else as found, else on this machine."""
    from driftgate.services.model_api import ModelApi

    token = os.environ.get("DRIFTGATE_API_TOKEN")
    if not (url := given or os.environ.get(API)):
        server = _connection("model_api")
        url, token = (server.url, token or server.password or None) if server else (_API_HERE, token)
    return ModelApi(url.rstrip("/"), token)


def _connection(conn_id: str) -> Server | None:
    """The server that a connection names; None where no Airflow is set up, or none that has it."""
    from driftgate.doctor.surroundings import NoAirflow, airflow_connection, server_of

    try:
        conn = airflow_connection(conn_id)
    except NoAirflow:
        return None
    return None if conn is None else server_of(conn)
