"""Figures for Prometheus: what came in, counted here; what waits, asked of the database when somebody looks."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import structlog
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from worker.engine import reading
from worker.runtime import Runtime
from worker.store.deliveries import counts, oldest_waiting

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_log = structlog.get_logger(__name__)


class Metrics:
    """The figures of one application; its registry is its own, so two in one process do not meet."""

    def __init__(self, runtime: Runtime) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "makegood_webhook_requests", "Webhook requests by answer.", ("provider", "outcome"), registry=self.registry
        )
        self._kept = Counter(
            "makegood_deliveries_kept",
            "Deliveries stored: new or repeated.",
            ("provider", "kind"),
            registry=self.registry,
        )
        self._suspects = Counter(
            "makegood_deliveries_suspect",
            "Deliveries whose transmission id came before with another body.",
            ("provider",),
            registry=self.registry,
        )
        self.registry.register(_Stored(runtime))

        # Looking a series up costs more than counting in it.
        self._series = cache(lambda counter, *labels: counter.labels(*labels))

    def request(self, provider: str, outcome: str) -> None:
        self._series(self._requests, provider, outcome).inc()

    def kept(self, provider: str, *, new: bool) -> None:
        self._series(self._kept, provider, "new" if new else "repeated").inc()

    def suspect(self, provider: str) -> None:
        self._suspects.labels(provider).inc()

    def text(self) -> bytes:
        """All figures in Prometheus' own format. Asks the database: call it from a thread."""
        return generate_latest(self.registry)


class _Stored(Collector):
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Named without asking the database, which need not be there yet."""
        return []

    def collect(self) -> Iterable[GaugeMetricFamily]:
        stored = GaugeMetricFamily("makegood_deliveries", "Deliveries held.", labels=["provider", "state"])
        age = GaugeMetricFamily("makegood_oldest_delivery_seconds", "Age of the oldest delivery due to be handled.")
        up = GaugeMetricFamily("makegood_database_up", "Whether the database answers.")
        now = self._runtime.clock()
        try:
            with reading(self._runtime.engine).connect() as conn:
                for provider, state, count in counts(conn):
                    stored.add_metric([provider, state], count)
                oldest = oldest_waiting(conn, now)
        except SQLAlchemyError as fault:
            _log.warning("metrics_without_database", error=type(fault).__name__)
            up.add_metric([], 0)
            return [up]
        up.add_metric([], 1)
        age.add_metric([], 0 if oldest is None else (now - oldest).total_seconds())
        return [up, stored, age]
