"""A connection to the database of the model API: SQLite for one machine, PostgreSQL for replicas."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from driftgate.errors import Outage, UserMistake
from driftgate.serving.errors import StoreError
from driftgate.serving.tables import DIALECTS, metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY_SECONDS = 15

_VARIABLE, _HOME = "DRIFTGATE_DATABASE_URL", "DRIFTGATE_HOME"
# Seconds, but the last in milliseconds: a server that vanished must not hold us for the quarter of an hour that
# the operating system would wait.
_PATIENCE = {
    **{"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 2},
    "tcp_user_timeout": 15_000,
}


def connect(url: str) -> Engine:
    """Connect to ``url`` and create the tables that are not there yet.

    Raises UserMistake for a URL that cannot be used, Outage when the database does not answer.
    """
    engine = _engine(_checked(url))
    try:
        _create(engine)
    except SQLAlchemyError as error:
        engine.dispose()
        todo = f"Start it, or correct {_VARIABLE}" if "postgresql" in engine.name else f"Correct {_VARIABLE} or {_HOME}"
        raise Outage(f"The database {engine.url!r} cannot be used: {_first_line(error)}. {todo}.") from error
    return engine


@contextmanager
def answering() -> Iterator[None]:
    """Turn what the database raises into a StoreError."""
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreError(f"The database of the model API failed: {_first_line(error)}.") from error


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        raise UserMistake(f"{_VARIABLE} is no database URL, such as postgresql://host/db.") from error
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")  # the driver that comes with Driftgate
    if parsed.get_backend_name() not in DIALECTS:
        raise UserMistake(f"{_VARIABLE} names {parsed.drivername}: use sqlite or postgresql.")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise UserMistake(f"{_VARIABLE} names a SQLite database in memory: give it a file.")
    return parsed


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() == "postgresql":
            patience = {name: value for name, value in _PATIENCE.items() if name not in url.query}
            return create_engine(url, pool_pre_ping=True, connect_args=patience)
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    except (ImportError, NoSuchModuleError) as error:
        raise UserMistake(f"{_VARIABLE} needs a driver that is not installed: {error}.") from error
    except OSError as error:
        raise UserMistake(
            f"The folder of {url.database} cannot be created: {error.strerror}. Correct {_VARIABLE} or {_HOME}."
        ) from error
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _tune_sqlite)
    return engine


def _tune_sqlite(connection: Any, _record: Any) -> None:
    # With a write-ahead log readers never wait for writers, and a commit outlives a killed process; only a
    # power cut may take the last moments of statistics with it.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _create(engine: Engine, attempts: int = 5) -> None:
    """Create the tables if they are not there; two processes may try that at the same time."""
    for attempt in range(1, attempts + 1):
        try:
            with engine.begin() as connection:
                for table in metadata.sorted_tables:
                    connection.execute(CreateTable(table, if_not_exists=True))
                    for index in table.indexes:
                        connection.execute(CreateIndex(index, if_not_exists=True))
            return
        except SQLAlchemyError:
            if attempt == attempts:
                raise
            time.sleep(0.1 * attempt)


def _first_line(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0].rstrip(".")
