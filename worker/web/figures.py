"""How the whole stands, as Prometheus' figures: out of the database, so the same whichever replica is asked.

A look is kept for some seconds: many scrapers and replicas cost no more than one look each in that time. No label
holds anything of a member; the labels are words of ours, currencies, and the providers' event types."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from worker.engine import reading
from worker.runtime import Runtime
from worker.store.heartbeats import DEAD_AFTER, ROLES
from worker.store.tallies import HANDLED, TOLD
from worker.store.vitals import Vitals, look

KEPT_S = 10.0
MONEY = {"queued": "owed", "held": "held", "submitted": "on_its_way", "settled": "settled", "failed": "failed"}

_log = structlog.get_logger(__name__)


class Figures(Collector):
    """Looks when it is asked, at most once in `kept_s`."""

    def __init__(self, runtime: Runtime, kept_s: float = KEPT_S) -> None:
        self._runtime = runtime
        self._kept_s = kept_s
        self._turn = threading.Lock()
        self._found: list[Metric] = []
        self._looked_at = float("-inf")

    def describe(self) -> Iterable[Metric]:
        """Named without asking the database, which need not be there yet."""
        return []

    def collect(self) -> Iterable[Metric]:
        with self._turn:
            if time.monotonic() - self._looked_at >= self._kept_s:
                self._found = self._look()
                self._looked_at = time.monotonic()
            return self._found

    def _look(self) -> list[Metric]:
        now, began = self._runtime.clock(), time.monotonic()
        try:
            with reading(self._runtime.engine).connect() as conn:
                seen = look(conn, now)
        except SQLAlchemyError as fault:
            _log.warning("metrics_without_database", error=type(fault).__name__)
            return [_gauge("makegood_database_up", "Whether the database answers.", 0)]
        return [
            _gauge("makegood_database_up", "Whether the database answers.", 1),
            _gauge("makegood_figures_seconds", "How long the look at the database took.", time.monotonic() - began),
            _gauge("makegood_live", "Whether remedies are sent.", int(self._runtime.settings.mode == "live")),
            *_work(seen, now),
            *_money(seen, now),
            *_nights(seen, now),
            *_parts(seen, now),
        ]


def _work(seen: Vitals, now: datetime) -> list[Metric]:
    handled = [(provider, kind, outcome, n) for name, provider, kind, outcome, n in seen.tallies if name == HANDLED]
    told = [(provider, kind, n) for name, provider, kind, _, n in seen.tallies if name == TOLD]
    return [
        _gauge("makegood_deliveries_waiting", "Deliveries due to be handled.", seen.deliveries_waiting),
        _gauge("makegood_deliveries_failed", "Deliveries set aside for a person.", seen.deliveries_failed),
        _gauge("makegood_oldest_delivery_seconds", "Age of the oldest one due.", _age(seen.deliveries_oldest, now)),
        _gauge("makegood_memberships_waiting", "Memberships to be judged anew.", seen.memberships_waiting),
        _counters("makegood_deliveries_handled", "What became of deliveries.", "provider kind outcome", handled),
        _counters("makegood_facts_told", "Facts that deliveries told.", "provider kind", told),
        _gauges("makegood_findings", "Findings.", "kind status", seen.findings),
        _gauges("makegood_claims", "Members' claims.", "state", seen.claims),
        _gauges("makegood_notices", "Notices to members.", "state", seen.notices),
    ]


def _money(seen: Vitals, now: datetime) -> list[Metric]:
    money = [(MONEY[state], currency, minor) for state, currency, minor in seen.money if state in MONEY]
    return [
        _gauges("makegood_remedies", "Remedies.", "state kind", seen.remedies),
        _gauges("makegood_remedies_held", "Remedies that wait for a person or an event, by why.", "reason", seen.held),
        _gauges("makegood_money_minor", "What goes back to members, in minor units.", "standing currency", money),
        _gauges("makegood_refunds", "Remedies on their way, by what is known of the money.", "way step", seen.sends),
        _gauge("makegood_refund_unknown_seconds", "Since a call's outcome is unknown.", _age(seen.unknown_since, now)),
        _gauge("makegood_money_stopped", "Whether the switch for outgoing money is at stop.", int(seen.stopped)),
        _counters("makegood_breaker_trips", "Runs whose remedies the breaker held.", "", [(seen.breaker_trips,)]),
        _gauge("makegood_breaker_tripped_seconds", "Since the breaker tripped last; -1: never.", _since(seen, now)),
    ]


def _nights(seen: Vitals, now: datetime) -> list[Metric]:
    done, found = seen.night, list[Metric]()
    found.append(_gauge("makegood_night_running_seconds", "Since one runs.", _age(seen.night_running_since, now)))
    if done is not None and done.done_at is not None:
        took = (done.done_at - done.started_at).total_seconds()
        found += [
            _gauge("makegood_night_seconds", "How long the last one took.", took),
            _gauge("makegood_night_age_seconds", "Since the last one was done.", _age(done.done_at, now)),
            _gauge("makegood_night_complete", "Whether its picture was complete.", int(bool(done.complete))),
        ]
    return [*found, _gauge("makegood_providers_with_gaps", "Providers whose picture is incomplete.", seen.gaps)]


def _parts(seen: Vitals, now: datetime) -> list[Metric]:
    by_role = [(role, [at for name, at in seen.beats if name.startswith(f"{role}@")]) for role in ROLES]
    ages = [(role, _age(max(beats), now)) for role, beats in by_role if beats]
    alive = [(role, sum(now - at < DEAD_AFTER for at in beats)) for role, beats in by_role]
    return [
        _gauges("makegood_heartbeat_seconds", "Since a process of this role beat last.", "process", ages),
        _gauges("makegood_processes", "Machines with a living process of this role.", "process", alive),
        _gauge("makegood_outbox_waiting", "Messages to people that are not told yet.", seen.outbox_waiting),
        _gauge("makegood_outbox_seconds", "Age of the oldest of them.", _age(seen.outbox_oldest, now)),
    ]


def _age(at: datetime | None, now: datetime) -> float:
    return 0.0 if at is None else max(0.0, (now - at).total_seconds())


def _since(seen: Vitals, now: datetime) -> float:
    return -1.0 if seen.breaker_tripped_at is None else _age(seen.breaker_tripped_at, now)


def _gauge(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(name, says, value=value)


def _gauges(name: str, says: str, labels: str, rows: Sequence[Any]) -> Metric:
    return _filled(GaugeMetricFamily(name, says, labels=labels.split()), rows)


def _counters(name: str, says: str, labels: str, rows: Sequence[Any]) -> Metric:
    return _filled(CounterMetricFamily(name, says, labels=labels.split()), rows)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, rows: Sequence[Any]) -> Metric:
    for *labels, value in rows:
        family.add_metric(labels, value)
    return family
