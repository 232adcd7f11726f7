from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from driftgate.serving.errors import StoreError
from driftgate.serving.store import HOUR, CountStore
from driftgate.serving.tally import Batch, Series, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ONE = Series("m", "1", "bins")
NOON = 400_000 * HOUR


class Shaky(CountStore):
    """A real store whose answer is lost on the way after it has committed, or before it could begin."""

    lose: str = ""

    def add(self, writer: str, number: int, batch: Batch, at: float) -> None:
        if self.lose != "request":
            super().add(writer, number, batch, at)
        if self.lose:
            raise StoreError(f"the {self.lose} was lost")


@pytest.fixture
def store(database_url: str) -> Iterator[Shaky]:
    opened = Shaky.open(database_url)
    assert isinstance(opened, Shaky)
    yield opened
    opened.close()


def total(store: CountStore) -> list[int]:
    return list(np.zeros(2) if (counts := store.window(ONE, 0)[1]) is None else counts)


def wait(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def add(tally: Tally, times: int = 1) -> None:
    for _ in range(times):
        tally.add(ONE, NOON, 1, np.array([1, 2]))


def test_nothing_reaches_the_database_before_a_flush(store: Shaky) -> None:
    tally = Tally(store, keep=1e12)
    add(tally, 5)
    assert (tally.waiting, total(store)) == (5, [0, 0])
    tally.flush()
    assert (tally.waiting, total(store)) == (0, [5, 10])


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_what_the_database_may_have_missed_is_counted_once(store: Shaky, lost: str) -> None:
    tally = Tally(store, keep=1e12)
    add(tally)
    store.lose = lost
    for _ in range(3):
        with pytest.raises(StoreError):
            tally.flush()
        add(tally)
    assert (tally.waiting, tally.failures) == (4, 3)
    store.lose = ""
    tally.flush()
    assert total(store) == [4, 8]


def test_it_flushes_by_itself_and_at_the_end(store: Shaky, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("driftgate.serving.tally.EVERY", 0.01)
    tally = Tally(store, keep=1e12)
    tally.start()
    add(tally)
    wait(lambda: not tally.waiting)
    assert total(store) == [1, 2]
    monkeypatch.setattr("driftgate.serving.tally.EVERY", 60)
    add(tally)
    tally.stop()
    assert total(store) == [2, 4]


def test_the_end_does_not_wait_for_a_database_that_is_gone(store: Shaky, caplog: Any) -> None:
    tally = Tally(store, keep=1e12)
    store.lose = "request"
    add(tally, 3)
    tally.stop()
    assert "The counts of 3 rows are lost: the database does not take them." in caplog.text


def test_a_hand_over_that_hangs_holds_nobody_else(store: Shaky, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("driftgate.serving.tally.PATIENCE", 0.05)
    tally = Tally(store, keep=1e12)
    add(tally)
    with tally._flushing, pytest.raises(StoreError, match="does not answer"):
        tally.flush()
    tally.flush()
    assert total(store) == [1, 2]


def test_threads_add_up_exactly_while_it_flushes(store: Shaky) -> None:
    tallies = [Tally(store, keep=1e12), Tally(store, keep=1e12)]
    with ThreadPoolExecutor(6) as pool:
        for tally in tallies:
            for _ in range(2):
                pool.submit(add, tally, 2000)
            pool.submit(lambda tally=tally: [tally.flush() for _ in range(20)])
    for tally in tallies:
        tally.flush()
    assert total(store) == [8000, 16_000]


def test_what_is_not_kept_is_forgotten_when_it_starts(store: Shaky, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("driftgate.serving.tally.EVERY", 0.01)
    tally = Tally(store, keep=HOUR)
    add(tally)  # at an hour long ago
    tally.flush()
    tally.start()
    wait(lambda: not store.window(ONE, 0)[0])
    tally.stop()
