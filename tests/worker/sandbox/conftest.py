"""A bank with one charge of each kind, and both gateways on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from handlers.paypal.gateway import PayPalGateway
from handlers.stripe.gateway import StripeGateway
from tests.worker.conftest import Clock
from worker.sandbox.bank.bank import PAYPAL_CLIENT, PAYPAL_SECRET, STRIPE_KEY, Bank, open_bank
from worker.sandbox.bank.book import Agreement, Taken


@pytest.fixture
def bank(clock: Clock) -> Iterator[Bank]:
    with open_bank(clock, seed=1) as opened:
        at = clock() - timedelta(days=30)
        opened.book.take(Taken("ch_1", "stripe", "charge", 12400, "USD", at, customer="cus_1", intent="pi_1"))
        opened.book.take(Taken("8XY1", "paypal", "sale", 12400, "USD", at, customer="PAYER1", agreement="I-1"))
        opened.book.take(Taken("3CF1", "paypal", "capture", 1500, "JPY", at, order="5OR1", named="M-1"))
        subscription = {
            "id": "sub_1", "object": "subscription", "billing_cycle_anchor": 1780000000, "cancel_at_period_end": False,
            "created": 1780000000, "currency": "usd", "customer": "cus_1", "livemode": False, "metadata": {},
            "items": {"object": "list", "data": [], "has_more": False, "url": "/v1/subscription_items"},
            "start_date": 1780000000, "status": "active",
        }  # fmt: skip
        opened.book.agreements["sub_1"] = Agreement("sub_1", "stripe", at, subscription)
        opened.book.agreements["I-1"] = Agreement("I-1", "paypal", at, {"id": "I-1", "status": "ACTIVE"})
        opened.book.agreements["I-2"] = Agreement("I-2", "paypal", at, {"id": "I-2", "state": "Active"}, "v1")
        yield opened


@pytest.fixture
def stripe(bank: Bank) -> Iterator[StripeGateway]:
    gateway = StripeGateway(STRIPE_KEY, bank.stripe_url, timeout_s=1.0)
    yield gateway
    gateway.close()


@pytest.fixture
def paypal(bank: Bank) -> Iterator[PayPalGateway]:
    gateway = PayPalGateway(PAYPAL_CLIENT, PAYPAL_SECRET, bank.paypal_url, timeout_s=1.0)
    yield gateway
    gateway.close()
