"""The clock rings for what is unfinished and judges each of the merchant's days once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests.worker import world as w
from tests.worker.conftest import Clock
from worker.actors import declare
from worker.broker import close, make_broker
from worker.clock import judge_the_day, run_clock, tick
from worker.handling import drain
from worker.runtime import Runtime
from worker.store import heartbeats, listings


@pytest.fixture
def plain(runtime: Runtime) -> Runtime:
    return w.plain_inboxes(runtime)


def test_it_rings_for_what_waits_and_only_then(plain: Runtime) -> None:
    rings: list[int] = []
    tick(plain, lambda: rings.append(1))
    assert not rings
    w.deliver(plain, w.body(w.charge("ch_1", w.START)))
    tick(plain, lambda: rings.append(1))
    assert len(rings) == 1
    drain(plain)
    tick(plain, lambda: rings.append(1))
    assert len(rings) == 1


def test_it_says_that_it_is_alive(plain: Runtime, clock: Clock) -> None:
    stop = threading.Event()
    stop.set()
    run_clock(plain, lambda: None, stop)
    with plain.engine.begin() as conn:
        assert heartbeats.last_beat(conn, heartbeats.here("clock")) == clock.now


def test_each_day_of_the_merchant_is_judged_once(plain: Runtime, clock: Clock) -> None:
    """23:30 in Chicago is the next day in UTC and still the same day for the merchant."""
    clock.now = datetime(2026, 11, 3, 5, 30, tzinfo=UTC)
    w.take_in(plain, w.row("M-1", w.stripe()))
    first = judge_the_day(plain)
    assert first is not None
    assert first.memberships == 1
    assert judge_the_day(plain) is None
    clock.advance(timedelta(minutes=31))
    assert judge_the_day(plain) is not None
    assert judge_the_day(plain) is None


def test_time_alone_brings_a_missed_renewal_to_light(plain: Runtime, clock: Clock) -> None:
    clock.now = w.at(w.later(w.START, 1))
    w.take_in(plain, w.row("M-1", w.stripe()))
    judge_the_day(plain)
    assert not found(plain)
    clock.now = w.at(w.later(w.START, 21))
    judge_the_day(plain)
    assert not found(plain)
    clock.now = w.at(w.later(w.START, 22))
    judge_the_day(plain)
    assert found(plain) == ["missed_renewal"]


def found(runtime: Runtime) -> list[str]:
    with runtime.engine.begin() as conn:
        return [row["finding"] for row in listings.findings(conn)]


def test_a_database_that_is_away_costs_ticks_and_not_the_clock(plain: Runtime) -> None:
    stop, calls = threading.Event(), 0

    def ring() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            with plain.engine.begin() as conn:
                conn.execute(text("SELECT broken FROM nowhere") if conn.dialect.name == "sqlite" else AWAY)
        stop.set()

    w.deliver(plain, w.body(w.charge("ch_1", w.START)))
    run_clock(plain, ring, stop, every_s=0.01)
    assert calls == 2


def test_a_queue_that_is_away_costs_the_ring_and_nothing_else(plain: Runtime) -> None:
    broker = make_broker(plain.settings.model_copy(update={"broker_url": "redis://127.0.0.1:1/0"}))
    actors, stop = declare(plain, broker), threading.Event()

    def ring() -> None:
        actors.ring()
        stop.set()

    w.deliver(plain, w.body(w.charge("ch_1", w.START)))
    run_clock(plain, ring, stop, every_s=0.01, wake=actors.wake)
    actors.wake("a run", 2)
    close(broker)
    with plain.engine.begin() as conn:
        assert heartbeats.last_beat(conn, "judged") is not None


AWAY = text("SELECT pg_terminate_backend(pg_backend_pid())")
