"""Figures for Prometheus: what this process answered, counted here; how the whole stands, asked of the database."""

from __future__ import annotations

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest

from worker.runtime import Runtime
from worker.web.figures import Figures

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# A provider waits ten seconds and more; what is wanted is some milliseconds.
SECONDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The figures of one application; its registry is its own, so two in one process do not meet."""

    def __init__(self, runtime: Runtime) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "makegood_webhook_requests", "Webhook requests by answer.", ("provider", "outcome"), registry=self.registry
        )
        self._seconds = Histogram(
            "makegood_webhook_seconds",
            "From a webhook's headers to its answer.",
            ("provider",),
            buckets=SECONDS,
            registry=self.registry,
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
        self.registry.register(Figures(runtime))
        ProcessCollector(registry=self.registry)

        # Looking a series up costs more than counting in it.
        self._series = cache(lambda counter, *labels: counter.labels(*labels))

    def request(self, provider: str, outcome: str) -> None:
        self._series(self._requests, provider, outcome).inc()

    def took(self, provider: str, seconds: float) -> None:
        self._series(self._seconds, provider).observe(seconds)

    def kept(self, provider: str, *, new: bool) -> None:
        self._series(self._kept, provider, "new" if new else "repeated").inc()

    def suspect(self, provider: str) -> None:
        self._suspects.labels(provider).inc()

    def text(self) -> bytes:
        """All figures in Prometheus' own format. Asks the database: call it from a thread."""
        return generate_latest(self.registry)
