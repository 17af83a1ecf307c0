"""What a provider or the network may do to a call, and what becomes of the remedy: one row each."""

from __future__ import annotations

import pytest

from handlers.gateway import Look
from reconcile.facts import Fact, Ref, Refund, RefundState
from reconcile.money import Money
from tests.worker import world as w
from tests.worker.money.house import EXCESS, House
from worker.explaining import explain
from worker.money.decisions import approve, retry
from worker.money.gateways import gateways
from worker.money.steps import MOVES, STEPS, Step

BOTH = pytest.mark.parametrize("provider", ["stripe", "paypal"])


def _charge(key: str) -> str:
    return key.rpartition(":")[2]


@BOTH
@pytest.mark.parametrize("fault", ["lost", "dropped", "late", "stored500", "done500", "409", "garbage", "503"])
def test_an_unknown_outcome_is_looked_up_and_ends_in_one_refund(house: House, provider: str, fault: str) -> None:
    key = house.overcharge(provider=provider)
    house.bank.script.append(fault)
    assert house.issue().words == {"unknown": 1}
    assert house.state(key) == "submitted"
    house.rest(every_s=1800)
    assert house.state(key) == "settled"
    assert [one.minor for one in house.bank.of(_charge(key))] == [EXCESS]
    assert house.bank.violations == []


def test_nothing_is_repeated_before_the_provider_had_time_to_show_it(house: House) -> None:
    key = house.overcharge()
    house.bank.script.append("dropped")
    house.issue()
    house.later(seconds=599)
    house.issue()
    assert house.bank.posts == [f"{key}:1"]
    house.later(seconds=60)
    house.issue()
    assert house.bank.posts == [f"{key}:1"] * 2


def test_a_key_that_answers_500_for_ever_is_left_only_when_it_is_dead(house: House) -> None:
    key = house.overcharge()
    house.bank.script.append("stored500")
    house.issue()
    house.later(hours=7)
    house.issue()
    assert set(house.bank.posts) == {f"{key}:1"}
    house.later(hours=12)
    house.issue()
    house.issue()
    assert set(house.bank.posts) == {f"{key}:1"}, "a key of 19 hours is neither young nor dead"
    house.rest(every_s=3600)
    assert house.state(key) == "settled"
    assert house.bank.posts[-1] == f"{key}:2"
    assert house.send(key).generation == 2


@BOTH
def test_429_backs_off_as_the_provider_asks_and_is_queued_again(house: House, provider: str) -> None:
    key = house.overcharge(provider=provider)
    house.bank.script.append("429")
    house.issue()
    assert house.state(key) == "queued"
    house.later(seconds=29)
    assert house.issue().due == 0
    house.later(seconds=2)
    house.issue()
    assert house.state(key) == "settled"
    assert house.bank.posts == [f"{key}:1"] * 2


def test_a_provider_that_is_not_there_costs_nothing_but_time(house: House) -> None:
    key = house.overcharge()
    house.set(stripe_api_base="http://127.0.0.1:9")
    house.issue()
    assert (house.state(key), house.bank.posts) == ("queued", [])
    waits = []
    for _ in range(4):
        next_at = house.send(key).next_at
        assert next_at is not None
        waits.append((next_at - house.clock()).total_seconds())
        house.clock.now = next_at
        house.issue()
    assert waits == [15, 30, 60, 120]


@BOTH
@pytest.mark.parametrize("fault", ["401", "403"])
def test_a_wrong_key_stops_all_money_with_the_reason(house: House, provider: str, fault: str) -> None:
    key = house.overcharge(provider=provider)
    house.bank.script.extend([fault, fault])
    assert house.issue().stopped
    assert house.alarms() == ["credential"]
    posts = len(house.bank.posts)
    house.later(days=1)
    house.issue()
    assert len(house.bank.posts) == posts
    assert house.state(key) == "submitted"


@BOTH
@pytest.mark.parametrize("answer", ["already", "closed"])
def test_what_is_refused_for_good_waits_for_a_person(house: House, provider: str, answer: str) -> None:
    key = house.overcharge(provider=provider)
    house.bank.script.extend([answer, answer])
    house.rest()
    assert house.held(key) == ("held", "refused")
    assert house.alarms() == ["refused"]


def test_a_key_under_which_something_else_was_asked_stops_all_money(house: House) -> None:
    key = house.overcharge()
    house.bank.script.append("key_reused")
    assert house.issue().stopped
    assert house.held(key) == ("held", "mismatch")


@BOTH
def test_success_with_another_amount_stops_all_money(house: House, provider: str) -> None:
    key = house.overcharge(provider=provider)
    house.bank.script.append("mismatch")
    assert house.issue().stopped
    assert house.state(key) in {"held", "settled"}
    assert house.alarms() == ["mismatch"]


@BOTH
def test_without_funds_it_is_tried_daily_and_people_are_told(house: House, provider: str) -> None:
    key = house.overcharge(provider=provider)
    house.bank.script.extend(["no_funds", "no_funds"])
    house.issue()
    assert (house.state(key), house.alarms()) == ("queued", ["no_funds"])
    house.later(hours=23)
    assert house.issue().due == 0
    house.rest(every_s=3600)
    assert house.state(key) == "settled"
    assert house.bank.posts == [f"{key}:{n}" for n in (1, 2, 3)]


def test_a_credit_whose_answer_was_lost_is_found_on_the_balance_when_its_key_is_long_dead(house: House) -> None:
    house.grants("credit")
    key = house.overcharge()
    house.bank.script.append("lost")
    house.issue()
    for _ in range(4):
        house.later(hours=26)
        house.issue()
    house.grants("refund")
    assert house.state(key) == "settled"
    assert [(one.credit, one.minor) for one in house.bank.ours("ch_1")] == [(True, EXCESS)]


def test_a_key_under_which_a_refund_was_tried_is_not_used_for_a_credit(house: House) -> None:
    key = house.overcharge()
    house.bank.script.append("429")
    house.issue()
    house.grants("credit")
    house.tell(w.charge("ch_1_more", w.month(2), customer="cus_1"))
    house.rest()
    house.grants("refund")
    assert (house.state(key), house.alarms()) == ("settled", [])
    assert house.bank.posts == [f"{key}:1", f"{key}:2"]


def test_success_with_another_credit_keeps_its_id_so_that_nobody_sends_it_again(house: House) -> None:
    house.grants("credit")
    key = house.overcharge()
    house.bank.script.append("mismatch")
    assert house.issue().stopped
    house.grants("refund")
    assert house.send(key).result == house.bank.made[0].id


def test_too_old_at_paypal_becomes_a_credit_on_our_own_books(house: House) -> None:
    key = house.overcharge(provider="paypal")
    house.bank.script.append("too_old")
    house.rest()
    assert house.state(key) == "settled"
    assert house.bank.of(_charge(key)) == []
    assert house.send(key).way == "book"
    house.tell(w.charge("SALE_more", w.month(2), provider="paypal", subscription="I-1"))
    assert house.held(key) == ("settled", None), "what is on our books counts as given back"
    told = explain(house.runtime, key)
    assert told is not None
    says = f"credit on our own books of {EXCESS / 100:.2f} USD, which lowers the dues after it"
    assert [(row["by"], row["about"]) for row in told["since"] if row["what"] == says] == [
        ("makegood", "paypal:SALE_1")
    ]


@BOTH
def test_a_refund_by_hand_before_the_send_is_seen(house: House, provider: str) -> None:
    key = house.overcharge(provider=provider, minor=19800)
    house.bank.by_hand(_charge(key), 19800)
    house.issue()
    assert house.bank.posts == []
    assert house.bank.back(_charge(key)) == 19800


def test_a_partial_refund_that_paypal_shows_and_nobody_told_of_waits_for_a_person(house: House) -> None:
    key = house.overcharge(provider="paypal")
    made = house.bank.by_hand(_charge(key), EXCESS - 100)
    house.issue()
    assert (house.held(key), house.bank.posts) == (("held", "untold_refund"), [])
    house.rest()
    assert house.bank.posts == []
    house.tell(house.fact(made))  # Transaction Search tells of it three hours later
    assert (house.state(key), house.remedy(key).amount_minor) == ("queued", 100)
    house.issue()
    assert house.bank.back(_charge(key)) == EXCESS


def test_a_person_who_has_looked_lets_go_what_an_untold_refund_held(house: House) -> None:
    key = house.overcharge(provider="paypal")
    house.bank.by_hand(_charge(key), 1)
    house.issue()
    approve(house.runtime, key, "Ada Example")
    house.rest()
    assert (house.state(key), house.bank.posts) == ("settled", [f"{key}:1"])


@BOTH
def test_a_dispute_holds_it_and_its_end_lets_it_go(house: House, provider: str) -> None:
    key = house.overcharge(provider=provider)
    house.bank.disputed(_charge(key))
    house.issue()
    assert (house.held(key), house.bank.posts) == (("held", "disputed"), [])
    house.bank.dispute_won(_charge(key))
    house.later(hours=1)
    house.tell(*_look(house, key))
    assert house.state(key) == "queued"
    house.issue()
    assert house.state(key) == "settled"


def test_a_refusal_because_of_a_dispute_that_nobody_told_of_is_asked_again_tomorrow(house: House) -> None:
    key = house.overcharge()
    house.bank.script.append("disputed")
    house.issue()
    house.later(hours=1)
    house.issue()
    assert len(house.bank.posts) == 1
    house.later(days=1)
    house.rest()
    assert house.state(key) == "settled"


@BOTH
def test_a_pending_refund_stays_submitted_until_it_is_told_settled(house: House, provider: str) -> None:
    key = house.overcharge(provider=provider)
    house.bank.script.append("pending")
    assert house.issue().words == {"pending": 1}
    assert house.state(key) == "submitted"
    house.later(hours=1)
    house.tell(_told(house, key, "succeeded"))
    assert house.state(key) == "settled"


@BOTH
def test_a_pending_refund_is_asked_for_when_no_webhook_comes(house: House, provider: str) -> None:
    key = house.overcharge(provider=provider)
    house.bank.script.append("pending")
    house.issue()
    house.bank.becomes(house.bank.made[0], "succeeded")
    house.later(days=1, hours=1)
    house.issue()
    assert house.state(key) == "settled"


@BOTH
def test_a_refund_that_fails_later_is_owed_again_and_sent_once_more_by_a_person(house: House, provider: str) -> None:
    key = house.overcharge(provider=provider)
    house.issue()
    house.later(days=9)
    house.tell(_told(house, key, "failed"))
    assert house.state(key) == "failed"
    assert house.alarms() == ["refund_failed"]
    house.rest()
    assert len(house.bank.posts) == 1, "nobody asked for it yet"
    assert retry(house.runtime, key, "Ada Example") == "queued"
    house.rest()
    assert house.state(key) == "settled"
    assert house.bank.posts == [f"{key}:1", f"{key}:2"]
    assert house.bank.back(_charge(key)) == EXCESS


def test_an_answer_that_was_lost_is_adopted_from_the_webhook(house: House) -> None:
    key = house.overcharge()
    house.bank.script.append("lost")
    house.issue()
    house.tell(_told(house, key, "succeeded"))
    assert house.state(key) == "settled"
    house.rest()
    assert len(house.bank.posts) == 1


def test_our_webhook_before_our_answer_is_no_second_refund(house: House) -> None:
    key = house.overcharge()
    house.issue()
    house.tell(_told(house, key, "succeeded"))
    assert house.state(key) == "settled"
    assert house.alarms() == []


def test_every_step_can_be_reached_and_every_open_one_left() -> None:
    assert set().union(*STEPS.values()) == set(Step)
    assert all(STEPS[step] for step in (Step.READY, Step.SENDING, Step.UNKNOWN, Step.PENDING, Step.PARKED))
    assert all(MOVES.values())


def _told(house: House, key: str, status: str) -> Refund:
    """The refund of this remedy as a webhook tells of it."""
    made = next(one for one in house.bank.made if one.charge == _charge(key))
    house.bank.becomes(made, status)
    state = {"succeeded": RefundState.SETTLED, "failed": RefundState.FAILED}[status]
    mark = made.mark if made.provider == "stripe" else None  # as if PayPal's carried none
    return Refund(
        Ref(made.provider, made.id), house.clock(), state, Money(made.minor, "USD"), made.at, made.charge, remedy=mark
    )


def _look(house: House, key: str) -> tuple[Fact, ...]:
    provider = key.split(":")[1]
    with gateways(house.runtime.settings) as made:
        looked = made[provider].look(_charge(key), "charge" if provider == "stripe" else "sale")
    assert isinstance(looked, Look)
    return looked.facts
