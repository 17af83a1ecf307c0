"""A refund of a sale and one of a capture, and what the gateway says of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers.gateway import (
    RefundOrder,
)
from reconcile.money import Money
from tests.answering import Answered
from tests.handlers.paypal.fake import CAPTURE_ID, SALE_ID, FakePayPal, paypal, world

SALE = RefundOrder(
    charge=SALE_ID,
    api="sale",
    amount=Money(9900, "USD"),
    key=f"remedy:paypal:{SALE_ID}:1",
    remedy=f"remedy:paypal:{SALE_ID}",
    duplicate=True,
)
CAPTURE = replace(
    SALE,
    charge=CAPTURE_ID,
    api="capture",
    amount=Money(1050, "USD"),
    key=f"remedy:paypal:{CAPTURE_ID}:1",
    remedy=f"remedy:paypal:{CAPTURE_ID}",
)
ORDERS = [pytest.param(SALE, id="sale"), pytest.param(CAPTURE, id="capture")]


def refund(order: RefundOrder, *answers: Answered) -> tuple[object, FakePayPal]:
    """What the gateway says of `order`, if PayPal answers so."""
    fake = world()
    fake.say("/refund", *answers)
    # Short only for the one that never comes: a busy machine is no time-out.
    with paypal(fake, timeout_s=1.0 if any(each.wait_s for each in answers) else 20.0) as gateway:
        return gateway.refund(order), fake
