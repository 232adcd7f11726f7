"""On SQLite and, where its programs are found, on PostgreSQL."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from driftgate.errors import Outage, UserMistake
from driftgate.serving.errors import StoreError
from driftgate.serving.store import DAY, HOUR, CountStore
from driftgate.serving.tally import Amount, Series

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIDNIGHT = 20_000 * DAY
NOON = MIDNIGHT + 12 * HOUR
ONE = Series("m", "1", "bins")

WRITER = """
import sys
import numpy as np
from driftgate.serving.store import HOUR, CountStore
from driftgate.serving.tally import Amount, Series
store = CountStore.open(sys.argv[1])
for turn in range(100):
    batch = {(Series("m", "1", "bins"), turn % 3 * HOUR): Amount(3, np.array([1, 2]))}
    store.add(sys.argv[2], turn + 1, batch, at=turn)
"""


@pytest.fixture
def store(database_url: str) -> Iterator[CountStore]:
    opened = CountStore.open(database_url)
    yield opened
    opened.close()


def add(store: CountStore, rows: int, at: int = NOON, series: Series = ONE) -> None:
    """Count ``rows`` into the first bin, each time as another batch."""
    batch = {(series, at // HOUR * HOUR): Amount(rows, np.array([rows, 0]))}
    store.add(uuid.uuid4().hex, 1, batch, at)


def total(store: CountStore, since: int = 0, series: Series = ONE) -> tuple[int, list[int]]:
    rows, counts = store.window(series, since)
    return rows, [] if counts is None else counts.tolist()


def test_counts_of_one_hour_are_added_up(store: CountStore) -> None:
    add(store, 3)
    add(store, 4, at=NOON + HOUR - 1)
    assert total(store) == (7, [7, 0])
    assert [bucket.rows for bucket in store.history(ONE, 0, HOUR)] == [7]


def test_a_batch_given_twice_is_added_once(store: CountStore) -> None:
    batch = {(ONE, NOON): Amount(5, np.array([2, 3]))}
    for number in (1, 1, 2, 1):
        store.add("writer", number, batch, at=NOON)
    store.add("another", 1, batch, at=NOON)
    assert total(store) == (15, [6, 9])


def test_hours_and_days_count_the_same(store: CountStore) -> None:
    for hour in range(60):
        add(store, 1, at=MIDNIGHT + hour * HOUR)
    assert [bucket.rows for bucket in store.history(ONE, 0, DAY)] == [24, 24, 12]
    for since in range(0, 60 * HOUR, 5 * HOUR):
        assert total(store, MIDNIGHT + since)[0] == 60 - since // HOUR
        assert store.rows("m", "1", MIDNIGHT + since) == 60 - since // HOUR


def test_models_versions_and_bins_are_counted_apart(store: CountStore) -> None:
    for rows, series in enumerate((ONE, Series("m", "2", "bins"), Series("n", "1", "bins"), Series("m", "1", "else"))):
        add(store, rows, series=series)
    assert total(store, series=Series("m", "2", "bins")) == (1, [1, 0])
    assert total(store, series=Series("m", "1", "else")) == (3, [3, 0])
    assert total(store, series=Series("m", "3", "bins")) == (0, [])


def test_counts_survive_closing_and_opening_again(store: CountStore, database_url: str) -> None:
    add(store, 5)
    store.close()
    assert total(CountStore.open(database_url)) == (5, [5, 0])


def test_concurrent_processes_and_threads_add_up_exactly(store: CountStore, database_url: str) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, database_url, name]) for name in "ab"]
    with ThreadPoolExecutor(4) as pool:
        for turn in range(100):
            batch = {(ONE, hour * HOUR): Amount(1, np.array([1, 0])) for hour in (turn % 3, 2)}
            pool.submit(store.add, f"thread {turn}", 1, batch, turn)
    assert [writer.wait(60) for writer in writers] == [0, 0]
    rows = 2 * 300 + sum(1 if turn % 3 == 2 else 2 for turn in range(100))
    assert total(store) == (rows, [rows - 400, 400])


def test_what_is_older_than_is_kept_is_forgotten(store: CountStore) -> None:
    for day in range(4):
        add(store, 1, at=NOON + day * DAY)
    store.prune(NOON + 2 * DAY)
    assert total(store, NOON - DAY) == (2, [2, 0])
    assert [bucket.start for bucket in store.history(ONE, 0, HOUR)] == [NOON + 2 * DAY, NOON + 3 * DAY]
    assert [bucket.start for bucket in store.history(ONE, 0, DAY)] == [MIDNIGHT + 2 * DAY, MIDNIGHT + 3 * DAY]


def test_all_processes_share_one_secret(store: CountStore, database_url: str) -> None:
    assert store.secret("ids") == CountStore.open(database_url).secret("ids") != store.secret("else")


def test_a_database_that_fails_is_said(tmp_path: Path) -> None:
    store = CountStore.open(f"sqlite:///{tmp_path}/deep/folder/counts.db")
    connection = sqlite3.connect(tmp_path / "deep/folder/counts.db")
    connection.execute("DROP TABLE driftgate_counts")
    connection.close()
    with pytest.raises(StoreError, match="The database of the model API failed: no such table"):
        add(store, 1)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "DRIFTGATE_DATABASE_URL is no database URL, such as postgresql://host/db."),
        ("postgresql://host:port/db", "DRIFTGATE_DATABASE_URL is no database URL, such as postgresql://host/db."),
        ("mysql://host/db", "DRIFTGATE_DATABASE_URL names mysql: use sqlite or postgresql."),
        ("sqlite://", "DRIFTGATE_DATABASE_URL names a SQLite database in memory: give it a file."),
        ("sqlite:////proc/none/counts.db", "The folder of /proc/none/counts.db cannot be created: "),
    ],
)
def test_a_url_that_cannot_be_used_is_one_sentence(url: str, message: str) -> None:
    with pytest.raises(UserMistake) as caught:
        CountStore.open(url)
    assert str(caught.value).startswith(message)


def test_a_database_out_of_reach_is_said_without_its_password() -> None:
    with pytest.raises(Outage) as caught:
        CountStore.open("postgresql://user:secret@127.0.0.1:9/db")
    assert "secret" not in str(caught.value)
    assert str(caught.value).endswith("Start it, or correct DRIFTGATE_DATABASE_URL.")
