"""What is judged when: only what changed or fell due; each by itself where the program fails for one of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from reconcile.facts import Fact
from tests.worker import world as w
from worker import judging
from worker.breaker import Judging
from worker.judging import Judged, Round, judge_changed, judge_range, reconcile_all
from worker.runtime import Runtime
from worker.schema import audit, memberships
from worker.store import listings
from worker.store.due import Wanted
from worker.store.facts import store_facts
from worker.store.roster import RosterRow

DAY = date(2026, 4, 10)


@pytest.fixture
def world(runtime: Runtime) -> Runtime:
    """Four memberships, paid up to April; the first paid April twice."""
    w.take_in(runtime, *(w.row(f"M-{n}", w.stripe(n)) for n in range(1, 5)))
    paid: list[Fact] = [
        w.charge(f"ch_{n}_{m}", w.month(m), subscription=f"sub_{n}") for n in range(1, 5) for m in range(4)
    ]
    store(runtime, *paid, w.charge("ch_1_x", w.month(3), subscription="sub_1"))
    return runtime


def store(runtime: Runtime, *facts: Fact) -> None:
    with runtime.engine.begin() as conn:
        store_facts(conn, runtime.keyring, w.told(*facts))


def judged_as_of(runtime: Runtime) -> dict[str, date | None]:
    with runtime.engine.begin() as conn:
        rows = conn.execute(select(memberships.c.ref, memberships.c.judged_as_of)).all()
    return dict(rows)


def found(runtime: Runtime) -> list[tuple[object, object]]:
    with runtime.engine.begin() as conn:
        return [(row["membership"], row["finding"]) for row in listings.findings(conn)]


def test_all_is_judged_once_and_then_what_changed(world: Runtime) -> None:
    told: list[int] = []
    assert reconcile_all(world, DAY, progress=told.append) == Judged(memberships=4, findings=1)
    assert told == [3, 4]  # three by the screen, then the one it left
    assert reconcile_all(world, DAY) == Judged()
    store(world, w.charge("ch_2_x", w.month(3), subscription="sub_2"))
    assert reconcile_all(world, DAY) == Judged(memberships=1, findings=1)
    assert found(world) == [("M-1", "duplicate_charge"), ("M-2", "duplicate_charge")]
    assert reconcile_all(world, DAY, everything=True) == Judged(memberships=4, findings=2)


def test_a_round_that_is_broken_off_goes_on_from_there_whatever_is_touched_again(
    world: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "SLICE", 1)
    monkeypatch.setattr(judging, "SCREEN", 1)
    going = Round()
    for n in range(4):
        assert judge_changed(world, lambda: True, going).memberships == 1
        store(world, w.charge(f"ch_1_{n}y", w.month(3), subscription="sub_1"))  # the first in order, each time
    assert None not in judged_as_of(world).values()
    judge_changed(world, going=going)
    assert going.over


def test_what_time_alone_changes_is_judged_when_it_falls_due(world: Runtime) -> None:
    reconcile_all(world, DAY)
    assert reconcile_all(world, date(2026, 4, 12)) == Judged()
    due = reconcile_all(world, date(2026, 5, 30))
    assert due.memberships == 4
    assert ("M-4", "missed_renewal") in found(world)


def test_an_earlier_date_judges_again(world: Runtime) -> None:
    reconcile_all(world, DAY)
    assert reconcile_all(world, date(2026, 3, 1)) == Judged(memberships=4)
    assert not found(world)


def test_one_membership_and_a_range_of_them(world: Runtime) -> None:
    assert reconcile_all(world, DAY, "M-2") == Judged(memberships=1)
    assert judge_range(world, "M-1", Wanted(DAY, last="M-3"), Judging("a run")) == Judged(memberships=1)
    assert judged_as_of(world) == {"M-1": None, "M-2": DAY, "M-3": DAY, "M-4": None}


def test_a_stray_is_judged_until_a_membership_has_it(world: Runtime) -> None:
    reconcile_all(world, DAY)
    stray = w.charge("ch_9", w.month(3), customer="cus_9")
    store(world, stray)
    assert judge_changed(world) == Judged(strays=1, findings=1)
    assert judge_changed(world) == Judged()
    assert (None, "unrecognised_charge") in found(world)
    store(world, w.refund("re_9", w.month(3), stray, stray.amount.minor))
    assert judge_changed(world).strays == 1
    assert (None, "unrecognised_charge") not in found(world)
    other = w.charge("ch_8", w.month(4), customer="cus_8")
    store(world, other)
    judge_changed(world)
    w.take_in(world, w.row("M-8", replace(w.stripe(8))))
    judge_changed(world)
    assert not [one for one in found(world) if one[1] == "unrecognised_charge"]


def test_a_stray_that_is_taken_later_is_found_when_its_day_comes(world: Runtime) -> None:
    store(world, w.charge("ch_9", w.month(7), customer="cus_9"))
    assert reconcile_all(world, DAY).findings == 1
    assert reconcile_all(world, w.month(7)).strays == 1
    assert (None, "unrecognised_charge") in found(world)


def test_one_that_cannot_be_judged_keeps_only_itself_back(world: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy that a roster names and nobody knows: the core cannot judge that membership."""
    row = w.row("M-3", w.stripe(3))
    w.take_in(world, RosterRow(replace(row.membership, policy=("unknown",))))
    store(world, w.charge("ch_3_x", w.month(3), subscription="sub_3"))
    assert reconcile_all(world, DAY) == Judged(memberships=3, findings=1, failed=1)
    assert judged_as_of(world)["M-3"] is None
    assert reconcile_all(world, DAY) == Judged(failed=1)
    w.take_in(world, row)
    monkeypatch.setattr(judging, "SLICE", 1)
    assert reconcile_all(world, DAY) == Judged(memberships=1, findings=1)


def test_every_decision_is_in_the_audit_log(world: Runtime) -> None:
    reconcile_all(world, DAY)
    with world.engine.begin() as conn:
        entries = conn.execute(select(audit.c.action, audit.c.subject).order_by(audit.c.n)).all()
    assert [tuple(entry) for entry in entries] == [
        ("finding_opened", "finding:stripe:ch_1_x"),
        ("remedy_decided", "remedy:stripe:ch_1_x"),
    ]
