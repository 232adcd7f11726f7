"""The bin counts of what was predicted on, in a database; whoever writes, they add up.

Each row of the table holds the counts of all features in one hour, and again in one day: a window of any length is a
few hours up to midnight and then whole days, so neither traffic nor a long window makes it slow. A window starts at a
full hour. Times are UTC epoch seconds.
"""

from __future__ import annotations

import secrets as random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Connection, Engine, and_, bindparam, delete, or_, select, update

from driftgate.serving import tables
from driftgate.serving.database import answering, connect
from driftgate.serving.tally import Amount, Series

if TYPE_CHECKING:
    from driftgate.bins import Counts
    from driftgate.serving.tally import Batch

_Target = tuple[str, str, str, int, int]  # the primary key of the table

HOUR, DAY = 3600, 86_400

_c = tables.counts.c
_KEY = and_(*(column == bindparam(f"k_{column.name}") for column in tables.counts.primary_key.columns))
_LOCKED = select(_c.rows, _c.counts).where(_KEY).with_for_update()  # SQLite has locked everything by then
_WRITE = update(tables.counts).where(_KEY)


@dataclass(frozen=True)
class Bucket:
    """The counts of the ``span`` seconds from ``start`` on."""

    start: int
    span: int
    rows: int
    counts: Counts


def hour_of(moment: float) -> int:
    """Return the start of the hour that ``moment`` falls into."""
    return int(moment // HOUR) * HOUR


class CountStore:
    """Adds and sums bin counts; safe for many threads and many processes at a time."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._dialect = engine.dialect.name

    @classmethod
    def open(cls, url: str) -> CountStore:
        """Connect to ``url``; errors as in ``database.connect``."""
        return cls(connect(url))

    def add(self, writer: str, number: int, batch: Batch, at: float) -> None:
        """Add ``batch``, the ``number``-th of ``writer``, unless it was added before; committed on return.

        Raises StoreError; then it may have been added all the same, and can be given again under its number.
        """
        with answering(), self.engine.begin() as connection:
            noted = connection.execute(
                tables.advance(self._dialect), {"writer": writer, "batch": number, "at": int(at)}
            ).first()
            if noted is not None:
                self._add_all(connection, batch)

    def window(self, series: Series, since: int) -> tuple[int, Counts | None]:
        """Return rows and counts of all hours that start at ``since`` or later; None without any.

        Raises StoreError.
        """
        found = self._buckets(series, _since(since))
        rows, vectors = sum(bucket.rows for bucket in found), [bucket.counts for bucket in found]
        return rows, np.sum(vectors, axis=0) if vectors else None

    def history(self, series: Series, since: int, span: int) -> list[Bucket]:
        """Return the buckets of ``span`` seconds (HOUR or DAY) that start at ``since`` or later, the oldest first.

        Raises StoreError.
        """
        return sorted(self._buckets(series, and_(_c.span == span, _c.bucket >= since)), key=lambda b: b.start)

    def rows(self, model: str, version: str, since: int) -> int:
        """Return how many rows ``version`` predicted on in the hours since ``since``. Raises StoreError."""
        query = select(_c.rows).where(_c.model_name == model, _c.model_version == version, _since(since))
        with answering(), self.engine.connect() as connection:
            return int(sum(connection.scalars(query)))

    def prune(self, before: float) -> None:
        """Forget what ended before ``before``, labels of older predictions too. Raises StoreError."""
        ended = int(before)
        with answering(), self.engine.begin() as connection:
            connection.execute(delete(tables.counts).where(_c.bucket + _c.span <= ended))
            connection.execute(delete(tables.feedback).where(tables.feedback.c["at"] < ended))
            connection.execute(delete(tables.writers).where(tables.writers.c["at"] < ended))

    def secret(self, name: str) -> bytes:
        """Return the 32 random bytes that all processes on this database share under ``name``. Raises StoreError."""
        fresh = {"name": name, "secret": random.token_bytes(32)}
        with answering(), self.engine.begin() as connection:
            connection.execute(tables.insert_new(self._dialect, tables.secrets), fresh)
            found = select(tables.secrets.c.secret).where(tables.secrets.c.name == name)
            return bytes(connection.execute(found).scalar_one())

    def close(self) -> None:
        self.engine.dispose()

    def _add_all(self, connection: Connection, batch: Batch) -> None:
        for target, amount in _targets(batch).items():
            key = dict(zip(tables.counts.primary_key.columns.keys(), target, strict=True))
            empty = {"rows": 0, "counts": _packed(np.zeros_like(amount.counts))}
            connection.execute(tables.insert_new(self._dialect, tables.counts), {**key, **empty})
            bound = {f"k_{name}": value for name, value in key.items()}
            rows, counts = connection.execute(_LOCKED, bound).one()
            total = {"rows": rows + amount.rows, "counts": _packed(_unpacked(counts) + amount.counts)}
            connection.execute(_WRITE.values(total), bound)

    def _buckets(self, series: Series, which: Any) -> list[Bucket]:
        query = select(_c.bucket, _c.span, _c.rows, _c.counts).where(
            _c.model_name == series.model, _c.model_version == series.version, _c.layout == series.layout, which
        )
        with answering(), self.engine.connect() as connection:
            found = connection.execute(query)
            return [Bucket(start, span, rows, _unpacked(counts)) for start, span, rows, counts in found]


def _targets(batch: Batch) -> dict[_Target, Amount]:
    """What to add to which row of the table, in one order: two writers never wait for each other in a circle."""
    targets: dict[_Target, Amount] = {}
    for (series, hour), amount in batch.items():
        for span in (HOUR, DAY):
            target = (series.model, series.version, series.layout, span, hour // span * span)
            before = targets.get(target, Amount(0, np.zeros_like(amount.counts)))
            targets[target] = Amount(before.rows + amount.rows, before.counts + amount.counts)
    return dict(sorted(targets.items()))


def _since(moment: int) -> Any:
    """The hours up to the next midnight, and the days from there on."""
    midnight = -(-moment // DAY) * DAY
    return or_(
        and_(_c.span == HOUR, _c.bucket >= moment, _c.bucket < midnight),
        and_(_c.span == DAY, _c.bucket >= midnight),
    )


def _packed(counts: Counts) -> bytes:
    return counts.astype("<i8").tobytes()


def _unpacked(counts: bytes) -> Counts:
    return np.frombuffer(counts, dtype="<i8").astype(np.int64)
