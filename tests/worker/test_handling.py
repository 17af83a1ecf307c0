"""Deliveries are handled once each, whatever some of them hold, and what they touch is judged."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import OperationalError

from handlers.inbox import Translation
from reconcile.facts import Fact
from tests.worker import world as w
from tests.worker.conftest import Clock
from worker import batches, handling, judging
from worker.batches import Handled, store_pending
from worker.handling import drain
from worker.runtime import Runtime
from worker.schema import deliveries, facts, findings, memberships, remedies, tellings
from worker.store import deliveries as stored
from worker.store import listings
from worker.store.deliveries import Delivery, reopen
from worker.store.sql import run, the_only_one


@pytest.fixture
def plain(runtime: Runtime) -> Runtime:
    return w.plain_inboxes(runtime)


def twice(n: int = 1) -> list[Fact]:
    """A renewal paid twice by one membership."""
    charges: list[Fact] = [w.charge(f"ch_{n}_{i}", w.month(3), subscription=f"sub_{n}") for i in range(2)]
    paid: list[Fact] = [w.charge(f"ch_{n}_m{m}", w.month(m), subscription=f"sub_{n}") for m in range(3)]
    return [*paid, *charges]


def all_findings(runtime: Runtime) -> list[dict[str, object]]:
    with runtime.engine.begin() as conn:
        return list(listings.findings(conn))


def test_a_duplicate_is_found_and_its_refund_queued(plain: Runtime) -> None:
    w.take_in(plain, w.row("M-1", w.stripe()))
    w.deliver(plain, *(w.body(fact) for fact in twice()))
    assert drain(plain) == Handled(done=5)
    found = [row for row in all_findings(plain) if row["finding"] == "duplicate_charge"]
    assert [(row["membership"], row["charge"], row["excess"]) for row in found] == [("M-1", "stripe:ch_1_1", 9900)]
    assert found[0]["remedy"] == {
        "key": "remedy:stripe:ch_1_1",
        "kind": "refund",
        "amount": 9900,
        "state": "queued",
        "clause": found[0]["remedy"]["clause"],  # type: ignore[index] # a remedy is there
        "policy_version": found[0]["remedy"]["policy_version"],  # type: ignore[index] # as above
    }
    assert drain(plain) == Handled()


def test_one_that_cannot_be_handled_is_set_aside_and_blocks_nothing(plain: Runtime, clock: Clock) -> None:
    w.take_in(plain, w.row("M-1", w.stripe()))
    good = w.charge("ch_1", w.START, subscription="sub_1")
    bodies = [b"malformed", b"bug", w.body(), w.body(good)]
    w.deliver(plain, *bodies, event_ids=["malformed", "bug", "nothing", "good"])
    assert drain(plain) == Handled(done=1, passed_over=1, failed=2)
    states = {"malformed": ("failed", 1), "bug": ("new", 1), "nothing": ("passed_over", 0), "good": ("done", 0)}
    assert w.states(plain) == states
    with plain.engine.begin() as conn:
        notes = dict(conn.execute(select(deliveries.c.event_id, deliveries.c.note)).all())
    assert notes["malformed"] == "data.object is missing"
    assert notes["nothing"] == "nothing that concerns us"
    assert notes["bug"].startswith("KeyError at world.py:")
    for _ in range(6):
        clock.advance(timedelta(days=1))
        drain(plain)
    assert w.states(plain)["bug"] == ("failed", 5)


def test_one_that_cannot_be_stored_brings_down_only_itself(plain: Runtime) -> None:
    class Odd(w.PlainInbox):
        """Its third event holds a time without a zone, which no database column takes."""

        def translate(self, body: bytes) -> Translation:
            told = super().translate(body)
            if told.facts[0].ref.id != "ch_3":
                return told
            return Translation((replace(told.facts[0], told_at=w.at(w.START).replace(tzinfo=None)),))

    odd = replace(plain, inboxes={"stripe": Odd("stripe")})
    ids = [f"ch_{n}" for n in range(6)]
    w.deliver(odd, *(w.body(w.charge(id_, w.START)) for id_ in ids), event_ids=ids)
    assert drain(odd) == Handled(done=5, failed=1)
    assert w.states(odd) == {id_: ("new", 1) if id_ == "ch_3" else ("done", 0) for id_ in ids}
    assert len(all_findings(odd)) == 5


def test_one_that_kills_its_process_is_set_aside_after_the_fifth_and_takes_nobody_along(plain: Runtime) -> None:
    ids = ["before", "deadly", "after"]
    bodies = [w.body(w.charge(name, w.START)) for name in ids]
    w.deliver(plain, *bodies, event_ids=ids)

    class Deadly(w.PlainInbox):
        def translate(self, body: bytes) -> Translation:
            if body == bodies[1]:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().translate(body)

    deadly = replace(plain, inboxes={"stripe": Deadly("stripe")})
    deaths = sum(_in_a_process(deadly) == -signal.SIGKILL for _ in range(7))
    assert (deaths, w.states(plain)) == (5, {"before": ("done", 0), "deadly": ("failed", 5), "after": ("done", 0)})


def test_of_two_that_begin_at_once_each_handles_in_one_batch_what_it_has_counted(plain: Runtime) -> None:
    if plain.engine.dialect.name != "postgresql":
        pytest.skip("on SQLite one waits until the other is done")
    ids = [f"ch_{n}" for n in range(6)]
    w.deliver(plain, *(w.body(w.charge(name, w.START)) for name in ids), event_ids=ids)
    with plain.engine.begin() as conn:
        others = batches._count_first(conn, plain, 3)
        with ThreadPoolExecutor(1) as second:
            own = second.submit(run, plain.engine, lambda conn: batches._count_first(conn, plain, 3)).result()
    assert batches._stored(plain, 3, own, own) == Handled(done=3)
    assert w.states(plain) == {id_: ("new", 1) if n < 3 else ("done", 0) for n, id_ in enumerate(ids)}
    assert batches._stored(plain, 3, others, others) == Handled(done=3)


def test_what_was_tried_before_is_tried_again_by_one_worker_at_a_time(plain: Runtime) -> None:
    """Two that counted it in turns, each finding it with the other, would set a healthy one aside as a deadly one."""
    if plain.engine.dialect.name != "postgresql":
        pytest.skip("on SQLite one waits until the other is done")
    w.deliver(plain, w.body(w.charge("ch_1", w.START)), event_ids=["ch_1"])
    run(plain.engine, lambda conn: batches._count_first(conn, plain, 1))
    with the_only_one(plain.engine, batches._AGAIN) as alone:
        assert alone
        assert [drain(plain).total for _ in range(6)] == [0] * 6
        assert w.states(plain) == {"ch_1": ("new", 1)}
    with plain.engine.begin() as other:
        other.execute(select(deliveries.c.id).with_for_update())
        assert [drain(plain).total for _ in range(6)] == [0] * 6
    assert w.states(plain) == {"ch_1": ("new", 1)}
    assert drain(plain) == Handled(done=1)


def test_all_that_a_dead_process_counted_is_tried_without_reading_a_batch_for_each(
    plain: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    w.deliver(plain, *(w.body(w.charge(f"ch_{n}", w.START)) for n in range(5)))
    run(plain.engine, lambda conn: batches._count_first(conn, plain, 4))
    asked = []
    claim = stored.claim

    def noted(conn: Connection, limit: int, now: datetime, among: Collection[int] = ()) -> list[Delivery]:
        asked.append(limit)
        return claim(conn, limit, now, among)

    monkeypatch.setattr(stored, "claim", noted)
    assert drain(plain, limit=4) == Handled(done=5)
    assert asked.count(4) <= 4  # to see that there are such, the rest, and that there is no more


def _in_a_process(runtime: Runtime) -> int:
    """Handle all there is in a process of its own."""
    runtime.engine.dispose()
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            batches._lived = threading.local()
            drain(runtime)
            os._exit(0)
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_what_a_crash_left_unjudged_is_judged_by_the_next(plain: Runtime) -> None:
    w.take_in(plain, w.row("M-1", w.stripe()))
    w.deliver(plain, *(w.body(fact) for fact in twice()))
    store_pending(plain)
    assert not all_findings(plain)
    assert drain(plain) == Handled()
    assert all_findings(plain)


def test_handling_again_changes_nothing(plain: Runtime) -> None:
    w.take_in(plain, w.row("M-1", w.stripe()))
    w.deliver(plain, *(w.body(fact) for fact in twice()))
    drain(plain)
    before = w.listed(plain, w.month(8))
    with plain.engine.begin() as conn:
        assert reopen(conn, [1, 2, 3, 4, 5]) == 5
    assert drain(plain).done == 5
    assert w.listed(plain, w.month(8)) == before
    with plain.engine.begin() as conn:
        assert conn.scalar(select(func.count()).select_from(tellings)) == 5


def test_it_stops_between_batches_when_told_to(plain: Runtime) -> None:
    w.deliver(plain, *(w.body(w.charge(f"ch_{n}", w.START)) for n in range(3)))
    assert drain(plain, lambda: True) == Handled()


def test_neither_deliveries_nor_judging_wait_for_all_of_the_other(
    plain: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handling, "HANDLE_S", 0)
    monkeypatch.setattr(handling, "JUDGE_S", 0)
    monkeypatch.setattr(judging, "SCREEN", 150)
    members = [f"M-{n:03}" for n in range(450)]
    w.take_in(plain, *(w.row(ref, w.stripe(n)) for n, ref in enumerate(members)))
    w.deliver(plain, *(w.body(w.charge(f"ch_{n}", w.START, subscription=f"sub_{n}")) for n in range(4)))
    seen: list[tuple[int, int]] = []

    def look() -> bool:
        with plain.engine.begin() as conn:
            waiting = conn.scalar(select(func.count()).where(deliveries.c.state == "new")) or 0
            marked = conn.scalar(select(func.count()).where(memberships.c.touched.is_(True))) or 0
        seen.append((waiting, marked))
        return False

    assert drain(plain, look, limit=1) == Handled(done=4)
    assert any(0 < waiting < 4 and marked < 450 for waiting, marked in seen)  # judged before all was handled
    assert any(waiting < 3 and marked > 200 for waiting, marked in seen)  # handled before all was judged
    assert seen[-1] == (0, 0)


def test_a_backlog_is_shared_by_two_threads_and_a_fault_in_either_is_told(
    plain: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    if plain.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has one writer")
    w.deliver(plain, *(w.body(w.charge(f"ch_{n}", w.START)) for n in range(12)))
    mine = threading.get_ident()

    def breaks(runtime: Runtime, limit: int) -> Handled:
        if threading.get_ident() != mine:
            raise OperationalError("", None, Exception("the server went away"))
        return store_pending(runtime, limit)

    monkeypatch.setattr(handling, "store_pending", breaks)
    with pytest.raises(OperationalError):
        drain(plain, limit=4)
    monkeypatch.undo()
    assert drain(plain).failed == 0
    assert set(w.states(plain).values()) == {("done", 0)}


def test_two_workers_neither_lose_nor_double(plain: Runtime) -> None:
    """Small batches of linked facts, so that the two meet on the same memberships and links all the time."""
    members = 12
    told: list[Fact] = []
    w.take_in(plain, *(w.row(f"M-{n}", w.stripe(n)) for n in range(members)))
    for n in range(members):
        for m in range(6):
            intent = f"pi_{n}_{m}"
            told.append(w.charge(f"ch_{n}_{m}", w.month(m), intent=intent))
            told.append(w.invoice(f"in_{n}_{m}", w.month(m), subscription=f"sub_{n}"))
            told.append(w.payment(f"pay_{n}_{m}", w.month(m), f"in_{n}_{m}", intent))
        told.append(w.charge(f"ch_{n}_x", w.month(5), subscription=f"sub_{n}"))
    told = told[::2] + told[1::2]
    w.deliver(plain, *(w.body(fact) for fact in told))
    with ThreadPoolExecutor(2) as pool:
        handled = list(pool.map(lambda runtime: drain(runtime, limit=7), [plain, replace(plain)]))
    assert sum(one.done for one in handled) == len(told)
    if plain.engine.dialect.name == "postgresql":
        assert all(one.done for one in handled), "both had a share"
    drain(plain)
    unbound = select(facts).where(facts.c.kind == "charge", facts.c.membership.is_(None))
    kinds = select(findings.c.kind, func.count()).where(findings.c.charge.is_not(None)).group_by(findings.c.kind)
    with plain.engine.begin() as conn:
        assert len(conn.execute(select(tellings)).all()) == len(told)
        assert not conn.execute(unbound).all()
        assert not conn.execute(select(memberships).where(memberships.c.touched)).all()
        assert dict(conn.execute(kinds).all()) == {"duplicate_charge": members}
        assert len(conn.execute(select(remedies)).all()) == members
