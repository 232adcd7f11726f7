"""What the model API does, without HTTP: predict and count, and say how far the counts have drifted."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftgate.serving import histograms
from driftgate.serving.errors import InvalidQueryError
from driftgate.serving.settings import parse_window
from driftgate.serving.store import CountStore, hour_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from driftgate.serving.histograms import Drift
    from driftgate.serving.holder import ModelHolder
    from driftgate.serving.models import ModelVersion, Prediction


@dataclass(frozen=True)
class Predictions:
    """One prediction per row, each under an id of its own, and the version that made them."""

    model: ModelVersion
    items: dict[str, Prediction]


@dataclass(frozen=True)
class DriftStatus:
    """The drift of the rows that ``model`` predicted on from ``start`` to ``end``, UTC epoch seconds."""

    model: ModelVersion
    start: float
    end: float
    drift: Drift


@dataclass(frozen=True)
class ModelService:
    """The model in service together with the counts of its traffic."""

    holder: ModelHolder
    store: CountStore
    default_window: timedelta

    def predict(self, rows: Sequence[Mapping[str, object]]) -> Predictions:
        """Predict on ``rows``; they are counted, durably, before this returns.

        Raises NoModelError, InvalidInputError (nothing is counted) or StoreError.
        """
        model = self.holder.require()
        answers = model.predict(rows)
        counts = histograms.count(model.reference, rows)
        self.store.add(model.version.name, model.version.version, counts, time.time())
        return Predictions(model.version, {str(uuid.uuid4()): answer for answer in answers})

    def drift(self, window: str | None = None) -> DriftStatus:
        """Compare the traffic of ``window`` (such as ``24h``) with the reference of the model in service.

        The window starts at a full hour, the last one before ``window`` ago. Raises NoModelError,
        InvalidQueryError or StoreError.
        """
        length = self._length(window)
        model = self.holder.require()
        now = time.time()
        since = hour_of(now - length.total_seconds())
        sums = self.store.window(model.version.name, model.version.version, since)
        return DriftStatus(model.version, since, now, histograms.drift(model.reference, sums))

    def _length(self, window: str | None) -> timedelta:
        try:
            return self.default_window if window is None else parse_window(window)
        except ValueError as error:
            raise InvalidQueryError(f"window: {error}.") from error
