"""The counts of this process that the database does not have yet.

They are added up in memory and handed over every second and at the end, so that a prediction never waits for the
database and one write stands for all of a second's. A batch keeps its number until the database has it, and the
database takes each number once: after an answer that was lost on its way nothing is counted twice.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftgate.serving.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftgate.bins import Counts
    from driftgate.serving.store import CountStore

EVERY = 1.0  # seconds
PATIENCE = 10.0  # with a hand-over that another thread has under way
PRUNE_EVERY = 3600.0
LAST_TRIES = 3

log = logging.getLogger(__name__)


@dataclass(frozen=True, order=True)
class Series:
    """Whose counts: those of one model version, in bins that ``layout`` tells apart from others."""

    model: str
    version: str
    layout: str


@dataclass
class Amount:
    """Rows and how they fall into the bins; shape of ``counts``: (bins,)."""

    rows: int
    counts: Counts


Batch = dict[tuple[Series, int], Amount]
"""By series and the start of the hour, UTC epoch seconds."""


class Tally:
    """Safe for many threads; ``start`` hands over in the background until ``stop``."""

    def __init__(self, store: CountStore, keep: float) -> None:
        self._store, self._keep = store, keep
        self._writer = uuid.uuid4().hex
        self._number = 0
        self._fresh: Batch = {}
        self._sent: Batch = {}  # may have reached the database, or not
        self._adding, self._flushing = threading.Lock(), threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flush", daemon=True)
        self._complaint = ""
        self.failures = 0

    def add(self, series: Series, hour: int, rows: int, counts: Counts) -> None:
        """Add ``counts``; they reach the database within about a second."""
        with self._adding:
            amount = self._fresh.get((series, hour))
            if amount is None:
                self._fresh[series, hour] = Amount(rows, counts.copy())
            else:
                amount.rows += rows
                amount.counts += counts

    @property
    def waiting(self) -> int:
        """How many rows the database does not have yet."""
        with self._adding:
            return sum(amount.rows for batch in (self._fresh, self._sent) for amount in batch.values())

    def flush(self) -> None:
        """Hand over everything that was added before; raises StoreError, and then it is all still here."""
        if not self._flushing.acquire(timeout=PATIENCE):
            raise StoreError("The database of the model API does not answer.")
        try:
            self._flush()
        finally:
            self._flushing.release()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Hand over the rest; what a database out of reach does not take is told and lost."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE)
        for _ in range(LAST_TRIES):
            if self._try_to(self.flush):
                return
        log.error("The counts of %d rows are lost: the database does not take them.", self.waiting)

    def _flush(self) -> None:
        if self._sent:
            self._hand_over()
        with self._adding:
            if not self._fresh:
                return
            self._sent, self._fresh = self._fresh, {}
            self._number += 1
        self._hand_over()

    def _hand_over(self) -> None:
        try:
            self._store.add(self._writer, self._number, self._sent, time.time())
        except StoreError:
            self.failures += 1
            raise
        with self._adding:
            self._sent = {}

    def _run(self) -> None:
        pruned = 0.0
        while not self._ended.wait(EVERY):
            self._try_to(self.flush)
            if time.monotonic() - pruned >= PRUNE_EVERY or not pruned:
                self._try_to(self._prune)
                pruned = time.monotonic()

    def _prune(self) -> None:
        self._store.prune(time.time() - self._keep)

    def _try_to(self, act: Callable[[], None]) -> bool:
        try:
            act()
        except StoreError as error:
            self._complain(str(error))
            return False
        self._complaint = ""
        return True

    def _complain(self, reason: str) -> None:
        """Once for each reason, not every second."""
        if reason != self._complaint:
            log.warning("%s Counts wait in memory.", reason)
        self._complaint = reason
