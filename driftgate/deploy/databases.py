"""The databases of a deployment, each with a user of its own that can open no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

OWNERS = {"airflow": "airflow", "mlflow": "mlflow", "mlflow_auth": "mlflow", "model_api": "model_api"}
HOST = "postgres"


def prepare(admin_password: str, passwords: Mapping[str, str], host: str = HOST, port: int = 5432) -> None:
    """Create what is missing and set every user's password to that in ``passwords``."""
    import psycopg

    with psycopg.connect(
        host=host, port=port, user="postgres", password=admin_password, dbname="postgres",
        connect_timeout=10, autocommit=True,
    ) as connection:  # fmt: skip
        for user, password in passwords.items():
            _role(connection, user, password)
        for database, owner in OWNERS.items():
            _database(connection, database, owner)


def _role(connection: psycopg.Connection, user: str, password: str) -> None:
    from psycopg import sql

    known = _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", user)
    verb = sql.SQL("ALTER ROLE" if known else "CREATE ROLE")
    connection.execute(sql.SQL("{} {} LOGIN PASSWORD {}").format(verb, sql.Identifier(user), sql.Literal(password)))


def _database(connection: psycopg.Connection, database: str, owner: str) -> None:
    from psycopg import sql

    name = sql.Identifier(database)
    if not _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s", database):
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, sql.Identifier(owner)))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))


def _exists(connection: psycopg.Connection, query: LiteralString, name: str) -> bool:
    return connection.execute(query, [name]).fetchone() is not None
