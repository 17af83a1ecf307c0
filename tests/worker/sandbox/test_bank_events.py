"""What the bank tells by webhook and what its API answers are the same facts."""

from __future__ import annotations

import pytest

from handlers.gateway import Done, Look
from handlers.inbox import Inbox
from handlers.paypal.gateway import PayPalGateway
from handlers.paypal.inbox import PayPalInbox
from handlers.stripe.gateway import StripeGateway
from handlers.stripe.inbox import StripeInbox
from reconcile.facts import Dispute, DisputeState, Fact, Refund, RefundState, Subscription, SubscriptionState
from tests.worker.sandbox.orders import CHARGES, order
from worker.sandbox.bank.bank import Bank
from worker.sandbox.bank.faults import Fault

INBOXES: dict[str, Inbox] = {"stripe": StripeInbox(["whsec_unused"]), "paypal": PayPalInbox(["unused"])}


def told(bank: Bank) -> list[Fact]:
    return [fact for one in bank.told() for fact in INBOXES[one.provider].translate(one.body).facts]


@pytest.mark.parametrize("api", CHARGES)
def test_a_refund_is_told_from_its_making_to_its_end(
    api: str, stripe: StripeGateway, paypal: PayPalGateway, bank: Bank
) -> None:
    gateway = stripe if api == "charge" else paypal
    bank.faults.script(Fault.PENDING)
    done = gateway.refund(order(api))
    assert isinstance(done, Done)
    made = [fact for fact in told(bank) if isinstance(fact, Refund)]
    assert [(fact.ref, fact.remedy) for fact in made] == [(getattr(done.fact, "ref", None), order(api).remedy)]
    (refund,) = made
    bank.book.settle(refund.ref.id)
    bank.book.fail(refund.ref.id, "declined")
    states = [fact.state for fact in (refund, *told(bank)) if isinstance(fact, Refund)]
    assert states == [RefundState.PENDING, RefundState.SETTLED, RefundState.FAILED]
    assert told(bank) == []


@pytest.mark.parametrize("api", CHARGES)
def test_a_dispute_is_told_as_the_api_shows_it(
    api: str, stripe: StripeGateway, paypal: PayPalGateway, bank: Bank
) -> None:
    provider, charge, _ = CHARGES[api]
    case = bank.book.open_case(charge)
    bank.book.close_case(case.id, won=False)
    states = [fact.state for fact in told(bank) if isinstance(fact, Dispute) and fact.charge == charge]
    assert states == [DisputeState.OPEN, DisputeState.LOST]
    looked = (stripe if provider == "stripe" else paypal).look(charge, api)
    assert isinstance(looked, Look)
    assert [fact.state for fact in looked.facts if isinstance(fact, Dispute)] == [DisputeState.LOST]


def test_the_end_of_an_agreement_is_told(stripe: StripeGateway, paypal: PayPalGateway, bank: Bank) -> None:
    stripe.cancel("sub_1", "k")
    paypal.cancel("I-1", "k")
    paypal.cancel("I-2", "k")
    ended = [(fact.ref.id, fact.state) for fact in told(bank) if isinstance(fact, Subscription)]
    assert ended == [(name, SubscriptionState.ENDED) for name in ("sub_1", "I-1", "I-2")]
