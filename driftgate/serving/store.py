"""The bin counts of what was predicted on, in a database; added up by it, whoever writes.

Rows are keyed by hour, so the table grows with the hours and the bins, never with the traffic, and a window
starts at a full hour. Times are UTC epoch seconds.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Executable,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.schema import CreateTable

from driftgate.errors import Outage, UserMistake
from driftgate.serving.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftgate.serving.histograms import BinCounts

HOUR = 3600
BUSY_SECONDS = 15

counts_table = Table(
    "driftgate_bin_counts",
    MetaData(),
    Column("model_name", String(256), primary_key=True),
    Column("model_version", String(32), primary_key=True),
    Column("bucket", BigInteger, primary_key=True),
    Column("feature", String(512), primary_key=True),
    Column("bin", Integer, primary_key=True),
    Column("rows", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

_INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def upsert(dialect: str) -> Executable:
    """Return the statement that adds to a count, or starts it."""
    fresh: Any = _INSERT[dialect](counts_table)
    added = {"rows": counts_table.c.rows + fresh.excluded.rows}
    statement: Executable = fresh.on_conflict_do_update(
        index_elements=list(counts_table.primary_key.columns), set_=added
    )
    return statement


def hour_of(moment: float) -> int:
    """Return the start of the hour that ``moment`` falls into."""
    return int(moment // HOUR) * HOUR


class CountStore:
    """Adds and sums bin counts; safe for many threads and many processes at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._upsert = upsert(engine.dialect.name)

    @classmethod
    def open(cls, url: str) -> CountStore:
        """Connect to ``url`` and create what is not there yet.

        Raises UserMistake for a URL that cannot be used, Outage when the database does not answer.
        """
        engine = _engine(_checked(url))
        try:
            _create(engine)
        except SQLAlchemyError as error:
            engine.dispose()
            raise Outage(f"The database {engine.url!r} cannot be used: {_first_line(error)}.") from error
        return cls(engine)

    def add(self, model: str, version: str, counts: BinCounts, at: float) -> None:
        """Add ``counts`` to the hour of ``at``; committed when this returns. Raises StoreError."""
        key = {"model_name": model, "model_version": version, "bucket": hour_of(at)}
        # In one order, so that two writers never wait for each other's rows in a circle.
        entries = [{**key, "feature": name, "bin": place, "rows": n} for (name, place), n in sorted(counts.items())]
        if entries:
            with _answering(), self._engine.begin() as connection:
                connection.execute(self._upsert, entries)

    def window(self, model: str, version: str, since: int) -> BinCounts:
        """Return the sums of all hours that start at ``since`` or later. Raises StoreError."""
        c = counts_table.c
        query = (
            select(c.feature, c.bin, func.sum(c.rows))
            .where(c.model_name == model, c.model_version == version, c.bucket >= since)
            .group_by(c.feature, c.bin)
        )
        with _answering(), self._engine.connect() as connection:
            return {(feature, place): int(rows) for feature, place, rows in connection.execute(query)}

    def close(self) -> None:
        self._engine.dispose()


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise UserMistake("DRIFTGATE_DATABASE_URL is no database URL, such as postgresql://host/db.") from error
    if parsed.get_backend_name() not in _INSERT:
        raise UserMistake(f"DRIFTGATE_DATABASE_URL names {parsed.drivername}: use sqlite or postgresql.")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise UserMistake("DRIFTGATE_DATABASE_URL names a SQLite database in memory: give it a file.")
    return parsed


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() == "postgresql":
            return create_engine(url, pool_pre_ping=True)
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    except (ImportError, NoSuchModuleError) as error:
        raise UserMistake(f"DRIFTGATE_DATABASE_URL needs a driver that is not installed: {error}.") from error
    except OSError as error:
        raise UserMistake(f"The folder of {url.database} cannot be created: {error.strerror}.") from error
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _tune_sqlite)
    return engine


def _tune_sqlite(connection: Any, _record: Any) -> None:
    # With a write-ahead log readers never wait for writers, and a commit outlives a killed process; only a
    # power cut may take the last moments of statistics with it.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _create(engine: Engine, attempts: int = 5) -> None:
    """Create the table if it is not there; two processes may try that at the same time."""
    for attempt in range(1, attempts + 1):
        try:
            with engine.begin() as connection:
                connection.execute(CreateTable(counts_table, if_not_exists=True))
            return
        except SQLAlchemyError:
            if attempt == attempts:
                raise
            time.sleep(0.1 * attempt)


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreError(f"The database of the drift counts failed: {_first_line(error)}.") from error


def _first_line(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0].rstrip(".")
