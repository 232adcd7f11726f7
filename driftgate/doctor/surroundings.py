"""Where the servers are: from the command line, else from Airflow's connections, else from the environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from driftgate.services.airflow_api import PASSWORD, USER, address

ELSEWHERE = "run it where Airflow runs: docker exec airflow-scheduler driftgate doctor"
TOKEN = "DRIFTGATE_API_TOKEN"  # noqa: S105 (the name of a variable)


@dataclass(frozen=True)
class Server:
    """A base URL without a trailing slash, and what opens it."""

    url: str
    login: str = ""
    password: str = ""


@dataclass(frozen=True)
class Mail:
    """A mail server as an Airflow connection describes it."""

    host: str
    port: int
    login: str
    password: str
    ssl: bool
    starttls: bool


class NoAirflow(Exception):
    """Airflow's connections cannot be read from here; the message says why."""


@dataclass(frozen=True)
class Surroundings:
    """The deployment to look at. ``connection`` returns an Airflow connection or None; NoAirflow if it cannot."""

    config: Path
    env: str | None  # None: that of DRIFTGATE_ENV
    airflow: Server
    mlflow: Server | None
    api: Server | None
    connection: Callable[[str], Any]

    def mlflow_at(self, conn_id: str) -> Server | None:
        """The MLflow server that a connection, the command line or the environment names; None if none does."""
        if self.mlflow is not None:
            return self.mlflow
        if (conn := self._found(conn_id)) is not None:
            return server_of(conn)
        uri = os.environ.get("MLFLOW_TRACKING_URI", "")
        login, password = (os.environ.get(f"MLFLOW_TRACKING_{name}", "") for name in ("USERNAME", "PASSWORD"))
        return Server(uri.rstrip("/"), login, password) if uri.startswith("http") else None

    def api_at(self, conn_id: str) -> Server | None:
        """The model API, likewise; without a connection only the command line names it."""
        if self.api is not None:
            return self.api
        conn = self._found(conn_id)
        return server_of(conn) if conn is not None else None

    def mail_at(self, conn_id: str) -> Mail | None:
        """The mail server that a connection names."""
        return mail_of(conn) if (conn := self._found(conn_id)) is not None else None

    def _found(self, conn_id: str) -> Any:
        try:
            return self.connection(conn_id)
        except NoAirflow:
            return None


def here(config: Path, env: str | None, airflow: str = "", mlflow: str = "", api: str = "") -> Surroundings:
    """Return the surroundings as this process sees them; addresses that are given win."""
    token = os.environ.get(TOKEN, "")
    login, password = (os.environ.get(f"MLFLOW_TRACKING_{name}", "") for name in ("USERNAME", "PASSWORD"))
    return Surroundings(
        config=config,
        env=env,
        airflow=Server(airflow.rstrip("/") or address(), USER, os.environ.get(PASSWORD, "")),
        mlflow=Server(mlflow.rstrip("/"), login, password) if mlflow else None,
        api=Server(api.rstrip("/"), password=token) if api else None,
        connection=airflow_connection,
    )


def has_airflow_settings() -> bool:
    """Whether an Airflow is set up here: without settings it would make itself a database of its own."""
    home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
    return any(name.startswith("AIRFLOW__") for name in os.environ) or (home / "airflow.cfg").exists()


@cache
def airflow_connection(conn_id: str) -> Any:
    """Return a connection from Airflow's environment variables, secrets backend or database, None if it has none.

    Raises NoAirflow where Airflow is not installed or its database does not answer.
    """
    if not has_airflow_settings():
        raise NoAirflow("this shell has none of Airflow's settings")
    try:
        from airflow.models.connection import Connection
        from airflow.sdk.exceptions import AirflowNotFoundException
    except Exception as error:  # a wrong setting of Airflow's makes its import fail in many ways
        raise NoAirflow(_first_line(error)) from None
    try:
        return Connection.get_connection_from_secrets(conn_id)
    except AirflowNotFoundException:
        return None
    except Exception as error:
        raise NoAirflow(_first_line(error)) from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def server_of(conn: Any) -> Server:
    """Return the HTTP server that an Airflow connection describes."""
    host = conn.host or ""
    if "://" not in host:
        scheme = conn.schema if conn.schema in ("http", "https") else conn.conn_type
        host = f"{'https' if scheme == 'https' else 'http'}://{host}"
    url = f"{host.rstrip('/')}:{conn.port}" if conn.port else host.rstrip("/")
    return Server(url, conn.login or "", conn.password or "")


def mail_of(conn: Any) -> Mail:
    """Return the mail server that an Airflow connection describes."""
    extra = conn.extra_dejson
    ssl = not _true(extra.get("disable_ssl", False))
    return Mail(
        conn.host or "localhost",
        conn.port or (465 if ssl else 587),
        conn.login or "",
        conn.password or "",
        ssl,
        not ssl and not _true(extra.get("disable_tls", False)),
    )


def _true(value: Any) -> bool:
    return str(value).lower() in ("true", "1", "yes")
