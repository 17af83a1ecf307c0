"""A ring wakes a worker, in this process and over Redis; a lost one costs a minute, not a delivery."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from dramatiq import Broker

from tests.worker import world as w
from worker.actors import declare, working
from worker.broker import make_broker
from worker.runtime import Runtime
from worker.store import slices
from worker.store.due import Wanted


@pytest.fixture(params=["memory", "redis"])
def broker(request: pytest.FixtureRequest, runtime: Runtime) -> Broker:
    url = "memory://" if request.param == "memory" else request.getfixturevalue("redis_url")
    return make_broker(runtime.settings.model_copy(update={"broker_url": url}))


@pytest.fixture
def plain(runtime: Runtime) -> Runtime:
    return w.plain_inboxes(runtime)


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.05)
    return False


def all_done(runtime: Runtime, count: int) -> bool:
    states = w.states(runtime).values()
    return len(states) == count and {state for state, _ in states} == {"done"}


def test_what_waits_is_handled_at_the_start_and_what_comes_at_a_ring(plain: Runtime, broker: Broker) -> None:
    w.take_in(plain, w.row("M-1", w.stripe()))
    w.deliver(plain, w.body(w.charge("ch_1", w.START, subscription="sub_1")))
    with working(plain, broker, threads=2) as actors:
        assert eventually(lambda: all_done(plain, 1))
        w.deliver(plain, w.body(w.charge("ch_2", w.START, subscription="sub_1")))
        actors.ring()
        assert eventually(lambda: all_done(plain, 2))


def test_a_process_that_only_rings_needs_no_worker(plain: Runtime, broker: Broker) -> None:
    declare(plain, broker).ring()
    broker.flush_all()


def test_a_message_that_names_a_run_has_a_worker_judge_what_is_left_of_it(plain: Runtime, broker: Broker) -> None:
    w.take_in(plain, *(w.row(f"M-{n}", w.stripe(n)) for n in range(1, 5)))
    with plain.engine.begin() as conn:
        assert slices.lay_out(conn, "a night", Wanted(date(2026, 11, 2), everything=True), size=2) == 3
    with working(plain, broker, threads=2) as actors:
        assert actors.reconcile_slice.send("a night").args == ("a night",)
        actors.reconcile_slice.send("another night")
        assert eventually(lambda: left(plain) == 0)
    with plain.engine.begin() as conn:
        assert slices.totals(conn, "a night").memberships == 4


def left(runtime: Runtime) -> int:
    with runtime.engine.begin() as conn:
        return slices.left(conn, "a night")


def test_two_products_in_one_process_keep_apart(plain: Runtime) -> None:
    one, other = (make_broker(plain.settings) for _ in range(2))
    assert declare(plain, one).handle_deliveries.broker is one
    assert declare(replace(plain), other).handle_deliveries.broker is other
