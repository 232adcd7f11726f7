"""The tables of the model API, and the statements that differ from plain SQL. Times are UTC epoch seconds."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table
from sqlalchemy.dialects import postgresql, sqlite

metadata = MetaData()

counts = Table(
    "driftgate_counts",
    metadata,
    Column("model_name", String(256), primary_key=True),
    Column("model_version", String(32), primary_key=True),
    Column("layout", String(16), primary_key=True),  # which bins the numbers in ``counts`` belong to
    Column("span", Integer, primary_key=True),  # seconds: an hour or a day
    Column("bucket", BigInteger, primary_key=True),  # when it starts
    Column("rows", BigInteger, nullable=False),
    Column("counts", LargeBinary, nullable=False),  # 64-bit integers, little-endian
)

writers = Table(
    "driftgate_writers",
    metadata,
    Column("writer", String(32), primary_key=True),
    Column("batch", BigInteger, nullable=False),  # the last one that was added
    Column("at", BigInteger, nullable=False),
)

feedback = Table(
    "driftgate_feedback",
    metadata,
    Column("prediction", String(512), primary_key=True),
    Column("model_name", String(256), nullable=False),
    Column("model_version", String(32), nullable=False),
    Column("at", BigInteger, nullable=False),  # of the prediction
    Column("kind", Integer, nullable=False),
    Column("correct", Boolean, nullable=False),
    Column("predicted", String(64), nullable=False),
    Column("actual", String(64), nullable=False),
    Column("score", Float, nullable=True),  # none of classifiers without probabilities
    Column("value", Float, nullable=True),  # the true one, of regressors
    Index("driftgate_feedback_window", "model_name", "model_version", "at"),
)

secrets = Table(
    "driftgate_secrets",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("secret", LargeBinary, nullable=False),
)

_INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
DIALECTS = frozenset(_INSERT)


def insert_new(dialect: str, table: Table) -> Any:
    """Return an INSERT that leaves a row alone that is there already."""
    fresh: Any = _INSERT[dialect](table)
    return fresh.on_conflict_do_nothing()


def replace(dialect: str, table: Table) -> Any:
    """Return an INSERT that takes the place of a row with the same key."""
    fresh: Any = _INSERT[dialect](table)
    others = {column.name: fresh.excluded[column.name] for column in table.columns if not column.primary_key}
    return fresh.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=others)


def advance(dialect: str) -> Any:
    """Return the statement that notes a writer's batch; it returns no row when that batch was noted before."""
    fresh: Any = _INSERT[dialect](writers)
    return fresh.on_conflict_do_update(
        index_elements=[writers.c.writer],
        set_={"batch": fresh.excluded.batch, "at": fresh.excluded["at"]},
        where=writers.c.batch < fresh.excluded.batch,
    ).returning(writers.c.batch)
