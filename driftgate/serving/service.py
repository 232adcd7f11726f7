"""What the model API does, without HTTP: predict and count, take labels, and say how far and how good."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from driftgate.serving.errors import InvalidQueryError, TooLargeError
from driftgate.serving.histograms import Drift
from driftgate.serving.models import ModelVersion
from driftgate.serving.settings import parse_window
from driftgate.serving.store import DAY, HOUR, CountStore, hour_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from driftgate.serving.feedback import FeedbackStore, Label
    from driftgate.serving.holder import ModelHolder
    from driftgate.serving.models import Prediction
    from driftgate.serving.predictionid import Ids
    from driftgate.serving.tally import Tally

QUICK_ROWS = 100
HOURLY = timedelta(days=7)
"""The history of so long a window has hours, that of a longer one days."""


@dataclass(frozen=True)
class Predictions:
    """One prediction per row, each under an id of its own, and the version that made them."""

    model: ModelVersion
    items: dict[str, Prediction]


@dataclass(frozen=True)
class Window:
    """From ``start``, a full hour, to ``end``; UTC epoch seconds."""

    start: float
    end: float


@dataclass(frozen=True)
class DriftStatus:
    """The drift of the rows that ``model`` predicted on within ``window``."""

    model: ModelVersion
    window: Window
    drift: Drift


@dataclass(frozen=True)
class DriftHistory:
    """The drift within each part of ``window`` that had traffic, the oldest first."""

    model: ModelVersion
    window: Window
    parts: list[tuple[Window, Drift]]


@dataclass(frozen=True)
class Performance:
    """How good the predictions within ``window`` were, as far as labels came: ``labels`` of ``samples``."""

    model: ModelVersion
    window: Window
    samples: int
    labels: int
    metrics: dict[str, float]


@dataclass(frozen=True)
class Limits:
    """What one request may ask for; ``keep`` and ``window`` in time, ``rows`` also of labels."""

    rows: int
    window: timedelta
    keep: timedelta


@dataclass(frozen=True)
class ModelService:
    """The model in service together with the counts and labels of its traffic."""

    holder: ModelHolder
    store: CountStore
    tally: Tally
    feedback: FeedbackStore
    ids: Ids
    limits: Limits

    def predict(self, rows: Sequence[Mapping[str, object]]) -> Predictions:
        """Predict on ``rows`` and count them; the database has the counts within about a second.

        Raises NoModelError, TooLargeError or InvalidInputError; nothing is counted then.
        """
        self._limit(len(rows), "rows")
        model = self.holder.require()
        inputs = model.signature.read(rows)
        answers = model.answer(inputs)
        now = time.time()
        self.tally.add(model.series, hour_of(now), len(rows), model.histograms.count(inputs))
        ids = self.ids.make(model.told(answers, int(now)))
        return Predictions(model.version, dict(zip(ids, answers, strict=True)))

    def quick(self, rows: int) -> bool:
        """Tell whether predicting on so many rows takes less time than handing it to another thread is worth."""
        model = self.holder.current
        return rows <= QUICK_ROWS and model is not None and model.direct is not None and not model.direct.preparation

    def drift(self, window: str | None = None) -> DriftStatus:
        """Compare the traffic of ``window`` (such as ``24h``) with the reference of the model in service.

        All that this process has counted is in it, and what other replicas have handed over. Raises NoModelError,
        InvalidQueryError or StoreError.
        """
        length = self._length(window)
        model = self.holder.require()
        self.tally.flush()
        span = self._window(length)
        rows, counts = self.store.window(model.series, int(span.start))
        drift = Drift() if counts is None else model.histograms.drift(rows, counts)
        return DriftStatus(model.version, span, drift)

    def history(self, window: str | None = None) -> DriftHistory:
        """As ``drift``, hour by hour; day by day when the window is longer than HOURLY."""
        length = self._length(window)
        model = self.holder.require()
        self.tally.flush()
        span, step = self._window(length), HOUR if length <= HOURLY else DAY
        first = int(span.start) // step * step
        buckets = self.store.history(model.series, first, step)
        if not buckets:
            return DriftHistory(model.version, span, [])
        parts = [Window(bucket.start, min(bucket.start + step, span.end)) for bucket in buckets]
        drifts = model.histograms.series([b.rows for b in buckets], np.stack([b.counts for b in buckets]))
        return DriftHistory(model.version, span, list(zip(parts, drifts, strict=True)))

    def learn(self, labels: Sequence[Label]) -> int:
        """Store labels of predictions, all or none; returns how many. A later label takes an earlier one's place.

        Raises TooLargeError, InvalidLabelsError or StoreError.
        """
        self._limit(len(labels), "labels")
        model = self.holder.current
        classes = {model.version.version: model.classes} if model and model.classes else {}
        return self.feedback.add(labels, classes, time.time() - self.limits.keep.total_seconds())

    def performance(self, window: str | None = None, version: str | None = None) -> Performance:
        """Say how good the predictions made within ``window`` were, of the version in service or another.

        Raises NoModelError, InvalidQueryError or StoreError.
        """
        length = self._length(window)
        model = self.holder.require().version
        model = model if version is None else ModelVersion(model.name, version, "")
        self.tally.flush()
        span = self._window(length)
        samples = self.store.rows(model.name, model.version, int(span.start))
        labels, metrics = self.feedback.performance(model.name, model.version, int(span.start))
        return Performance(model, span, samples, labels, metrics)

    def _limit(self, given: int, what: str) -> None:
        if given > self.limits.rows:
            raise TooLargeError(
                f"{given} {what} are too many for one request, at most {self.limits.rows}: send several, or raise "
                "DRIFTGATE_MAX_ROWS where the API runs."
            )

    def _window(self, length: timedelta) -> Window:
        now = time.time()
        return Window(hour_of(now - length.total_seconds()), now)

    def _length(self, window: str | None) -> timedelta:
        try:
            return self.limits.window if window is None else parse_window(window)
        except ValueError as error:
            raise InvalidQueryError(f"window: {error}.") from error
