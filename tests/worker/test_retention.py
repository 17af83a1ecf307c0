"""What is old is removed, a little at a time; what is still needed, and what makes a repetition known, stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select

from tests.worker import world as w
from tests.worker.conftest import Clock
from worker import retention
from worker.breaker import Judging, Slice, check, note
from worker.handling import drain
from worker.runtime import Runtime
from worker.schema import deliveries, heartbeats, outbox, runs, tellings
from worker.store import heartbeats as beats

OLD = timedelta(days=91)


@pytest.fixture
def plain(runtime: Runtime) -> Runtime:
    return w.plain_inboxes(runtime)


def bodies(runtime: Runtime) -> list[bool]:
    with runtime.engine.connect() as conn:
        return [body is not None for body in conn.scalars(select(deliveries.c.body).order_by(deliveries.c.id))]


def deliver(runtime: Runtime, *names: str) -> None:
    w.deliver(runtime, *(w.body(w.charge(name, w.START)) for name in names), event_ids=[f"evt_{n}" for n in names])
    drain(runtime)


def test_bodies_go_after_the_days_that_are_set_and_a_repeat_is_still_known(
    plain: Runtime, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    deliver(plain, "ch_1", "ch_2", "ch_3")
    clock.advance(OLD)
    deliver(plain, "ch_4")
    assert retention.tidy(plain).bodies == 3
    assert bodies(plain) == [False, False, False, True]
    deliver(plain, "ch_1")
    assert len(bodies(plain)) == 4
    with plain.engine.connect() as conn:
        assert conn.scalar(select(func.count()).select_from(tellings)) == 4
    clock.advance(OLD)
    assert retention.tidy(plain).bodies == 1


def test_what_is_not_handled_keeps_its_body_however_old_and_is_come_back_to(plain: Runtime, clock: Clock) -> None:
    deliver(plain, "ch_1")
    w.deliver(plain, b"malformed", event_ids=["evt_bad"])
    drain(plain)
    deliver(plain, "ch_2")
    clock.advance(OLD)
    retention.tidy(plain)
    assert bodies(plain) == [False, True, False]
    with plain.engine.begin() as conn:
        conn.execute(deliveries.update().values(state="done"))
    retention.tidy(plain)
    assert bodies(plain) == [False, False, False]


def test_told_messages_passed_runs_and_machines_that_are_gone_are_forgotten(plain: Runtime, clock: Clock) -> None:
    at = clock()
    told = {"channel": "c", "urgent": False, "message": {}, "at": at, "tries": 1, "next_at": at}
    with plain.engine.begin() as conn:
        conn.execute(insert(outbox).values(key="told", state="sent", sent_at=at, **told))
        conn.execute(insert(outbox).values(key="untold", state="waiting", **told))
        note(conn, Judging("passed"), Slice(1, (), ()), at)
        note(conn, Judging("not looked at"), Slice(1, (), ()), at)
        tripped = {"name": "tripped", "noted_at": at, "charges": 9, "checked_at": at, "verdict": "too many"}
        conn.execute(insert(runs).values(tripped))
    check(plain, Judging("passed"))
    beats.beat(plain.engine, "work@gone", at)
    clock.advance(OLD)
    beats.beat(plain.engine, "work@here", clock())
    assert retention.tidy(plain).rows == 3
    with plain.engine.connect() as conn:
        assert list(conn.scalars(select(outbox.c.key))) == ["untold"]
        assert list(conn.scalars(select(runs.c.name).order_by(runs.c.name))) == ["not looked at", "tripped"]
        assert list(conn.scalars(select(heartbeats.c.name))) == ["work@here"]


def test_it_is_done_once_a_day_and_again_where_it_was_stopped(plain: Runtime, clock: Clock) -> None:
    assert retention.tidy_due(plain, lambda: True) is not None
    assert retention.tidy_due(plain) is not None
    assert retention.tidy_due(plain) is None
    clock.advance(timedelta(hours=25))
    assert retention.tidy_due(plain) is not None
