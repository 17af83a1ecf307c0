"""The bank's rules of money, as the gateways meet them over real HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handlers.gateway import CreditOrder, Done, Look, NoCredential, NotExecuted, Refusal, Refused, Uncertain
from handlers.paypal.gateway import PayPalGateway
from handlers.stripe.gateway import StripeGateway
from reconcile.facts import Charge, Credit, Dispute, DisputeState, Refund, RefundState
from reconcile.money import Money
from tests.worker.conftest import Clock
from tests.worker.sandbox.orders import CHARGES, order
from worker.sandbox.bank.bank import Bank
from worker.sandbox.bank.faults import Fault

Gateways = dict[str, StripeGateway | PayPalGateway]
APIS = tuple(CHARGES)


@pytest.fixture
def gateways(stripe: StripeGateway, paypal: PayPalGateway) -> Gateways:
    return {"charge": stripe, "sale": paypal, "capture": paypal}


def seen(gateways: Gateways, api: str) -> Look:
    looked = gateways[api].look(CHARGES[api][1], api)
    assert isinstance(looked, Look)
    return looked


@pytest.mark.parametrize("api", APIS)
def test_a_refund_is_in_the_ledger_with_its_mark_and_its_key(api: str, gateways: Gateways, bank: Bank) -> None:
    done = gateways[api].refund(order(api))
    assert isinstance(done, Done)
    assert isinstance(done.fact, Refund)
    assert (done.fact.state, done.fact.amount, done.fact.remedy) == (
        RefundState.SETTLED, order(api).amount, order(api).remedy,
    )  # fmt: skip
    (left,) = bank.ledger()
    assert (left.minor, left.key, left.id) == (500, order(api).key, done.fact.ref.id)
    assert left.mark is not None
    charge = next(fact for fact in seen(gateways, api).facts if isinstance(fact, Charge))
    assert (charge.amount.currency, charge.refunded_minor in {500, None}) == (CHARGES[api][2], True)
    listed = [fact for fact in seen(gateways, api).facts if isinstance(fact, Refund)]
    # PayPal lists the refunds of a capture in its order, and those of a sale nowhere.
    assert [fact.remedy for fact in listed] == ([] if api == "sale" else [order(api).remedy])


@pytest.mark.parametrize("api", APIS)
def test_more_than_is_left_and_what_is_gone_are_refused(api: str, gateways: Gateways, bank: Bank) -> None:
    whole = bank.book.charges[CHARGES[api][1]].minor
    too_much = gateways[api].refund(order(api, whole + 1, 1))
    assert isinstance(too_much, Refused)
    assert too_much.refusal is Refusal.EXCEEDS_CHARGE
    bank.book.give_back(bank.book.charges[CHARGES[api][1]], whole)  # by hand, in the dashboard
    gone = gateways[api].refund(order(api, 500, 2))
    assert isinstance(gone, Refused)
    assert gone.refusal is Refusal.ALREADY_REFUNDED
    assert [one.mark for one in bank.ledger()] == [None]


@pytest.mark.parametrize("api", APIS)
def test_a_disputed_charge_is_not_refunded_until_the_dispute_is_won(api: str, gateways: Gateways, bank: Bank) -> None:
    case = bank.book.open_case(CHARGES[api][1])
    refused = gateways[api].refund(order(api))
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.DISPUTED
    assert [fact.state for fact in seen(gateways, api).facts if isinstance(fact, Dispute)] == [DisputeState.OPEN]
    bank.book.close_case(case.id, won=True)
    assert [fact.state for fact in seen(gateways, api).facts if isinstance(fact, Dispute)] == [DisputeState.WON]
    assert isinstance(gateways[api].refund(order(api, generation=2)), Done)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("fault", "kind", "executed"),
    [
        (Fault.RESET, Uncertain, 0), (Fault.RATE_LIMITED, NotExecuted, 0), (Fault.BUSY, Uncertain, 0),
        (Fault.UNAVAILABLE, Uncertain, 0), (Fault.UNAUTHORISED, NoCredential, 0), (Fault.FORBIDDEN, NoCredential, 0),
        (Fault.LOST, Uncertain, 1), (Fault.CUT, Uncertain, 1), (Fault.GARBAGE, Uncertain, 1),
        (Fault.BROKEN_BEFORE, Uncertain, 0), (Fault.BROKEN_AFTER, Uncertain, 1), (Fault.NO_FUNDS, Refused, 0),
    ],
)  # fmt: skip
def test_each_fault_is_what_its_name_says(
    api: str, fault: Fault, kind: type, executed: int, gateways: Gateways, bank: Bank
) -> None:
    # PayPal's token is renewed after a 401, and the call made once more.
    bank.faults.script(*([fault] * (2 if fault is Fault.UNAUTHORISED and api != "charge" else 1)))
    answer = gateways[api].refund(order(api))
    assert isinstance(answer, kind), answer
    assert len(bank.ledger()) == executed
    if isinstance(answer, NotExecuted):
        assert answer.retry_after_s == bank.faults.retry_after_s


@pytest.mark.parametrize("api", APIS)
def test_refunds_stay_on_their_way_arrive_later_or_come_back(
    api: str, gateways: Gateways, bank: Bank, clock: Clock
) -> None:
    bank.faults.script(Fault.SETTLES_LATER, Fault.FAILS_LATER)
    pending = gateways[api].refund(order(api, 100, 1))
    settled = gateways[api].refund(order(api, 200, 2))
    assert isinstance(pending, Done)
    assert isinstance(pending.fact, Refund)
    assert pending.fact.state is RefundState.PENDING
    assert isinstance(settled, Done)
    assert isinstance(settled.fact, Refund)
    clock.advance(bank.faults.fails + timedelta(seconds=1))
    bank.book.tick()
    assert [one.status for one in bank.ledger()] == ["succeeded", "failed"]
    assert bank.book.back(CHARGES[api][1]) == 100
    again = gateways["sale"].refund(order("sale", 100, 1)) if api == "sale" else None
    if isinstance(again, Done) and isinstance(again.fact, Refund):
        assert again.fact.state is RefundState.SETTLED  # PayPal answers with how the refund stands now


def test_paypal_refunds_no_longer_than_180_days(paypal: PayPalGateway, clock: Clock) -> None:
    clock.advance(timedelta(days=151))
    for api in ("sale", "capture"):
        refused = paypal.refund(order(api))
        assert isinstance(refused, Refused)
        assert refused.refusal is Refusal.TOO_OLD


def test_a_credit_stands_on_the_customers_balance_once(stripe: StripeGateway, bank: Bank) -> None:
    credit = CreditOrder("cus_1", Money(700, "USD"), "remedy:stripe:ch_1:1", "remedy:stripe:ch_1")
    bank.faults.script(Fault.LOST)
    assert isinstance(stripe.credit(credit), Uncertain)
    done = stripe.credit(credit)
    assert isinstance(done, Done)
    assert isinstance(done.fact, Credit)
    found = stripe.find_credit("cus_1", "remedy:stripe:ch_1")
    assert isinstance(found, Look)
    assert [fact.ref for fact in found.facts] == [done.fact.ref]
    assert [(one.minor, one.credit) for one in bank.ledger()] == [(700, True)]


def test_agreements_are_cancelled_and_stay_so(stripe: StripeGateway, paypal: PayPalGateway, bank: Bank) -> None:
    for _ in range(2):
        assert isinstance(stripe.cancel("sub_1", "k"), Done)
        assert isinstance(paypal.cancel("I-1", "k"), Done)
        assert isinstance(paypal.cancel("I-2", "k"), Done)
    assert all(agreement.ended_at is not None for agreement in bank.book.agreements.values())


def test_faults_by_chance_are_the_same_for_a_seed(bank: Bank) -> None:
    shares = {Fault.LOST: 0.3, Fault.RATE_LIMITED: 0.3}
    bank.faults.chance(7, shares)
    first = [bank.faults.next(f"call {n % 5}") for n in range(60)]
    bank.faults._nth.clear()
    bank.faults.chance(7, shares)
    assert [bank.faults.next(f"call {n % 5}") for n in range(60)] == first
    assert {Fault.OK, Fault.LOST, Fault.RATE_LIMITED} == set(first)
    bank.faults.calm()
    assert bank.faults.next("call 1") is Fault.OK
