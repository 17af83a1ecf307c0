"""What the bank does with a repeated request: each provider's own law."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.gateway import Done, Refusal, Refused, Uncertain
from handlers.paypal.gateway import PayPalGateway
from handlers.stripe.gateway import StripeGateway
from reconcile.facts import Refund
from reconcile.money import Money
from tests.worker.conftest import Clock
from tests.worker.sandbox.orders import order
from worker.sandbox.bank.bank import Bank
from worker.sandbox.bank.faults import Fault

LIFETIMES = {"charge": timedelta(hours=24), "sale": timedelta(days=30), "capture": timedelta(days=45)}
Gateways = dict[str, StripeGateway | PayPalGateway]


@pytest.fixture
def gateways(stripe: StripeGateway, paypal: PayPalGateway) -> Gateways:
    return {"charge": stripe, "sale": paypal, "capture": paypal}


@pytest.mark.parametrize("api", LIFETIMES)
def test_the_same_key_gives_the_first_refund_until_it_is_forgotten(
    api: str, gateways: Gateways, bank: Bank, clock: Clock
) -> None:
    first = gateways[api].refund(order(api))
    clock.advance(LIFETIMES[api] - timedelta(seconds=1))
    again = gateways[api].refund(order(api))
    assert isinstance(first, Done)
    assert isinstance(again, Done)
    assert isinstance(first.fact, Refund)
    assert isinstance(again.fact, Refund)
    assert first.fact.ref == again.fact.ref
    assert len(bank.ledger()) == 1
    # The danger that the money protocol is built around: a forgotten key pays a second time.
    clock.advance(timedelta(seconds=2))
    gateways[api].refund(order(api))
    assert len(bank.ledger()) == 2
    assert list(bank.doubled()) == [bank.ledger()[0].mark]


@pytest.mark.parametrize("api", LIFETIMES)
def test_other_parameters_under_a_used_key_are_refused(api: str, gateways: Gateways, bank: Bank) -> None:
    gateways[api].refund(order(api))
    other = replace(order(api), amount=Money(501, order(api).amount.currency))
    refused = gateways[api].refund(other)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.KEY_REUSED
    assert len(bank.ledger()) == 1


@pytest.mark.parametrize("fault", [Fault.BROKEN_BEFORE, Fault.BROKEN_AFTER])
def test_stripe_keeps_its_own_failures_and_paypal_does_not(fault: Fault, gateways: Gateways, bank: Bank) -> None:
    for api in ("charge", "sale"):
        bank.faults.script(fault)
        assert isinstance(gateways[api].refund(order(api)), Uncertain)
    assert isinstance(gateways["charge"].refund(order("charge")), Uncertain)
    assert isinstance(gateways["sale"].refund(order("sale")), Done)
    executed = fault is Fault.BROKEN_AFTER
    assert len(bank.book.of("ch_1")) == executed
    assert len(bank.book.of("8XY1")) == 1


@pytest.mark.parametrize("api", LIFETIMES)
def test_a_late_call_holds_its_key_until_it_is_executed(api: str, gateways: Gateways, bank: Bank, clock: Clock) -> None:
    bank.faults.script(Fault.LATE)
    assert isinstance(gateways[api].refund(order(api)), Uncertain)
    busy = gateways[api].refund(order(api))
    assert isinstance(busy, Uncertain)
    assert bank.ledger() == []
    clock.advance(bank.faults.late)
    assert isinstance(gateways[api].refund(order(api)), Done)
    assert [one.key for one in bank.ledger()] == [order(api).key]


@pytest.mark.parametrize("api", LIFETIMES)
def test_a_slow_call_is_executed_once_although_its_client_went_away(api: str, gateways: Gateways, bank: Bank) -> None:
    bank.faults.slow_s = 1.3
    bank.faults.script(Fault.SLOW)
    assert isinstance(gateways[api].refund(order(api)), Uncertain)
    assert isinstance(gateways[api].refund(order(api)), Uncertain)  # it still runs
    assert len(bank.ledger()) == 1
    assert bank.book.back(order(api).charge) == 500
