"""What is passed over, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from handlers.inbox import MalformedDelivery
from reconcile.facts import Charge
from tests.handlers.paypal.shapes import (
    DISPUTE,
    EVENT_TIME,
    SALE,
    SUBSCRIPTION,
    only,
    translated,
)


def test_an_event_type_that_tells_nothing_of_money_is_passed_over() -> None:
    for event_type in ("CHECKOUT.ORDER.APPROVED", "CATALOG.PRODUCT.CREATED", "PAYMENT.SALE.INVENTED", "X"):
        translation = translated(event_type, None)
        assert translation.facts == ()
        assert translation.passed_over


def test_the_simulators_month_19_gives_way_to_the_resources_own_time() -> None:
    told = only(Charge, "PAYMENT.SALE.COMPLETED", SALE, create_time="2018-19-12T22:20:32.000Z")
    assert told.told_at == datetime(2026, 3, 8, 10, 0, 5, tzinfo=UTC)
    broken = SALE | {"create_time": "2018-19-12T22:20:32.000Z", "update_time": "1970-01-01T00:00:00Z"}
    assert only(Charge, "PAYMENT.SALE.COMPLETED", broken).taken_at == EVENT_TIME


@pytest.mark.parametrize(
    ("event_type", "resource", "place"),
    [
        ("PAYMENT.SALE.COMPLETED", None, "resource"),
        ("PAYMENT.SALE.COMPLETED", [], "resource"),
        ("PAYMENT.SALE.COMPLETED", SALE | {"id": None}, "resource: id"),
        ("PAYMENT.SALE.COMPLETED", SALE | {"id": "../../x"}, "resource: id"),
        ("PAYMENT.SALE.COMPLETED", SALE | {"amount": None}, "resource: amount"),
        ("PAYMENT.SALE.COMPLETED", SALE | {"amount": {"total": "1,00", "currency": "USD"}}, "resource: amount"),
        ("PAYMENT.SALE.COMPLETED", SALE | {"amount": {"total": "1.001", "currency": "USD"}}, "resource: amount"),
        ("PAYMENT.SALE.COMPLETED", SALE | {"amount": {"total": "1.00", "currency": "XXQ"}}, "resource: amount"),
        ("PAYMENT.SALE.COMPLETED", SALE | {"amount": {"total": 1, "currency": "USD"}}, "total"),
        ("PAYMENT.SALE.COMPLETED", SALE | {"state": "levitating"}, "state of a payment"),
        ("PAYMENT.SALE.COMPLETED", SALE | {"links": {"rel": "self"}}, "links"),
        ("PAYMENT.SALE.REFUNDED", SALE | {"state": "levitating"}, "state of a refund"),
        ("CUSTOMER.DISPUTE.CREATED", DISPUTE | {"dispute_id": ""}, "dispute_id"),
        ("CUSTOMER.DISPUTE.CREATED", DISPUTE | {"disputed_transactions": ["x"]}, "disputed_transactions"),
        ("BILLING.SUBSCRIPTION.CREATED", SUBSCRIPTION | {"subscriber": "x"}, "subscriber"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_its_place(event_type: str, resource: object, place: str) -> None:
    with pytest.raises(MalformedDelivery, match=place):
        translated(event_type, resource)


@pytest.mark.parametrize(("written", "minor"), [("10", 1000), ("10.0", 1000), ("10.00", 1000), ("0.0", 0)])
def test_money_is_read_in_any_precision(written: str, minor: int) -> None:
    assert (
        only(Charge, "PAYMENT.SALE.COMPLETED", SALE | {"amount": {"total": written, "currency": "USD"}}).amount.minor
        == minor
    )
