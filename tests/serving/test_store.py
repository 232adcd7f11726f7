from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.dialects import postgresql

from driftgate.errors import UserMistake
from driftgate.serving import store as module
from driftgate.serving.errors import StoreError
from driftgate.serving.store import HOUR, CountStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOON = 20_000 * HOUR

WRITER = """
import sys
from driftgate.serving.store import CountStore
store = CountStore.open(sys.argv[1])
for turn in range(200):
    store.add("m", "1", {("x", 0): 1, ("x", 1): 2}, at=turn)
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/deep/folder/counts.db"


@pytest.fixture
def store(url: str) -> Iterator[CountStore]:
    opened = CountStore.open(url)
    yield opened
    opened.close()


def test_counts_of_one_hour_are_added_up(store: CountStore) -> None:
    store.add("m", "1", {("x", 0): 3, ("y", 2): 1}, at=NOON)
    store.add("m", "1", {("x", 0): 4, ("x", 1): 1}, at=NOON + HOUR - 1)
    assert store.window("m", "1", since=NOON) == {("x", 0): 7, ("x", 1): 1, ("y", 2): 1}


def test_traffic_adds_no_rows_to_the_table(store: CountStore, url: str) -> None:
    for second in range(50):
        store.add("m", "1", {("x", 0): 1}, at=NOON + second)
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    assert connection.execute("SELECT bucket, rows FROM driftgate_bin_counts").fetchall() == [(NOON, 50)]
    connection.close()


def test_a_window_leaves_out_earlier_hours(store: CountStore) -> None:
    for hour in range(5):
        store.add("m", "1", {("x", 0): 10**hour}, at=NOON + hour * HOUR)
    assert store.window("m", "1", since=NOON + 3 * HOUR) == {("x", 0): 11_000}


def test_models_and_versions_are_counted_apart(store: CountStore) -> None:
    for name, version, rows in (("m", "1", 1), ("m", "2", 2), ("n", "1", 3)):
        store.add(name, version, {("x", 0): rows}, at=NOON)
    assert store.window("m", "2", since=0) == {("x", 0): 2}


def test_counts_survive_closing_and_opening_again(store: CountStore, url: str) -> None:
    store.add("m", "1", {("x", 0): 5}, at=NOON)
    store.close()
    assert CountStore.open(url).window("m", "1", since=0) == {("x", 0): 5}


def test_nothing_to_add_is_no_error(store: CountStore) -> None:
    store.add("m", "1", {}, at=NOON)
    assert store.window("m", "1", since=0) == {}


def test_concurrent_processes_and_threads_add_up_exactly(store: CountStore, url: str) -> None:
    command = [sys.executable, "-c", WRITER, url]
    writers = [subprocess.Popen(command) for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        for turn in range(100):
            pool.submit(store.add, "m", "1", {("x", 0): 1}, turn)
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert store.window("m", "1", since=0) == {("x", 0): 500, ("x", 1): 800}


def test_a_database_that_fails_is_said(store: CountStore, url: str) -> None:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    connection.execute("DROP TABLE driftgate_bin_counts")
    connection.close()
    with pytest.raises(StoreError, match="The database of the drift counts failed: no such table"):
        store.add("m", "1", {("x", 0): 1}, at=NOON)


def test_postgresql_adds_up_in_the_same_way() -> None:
    statement = str(module.upsert("postgresql").compile(dialect=postgresql.dialect()))
    assert "ON CONFLICT (model_name, model_version, bucket, feature, bin) DO UPDATE" in statement
    assert "SET rows = (driftgate_bin_counts.rows + excluded.rows)" in statement


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "DRIFTGATE_DATABASE_URL is no database URL, such as postgresql://host/db."),
        ("mysql://host/db", "DRIFTGATE_DATABASE_URL names mysql: use sqlite or postgresql."),
        ("sqlite://", "DRIFTGATE_DATABASE_URL names a SQLite database in memory: give it a file."),
        ("sqlite:////proc/none/counts.db", "The folder of /proc/none/counts.db cannot be created: "),
    ],
)
def test_a_url_that_cannot_be_used_is_one_sentence(url: str, message: str) -> None:
    with pytest.raises(UserMistake) as caught:
        CountStore.open(url)
    assert str(caught.value).startswith(message)
