"""What people decide about a remedy, and who may not; and who may work on one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

import pytest
from sqlalchemy import update

from handlers.gateway import Look
from reconcile.facts import DisputeState, Ref, Refund, RefundState, Subscription, SubscriptionState
from reconcile.summary import Books, summarise
from reconcile.totals import owes
from tests.worker import world as w
from tests.worker.money.house import EXCESS, House
from worker.audit import verify
from worker.cli.listing import needs_a_person
from worker.explaining import explain, page
from worker.judging import today
from worker.money.deciding import Means
from worker.money.decisions import DecisionError, approve, retry, set_money, waive
from worker.money.desk import Claim, Desk
from worker.money.executor import issue_due
from worker.money.gateways import gateways
from worker.schema import approvals
from worker.store import cases, listings, summing

ADA, BEN = "Ada Example", "Ben Example"


def test_people_decide_in_their_name_and_the_chain_holds(house: House) -> None:
    key = house.held_above_cap()
    assert waive(house.runtime, key, ADA, "paid in cash") == "waived"
    house.rest()
    assert house.state(key) == "waived"
    with house.runtime.engine.begin() as conn:
        assert verify(conn) is None


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda house, key: approve(house.runtime, f"{key}0", ADA), "is none"),
        (lambda house, key: approve(house.runtime, key, ADA), "is queued: only a held remedy"),
        (lambda house, key: approve(house.runtime, key, " "), "--by: one line"),
        (lambda house, key: approve(house.runtime, key, "Makegood"), "name of a person"),
        (lambda house, key: retry(house.runtime, key, ADA), "only a failed remedy"),
        (lambda house, key: waive(house.runtime, key, ADA, ""), "--reason: one line"),
        (
            lambda house, key: (
                set_money(house.runtime, ADA, f"{key}\n", stopped=False) or waive(house.runtime, key, ADA, "a\nb")
            ),
            "--reason: one line of text",
        ),
    ],
)
def test_a_bad_decision_is_one_line(house: House, act: Callable[[House, str], object], said: str) -> None:
    key = house.overcharge()
    with pytest.raises(DecisionError, match=said) as error:
        act(house, key)
    assert "\n" not in str(error.value)
    assert house.state(key) == "queued"


def test_an_approval_holds_for_one_clause_only(house: House) -> None:
    key = house.held_above_cap()
    approve(house.runtime, key, ADA)
    house.set(cooling_hours=0.0)
    with house.runtime.engine.begin() as conn:
        conn.execute(update(approvals).where(approvals.c.key == key).values(clause="voip-fulfillment/FP-0"))
    house.issue()
    assert (house.held(key), len(house.bank.posts)) == (("held", "changed"), 1)


def test_nothing_is_approved_while_it_is_disputed(house: House) -> None:
    key = house.held_above_cap()
    charge = w.charge("ch_2", w.month(1), replace(w.PRICE, minor=w.PRICE.minor + EXCESS), customer="cus_2")
    house.tell(w.dispute("dp_1", w.month(2), charge))
    with pytest.raises(DecisionError, match="while the charge is disputed"):
        approve(house.runtime, key, ADA)


def test_an_approved_remedy_waits_out_a_dispute_and_then_goes(house: House) -> None:
    key = house.held_above_cap()
    approve(house.runtime, key, ADA)
    house.set(cooling_hours=0.0)
    house.bank.disputed("ch_2")
    house.issue()
    assert (house.held(key), house.bank.posts) == (("held", "disputed"), ["remedy:stripe:ch_1:1"])
    dispute = house.bank.dispute_won("ch_2")
    charge = w.charge("ch_2", w.month(1), replace(w.PRICE, minor=w.PRICE.minor + EXCESS), customer="cus_2")
    won = replace(w.dispute(dispute, w.month(2), charge), told_at=house.clock() + timedelta(hours=1))
    house.later(hours=2)
    house.tell(replace(won, state=DisputeState.WON))
    house.rest()
    assert house.state(key) == "settled"


def test_an_approved_remedy_is_listed_as_held_from_the_moment_that_the_dispute_is_known(house: House) -> None:
    key = house.held_above_cap()
    approve(house.runtime, key, ADA)
    charge = w.charge("ch_2", w.month(1), replace(w.PRICE, minor=w.PRICE.minor + EXCESS), customer="cus_2")
    opened = w.dispute("dp_1", w.month(2), charge)
    house.tell(opened)
    assert house.held(key) == ("held", "disputed")

    house.tell(replace(opened, told_at=house.clock() + timedelta(hours=1), state=DisputeState.WON))
    assert house.held(key) == ("held", "disputed")
    house.set(cooling_hours=0.0)
    house.issue()
    assert house.state(key) == "settled"


def test_a_large_retry_needs_a_second_person(house: House) -> None:
    key = house.overcharge()
    house.issue()
    house.later(days=1)
    _fail(house, key)
    house.set(approve_above_minor=1000)
    assert retry(house.runtime, key, ADA) == "held"
    for one_person in (ADA, "ada example", "ADA  Example"):
        with pytest.raises(DecisionError, match="somebody else"):
            approve(house.runtime, key, one_person)
    approve(house.runtime, key, BEN)
    house.rest()
    assert house.state(key) == "settled"


def test_a_remedy_that_was_waived_is_not_sent(house: House) -> None:
    key = house.overcharge()
    waive(house.runtime, key, ADA, "agreed with the member")
    house.rest()
    assert (house.state(key), house.bank.posts) == ("waived", [])


def test_what_is_on_its_way_cannot_be_waived(house: House) -> None:
    key = house.overcharge()
    house.bank.script.append("lost")
    house.issue()
    with pytest.raises(DecisionError, match="is submitted"):
        waive(house.runtime, key, ADA, "too late")


def test_an_agreement_is_cancelled_once_a_person_agrees(house: House) -> None:
    live = Subscription(Ref("stripe", "sub_1"), w.at(w.START), SubscriptionState.LIVE, started_at=w.at(w.START))
    house.bank.agree("stripe", "sub_1")
    row = w.row("M-1", w.stripe(1))
    ended = replace(row.membership, ended_on=w.month(3))
    w.take_in(house.runtime, replace(row, membership=ended))
    house.tell(live, w.charge("ch_1", w.START, customer="cus_1", subscription="sub_1", kind="charge"))
    key = "cancel:stripe:sub_1"
    assert house.held(key) == ("held", "approval")
    house.issue()
    assert house.bank.ended == set()
    approve(house.runtime, key, ADA)
    house.rest()
    assert (house.state(key), house.bank.ended) == ("settled", {"sub_1"})


def test_an_agreement_that_is_wanted_again_is_not_ended_by_a_repetition(house: House) -> None:
    key = house.bleeding()
    house.bank.cancels.append("503")
    house.issue()
    assert (house.state(key), house.bank.ended) == ("submitted", set())
    w.take_in(house.runtime, w.row("M-1", w.stripe(1)))
    house.later(minutes=20)
    house.issue()
    assert (house.held(key), house.bank.ended) == (("held", "changed"), set())


def test_two_executors_at_once_send_it_once(house: House) -> None:
    keys = [house.overcharge(n) for n in range(1, 5)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: issue_due(house.runtime), range(4)))
    house.rest()
    assert [house.state(key) for key in keys] == ["settled"] * 4
    assert sorted(house.bank.posts) == sorted(f"{key}:1" for key in keys)


def _fail(house: House, key: str) -> None:
    made = house.bank.becomes(house.bank.made[-1], "failed")
    amount = replace(w.PRICE, minor=made.minor)
    house.tell(
        Refund(Ref("stripe", made.id), house.clock(), RefundState.FAILED, amount, made.at, made.charge, remedy=key)
    )


class _Interrupted(Desk):
    """Looks while another executor takes up the same remedy."""

    others: ClassVar[list[str]] = []

    def _look(self, claim: Claim) -> Look | None:
        self.others.append(Desk(self.means).work(claim.send.key))
        return super()._look(claim)


def test_what_another_has_claimed_is_left_alone(house: House) -> None:
    key = house.overcharge()
    with gateways(house.runtime.settings) as made:
        assert _Interrupted(Means(house.runtime, made)).work(key) == "settled"
    assert _Interrupted.others.pop() == "busy"
    assert house.bank.posts == [f"{key}:1"]


def test_what_is_owed_beyond_what_was_sent_waits_for_a_person_wherever_one_looks(house: House) -> None:
    """The roster's price was wrong: the refund that was sent is less than is owed, and no second one is sent."""
    key = house.overcharge()
    house.issue()
    row = w.row("M-1", w.stripe(1))
    cheaper = replace(row.membership.plan, price=replace(w.PRICE, minor=w.PRICE.minor - 1000))
    w.take_in(house.runtime, replace(row, membership=replace(row.membership, plan=cheaper)))
    house.tell()
    assert house.held(key) == ("settled", "changed")

    with house.runtime.engine.begin() as conn:
        found = summing.cases(conn, today(house.runtime))
        differing = listings.differing(conn)
        waiting = cases.page(conn, cases.Wanted(where=cases.Where.WAITING), None, 10)
        shown = {finding["key"]: finding for finding in listings.findings(conn)}
    (mine,) = [one for one in found if one.key == "finding:stripe:ch_1"]
    assert (owes(mine).settled, owes(mine).held, owes(mine).lost) == (EXCESS, 1000, 0)
    night = summarise(Books(today(house.runtime), today(house.runtime), "live", cases=(mine,)))
    assert [(held.name, held.amounts) for held in night.held] == [("changed", (("USD", 1000),))]
    assert needs_a_person(shown[mine.key], differing)
    assert [one.key for one in waiting] == [mine.key]
    told = explain(house.runtime, key)
    assert told is not None
    assert "settled (changed)" in page(told)
    house.rest()
    assert house.bank.posts.count(f"{key}:1") == 1
