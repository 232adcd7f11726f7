"""What Prometheus is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from driftgate.serving.holder import ModelHolder
    from driftgate.serving.tally import Tally

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Counts requests as they end; asks the model and the tally only when it is asked itself."""

    def __init__(self, holder: ModelHolder, tally: Tally) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "driftgate_requests", "Requests, by endpoint and status.", ["endpoint", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "driftgate_request_seconds",
            "Time until the answer.",
            ["endpoint"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._rows = Counter(
            "driftgate_predictions", "Rows predicted on, by version.", ["model", "version"], registry=self._registry
        )
        self._registry.register(_Inside(holder, tally))

    def request(self, endpoint: str, status: int, seconds: float) -> None:
        self._requests.labels(endpoint, str(status)).inc()
        self._seconds.labels(endpoint).observe(seconds)

    def predicted(self, model: str, version: str, rows: int) -> None:
        self._rows.labels(model, version).inc(rows)

    def text(self) -> bytes:
        """Return all of it in Prometheus's text format, version 0.0.4."""
        return generate_latest(self._registry)


class _Inside:
    def __init__(self, holder: ModelHolder, tally: Tally) -> None:
        self._holder, self._tally = holder, tally

    def collect(self) -> Iterator[Metric]:
        served = GaugeMetricFamily("driftgate_model", "1 for the version in service.", labels=["model", "version"])
        if model := self._holder.current:
            served.add_metric([model.version.name, model.version.version], 1)
        yield served
        yield CounterMetricFamily(
            "driftgate_model_failures", "How often a version could not be found or loaded.", self._holder.failures
        )
        yield CounterMetricFamily(
            "driftgate_flush_failures", "How often the database did not take the counts.", self._tally.failures
        )
        yield GaugeMetricFamily(
            "driftgate_waiting_rows", "Rows that the database has no counts of yet.", self._tally.waiting
        )
