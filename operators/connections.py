"""From the ids of Airflow connections to the services they name; secrets are read here, at run time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from driftgate.errors import UserMistake

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from driftgate.services.model_api import ModelApi


def connection(conn_id: str, example: str) -> Connection:
    """Return the Airflow connection; UserMistake with the command to add it when there is none."""
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        found: Connection = Connection.get(conn_id)
    except AirflowNotFoundException:
        raise UserMistake(
            f"Airflow has no connection {conn_id!r}; add it: airflow connections add {conn_id} --conn-uri {example}"
        ) from None
    return found


def base_url(conn: Connection) -> str:
    """Return ``scheme://host:port`` without a trailing slash."""
    host = conn.host or ""
    if "://" not in host:
        scheme = conn.schema if conn.schema in ("http", "https") else conn.conn_type
        host = f"{'https' if scheme == 'https' else 'http'}://{host}"
    return f"{host.rstrip('/')}:{conn.port}" if conn.port else host.rstrip("/")


def model_api(conn_id: str) -> ModelApi:
    """Return a client of the model API; the connection's password is its bearer token."""
    from driftgate.services.model_api import ModelApi

    conn = connection(conn_id, "http://:TOKEN@localhost:8000")
    return ModelApi(base_url(conn), conn.password)


def tracking_uri(conn_id: str) -> str:
    """Return the URI of the MLflow tracking server; the connection's login goes to MLflow's client.

    That client looks for it in the environment, of which every task has its own. A password without a login is a
    bearer token.
    """
    conn = connection(conn_id, "http://localhost:5000")
    if conn.password and conn.login:
        os.environ.update(MLFLOW_TRACKING_USERNAME=conn.login, MLFLOW_TRACKING_PASSWORD=conn.password)
    elif conn.password:
        os.environ["MLFLOW_TRACKING_TOKEN"] = conn.password
    return base_url(conn)
