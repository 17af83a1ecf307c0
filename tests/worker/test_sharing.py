"""A run of the judge that is shared: each slice is judged, whoever is woken, and whoever dies."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest

from tests.worker import world as w
from tests.worker.conftest import Clock
from worker import sharing
from worker.judging import Judged, reconcile_all
from worker.runtime import Runtime
from worker.sharing import help_with, judge_shared
from worker.store import slices
from worker.store.due import Wanted
from worker.store.facts import store_facts

DAY = date(2026, 4, 10)
MEMBERS = 23


@pytest.fixture
def world(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """Memberships paid up to April, every fifth of which paid April twice; slices of three."""
    monkeypatch.setattr(sharing, "SIZE", 3)
    w.take_in(runtime, *(w.row(f"M-{n:02d}", w.stripe(n)) for n in range(MEMBERS)))
    paid = [w.charge(f"ch_{n}_{m}", w.month(m), subscription=f"sub_{n}") for n in range(MEMBERS) for m in range(4)]
    paid += [w.charge(f"ch_{n}_x", w.month(3), subscription=f"sub_{n}") for n in range(0, MEMBERS, 5)]
    with runtime.engine.begin() as conn:
        store_facts(conn, runtime.keyring, w.told(*paid))
    return runtime


def left(runtime: Runtime, name: str) -> int:
    with runtime.engine.begin() as conn:
        return slices.left(conn, name)


def test_a_shared_run_judges_what_one_alone_would(world: Runtime) -> None:
    assert judge_shared(world, Wanted(DAY), "a run") == Judged(memberships=MEMBERS, findings=5)
    assert reconcile_all(world, DAY) == Judged()
    assert judge_shared(world, Wanted(DAY, everything=True), "a run") == Judged(memberships=MEMBERS, findings=5)


def test_workers_that_are_woken_take_their_part_of_it(world: Runtime) -> None:
    helped: list[int] = []
    workers: list[threading.Thread] = []

    def wake(name: str, count: int) -> None:
        for _ in range(min(count, 2)):
            workers.append(threading.Thread(target=lambda: helped.append(help_with(world, name))))
            workers[-1].start()

    assert judge_shared(world, Wanted(DAY), "a run", wake) == Judged(memberships=MEMBERS, findings=5)
    for worker in workers:
        worker.join()
    assert len(helped) == 2
    assert sum(helped) > 0


def test_a_run_that_was_interrupted_goes_on_with_what_is_left_of_it(world: Runtime) -> None:
    with world.engine.begin() as conn:
        laid = slices.lay_out(conn, "a run", Wanted(DAY), 3)
    turns = iter([False, False, True])
    assert help_with(world, "a run", lambda: next(turns)) == 2
    assert left(world, "a run") == laid - 2
    assert judge_shared(world, Wanted(DAY), "a run") == Judged(memberships=MEMBERS, findings=5)
    assert left(world, "a run") == 0


def test_the_slice_of_a_worker_that_is_gone_is_free_again_after_its_lease(world: Runtime, clock: Clock) -> None:
    with world.engine.begin() as conn:
        laid = slices.lay_out(conn, "a run", Wanted(DAY), 3)
        slices.take(conn, "a run", clock(), sharing.LEASE)  # and is never heard of again
    assert help_with(world, "a run") == laid - 1
    assert left(world, "a run") == 1
    clock.advance(sharing.LEASE + timedelta(seconds=1))
    assert judge_shared(world, Wanted(DAY), "a run") == Judged(memberships=MEMBERS, findings=5)
