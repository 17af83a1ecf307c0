"""What keeps money in: each guard has one story here that goes wrong without it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers.gateway import Answer
from reconcile.facts import DisputeState, Fact
from tests.worker import world as w
from tests.worker.money.house import EXCESS, House
from worker.money.deciding import Call, Means
from worker.money.decisions import approve, set_money
from worker.money.desk import Desk
from worker.money.gateways import gateways

ADA, BEN = "Ada Example", "Ben Example"


def test_shadow_mode_sends_nothing_and_builds_no_gateway(house: House) -> None:
    key = house.overcharge()
    house.set(mode="shadow", stripe_api_base="http://127.0.0.1:9")
    issued = house.issue()
    assert (issued.shadow, issued.due, house.state(key), house.bank.posts) == (True, 1, "queued", [])


def test_nothing_goes_before_it_has_cooled(house: House) -> None:
    key = house.overcharge()
    house.set(cooling_hours=24.0)
    house.later(hours=23)
    assert house.issue().due == 0
    house.later(hours=2)
    assert house.issue().words == {"settled": 1}
    assert house.state(key) == "settled"


def test_an_approval_does_not_shorten_the_cooling(house: House) -> None:
    house.set(cooling_hours=24.0)
    key = house.held_above_cap()
    house.later(hours=1)
    approve(house.runtime, key, ADA)
    assert house.issue().due == 0


def test_stop_stops_before_the_next_call_and_resume_lets_go(house: House) -> None:
    key = house.overcharge()
    set_money(house.runtime, ADA, "the price list is wrong", stopped=True)
    assert house.issue().stopped
    assert (house.state(key), house.bank.posts) == ("queued", [])
    set_money(house.runtime, ADA, "mended", stopped=False)
    house.rest()
    assert house.state(key) == "settled"


def test_a_stop_between_the_decision_and_the_call_is_heard(house: House) -> None:
    key = house.overcharge()
    with gateways(house.runtime.settings) as made:
        desk = _StoppedAtTheLastMoment(Means(house.runtime, made))
        assert desk.work(key) == "waiting"
    assert (house.state(key), house.bank.posts) == ("queued", [])


class _StoppedAtTheLastMoment(Desk):
    def _ask(self, made: Call) -> Answer:
        set_money(self.runtime, ADA, "now", stopped=True)
        return super()._ask(made)


@pytest.mark.parametrize("cap", [{"refund_day_max_minor": 2 * EXCESS}, {"refund_day_count_max": 2}])
def test_the_days_caps_hold_what_goes_beyond_them(house: House, cap: dict[str, int]) -> None:
    house.set(**cap)
    keys = [house.overcharge(n) for n in (1, 2, 3)]
    house.issue()
    assert [house.state(key) for key in keys] == ["settled", "settled", "held"]
    assert house.remedy(keys[2]).amount_minor == EXCESS
    house.later(days=1)
    house.rest()
    assert house.state(keys[2]) == "held", "a person decides, not the next day"
    approve(house.runtime, keys[2], ADA)
    house.rest()
    assert house.state(keys[2]) == "settled"


def test_what_was_not_executed_is_given_back_to_the_budget(house: House) -> None:
    house.set(refund_day_count_max=1)
    key = house.overcharge()
    house.bank.script.extend(["429", "no_funds"])
    house.rest(every_s=3600)
    assert house.state(key) == "settled"


def test_a_held_remedy_stays_held_when_it_is_judged_again(house: House) -> None:
    key = house.held_above_cap()
    house.tell(w.charge("ch_2_more", w.month(2), customer="cus_2"))
    assert house.held(key) == ("held", "above_cap")


def test_a_limit_for_each_member(house: House) -> None:
    house.set(refund_member_max_minor=EXCESS + 100)
    key = house.overcharge()
    more = replace(w.charge("ch_1b", w.month(2), w.PRICE, customer="cus_1", kind="charge"))
    house.bank.take("ch_1b", w.PRICE.minor + 200, customer="cus_1")
    house.tell(replace(more, amount=replace(w.PRICE, minor=w.PRICE.minor + 200)))
    house.issue()
    states = {house.state(key), house.state("remedy:stripe:ch_1b")}
    assert states == {"settled", "held"}


def test_no_more_than_one_renewal(house: House) -> None:
    house.set(refund_one_renewal_max=True)
    key = house.overcharge(minor=2 * w.PRICE.minor + 100)
    house.issue()
    assert house.held(key) == ("held", "above_cap")


def test_the_first_few_go_alone(house: House) -> None:
    house.set(canary_count=1)
    keys = [house.overcharge(n) for n in (1, 2)]
    house.issue()
    assert [house.state(key) for key in keys] == ["settled", "queued"]
    assert house.alarms() == ["canary"]
    house.set(canary_count=None)
    house.later(hours=2)
    house.issue()
    assert house.state(keys[1]) == "settled"


@pytest.mark.parametrize(("live", "state"), [(True, "queued"), (False, "settled"), (None, "settled")])
def test_a_remedy_goes_only_with_a_key_of_its_charges_mode(house: House, live: bool | None, state: str) -> None:
    key = house.overcharge(live=live)
    house.issue()
    assert house.state(key) == state
    assert bool(house.bank.posts) == (state == "settled")


def test_the_breaker_holds_a_whole_run_and_says_so_once(house: House) -> None:
    house.set(breaker_percent=2)
    keys = _flagged_in_one_run(house, 6)
    assert {house.held(key) for key in keys} == {("held", "breaker")}
    assert house.alarms() == ["breaker"]
    house.rest()
    assert house.bank.posts == []
    approve(house.runtime, keys[0], ADA)
    house.rest()
    assert house.state(keys[0]) == "settled"
    assert house.alarms() == ["breaker"]


@pytest.mark.parametrize("approved", [False, True])
def test_what_the_breaker_held_is_not_let_go_by_a_dispute_that_came_and_went(house: House, approved: bool) -> None:
    house.set(breaker_percent=2)
    key = _flagged_in_one_run(house, 6)[0]
    charge = w.charge("ch_1", w.START, replace(w.PRICE, minor=w.PRICE.minor + EXCESS), customer="cus_1")
    house.later(hours=1)
    house.tell(w.dispute("dp_1", w.month(1), charge))
    assert house.held(key) == ("held", "disputed")
    house.later(hours=1)
    house.tell(w.dispute("dp_1", w.month(2), charge, DisputeState.WON))
    house.issue()
    assert house.held(key) == ("held", "breaker")
    if approved:
        approve(house.runtime, key, ADA)
    house.rest()
    assert house.state(key) == ("settled" if approved else "held")
    assert bool(house.bank.posts) == approved


def test_under_five_flagged_the_breaker_is_silent(house: House) -> None:
    house.set(breaker_percent=2)
    keys = _flagged_in_one_run(house, 4)
    assert {house.state(key) for key in keys} == {"queued"}


def test_at_a_hundred_percent_every_rule_is_off(house: House) -> None:
    keys = _flagged_in_one_run(house, 25)
    assert {house.state(key) for key in keys} == {"queued"}


def test_one_amount_too_often_trips_the_breaker(house: House) -> None:
    facts: list[Fact] = []
    for n in range(1, 23):
        w.take_in(house.runtime, w.row(f"M-{n}", w.stripe(n)))
        twice, customer = n % 2, f"cus_{n}"
        amount = replace(w.PRICE, minor=(2 - twice) * w.PRICE.minor)
        facts.append(w.charge(f"ch_{n}", w.START, amount, customer=customer, kind="charge"))
        facts += [w.charge(f"ch_{n}_again", w.later(w.START, 3), customer=customer, kind="charge")] * twice
    house.set(breaker_percent=99)
    house.tell(*facts)
    assert house.held("remedy:stripe:ch_2") == ("held", "breaker")
    assert house.alarm_texts()[0].startswith("22 remedies are of 99.00 USD")


def test_one_rule_behind_nearly_all_trips_the_breaker(house: House) -> None:
    house.set(breaker_percent=99)
    keys = _flagged_in_one_run(house, 21, step=1)
    assert house.held(keys[0]) == ("held", "breaker")
    assert house.alarm_texts()[0].startswith("21 of 21 findings are overcharge")


def _flagged_in_one_run(house: House, count: int, step: int = 0) -> list[str]:
    facts = []
    for n in range(1, count + 1):
        w.take_in(house.runtime, w.row(f"M-{n}", w.stripe(n)))
        facts.append(w.charge(f"fine_{n}", w.month(1), customer=f"cus_{n}"))
        amount = replace(w.PRICE, minor=w.PRICE.minor + EXCESS + n * step)
        house.bank.take(f"ch_{n}", amount.minor, customer=f"cus_{n}")
        facts.append(w.charge(f"ch_{n}", w.START, amount, customer=f"cus_{n}", kind="charge"))
    house.tell(*facts)
    return [f"remedy:stripe:ch_{n}" for n in range(1, count + 1)]


def test_with_an_old_roster_a_person_decides(house: House) -> None:
    house.set(roster_max_age_days=7)
    key = house.overcharge()
    assert house.state(key) == "queued"
    house.later(days=8)
    house.issue()
    assert (house.held(key), house.bank.posts) == (("held", "stale_roster"), [])
    approve(house.runtime, key, ADA)
    house.rest()
    assert house.state(key) == "settled"
