"""Sales, captures and refunds, shape by shape."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from handlers.paypal.reading import mark, marked_remedy
from reconcile.facts import Charge, ChargeState, Refund, RefundState
from reconcile.money import Money
from tests.handlers.paypal.shapes import (
    CAPTURE,
    CAPTURE_REFUND,
    SALE,
    only,
)


def test_a_subscriptions_charge_arrives_as_a_sale_with_everything_that_binds_it() -> None:
    assert only(Charge, "PAYMENT.SALE.COMPLETED", SALE) == Charge(
        ref=only(Charge, "PAYMENT.SALE.COMPLETED", SALE).ref,
        told_at=datetime(2026, 3, 8, 10, 0, 5, tzinfo=UTC),
        state=ChargeState.TAKEN,
        amount=Money(9900, "USD"),
        taken_at=datetime(2026, 3, 8, 10, 0, 1, tzinfo=UTC),
        subscription="I-AAAA",
        payer="PAYER1",
        named="M-1001",
        email="member@example.com",
        tax_minor=900,
        kind="sale",
        detail=2,
    )


@pytest.mark.parametrize(
    ("state", "expected", "refunded_minor"),
    [
        ("completed", ChargeState.TAKEN, None),
        ("partially_refunded", ChargeState.TAKEN, None),
        ("refunded", ChargeState.TAKEN, 9900),
        ("reversed", ChargeState.TAKEN, 9900),
        ("pending", ChargeState.PENDING, None),
        ("denied", ChargeState.FAILED, None),
    ],
)
def test_a_sales_own_state_counts_and_not_the_events_name(
    state: str, expected: ChargeState, refunded_minor: int | None
) -> None:
    for event_type in ("PAYMENT.SALE.COMPLETED", "PAYMENT.SALE.PENDING", "PAYMENT.SALE.DENIED"):
        charge = only(Charge, event_type, SALE | {"state": state})
        assert (charge.state, charge.refunded_minor) == (expected, refunded_minor)


def test_money_that_paypal_holds_back_from_the_merchant_was_taken_from_the_member() -> None:
    held = SALE | {"payment_hold_status": "HELD", "payment_hold_reasons": [{"payment_hold_reason": "PAYMENT_HOLD"}]}
    assert only(Charge, "PAYMENT.SALE.PENDING", held).state is ChargeState.TAKEN


def test_the_fee_is_what_paypal_states_in_the_charges_currency() -> None:
    def fee(value: str, currency: str) -> int | None:
        told = SALE | {"transaction_fee": {"value": value, "currency": currency}}
        return only(Charge, "PAYMENT.SALE.COMPLETED", told).fee_minor

    assert [fee("3.17", "USD"), fee("0.00", "USD"), fee("3.17", "CAD")] == [317, 0, None]
    assert only(Charge, "PAYMENT.SALE.COMPLETED", SALE).fee_minor is None
    kept = CAPTURE | {"seller_receivable_breakdown": {"paypal_fee": {"value": "3.17", "currency_code": "USD"}}}
    assert only(Charge, "PAYMENT.CAPTURE.COMPLETED", kept).fee_minor == 317


def test_what_paypal_states_as_refunded_is_kept() -> None:
    part = SALE | {"state": "partially_refunded", "total_refunded_amount": {"value": "-10.5", "currency": "USD"}}
    assert only(Charge, "PAYMENT.SALE.COMPLETED", part).refunded_minor == 1050


@pytest.mark.parametrize(
    ("status", "expected", "refunded_minor"),
    [
        ("COMPLETED", ChargeState.TAKEN, None),
        ("PARTIALLY_REFUNDED", ChargeState.TAKEN, None),
        ("REFUNDED", ChargeState.TAKEN, 9900),
        ("PENDING", ChargeState.PENDING, None),
        ("DECLINED", ChargeState.FAILED, None),
        ("FAILED", ChargeState.FAILED, None),
    ],
)
def test_a_capture_is_a_charge(status: str, expected: ChargeState, refunded_minor: int | None) -> None:
    charge = only(Charge, "PAYMENT.CAPTURE.COMPLETED", CAPTURE | {"status": status}, resource_version="2.0")
    assert (charge.state, charge.refunded_minor) == (expected, refunded_minor)
    assert (charge.kind, charge.named, charge.amount) == ("capture", "M-1001", Money(9900, "USD"))
    assert charge.taken_at == datetime(2026, 3, 8, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("COMPLETED", RefundState.SETTLED),
        ("PENDING", RefundState.PENDING),
        ("FAILED", RefundState.FAILED),
        ("CANCELLED", RefundState.FAILED),
    ],
)
def test_a_captures_refund_names_its_capture_in_a_link_only(status: str, expected: RefundState) -> None:
    for event_type in ("PAYMENT.CAPTURE.REFUNDED", "PAYMENT.REFUND.FAILED"):
        refund = only(Refund, event_type, CAPTURE_REFUND | {"status": status})
        assert (refund.state, refund.charge, refund.amount.minor) == (expected, "3C679366HH908993F", 1000)
    assert only(Refund, "PAYMENT.CAPTURE.REVERSED", CAPTURE_REFUND).reversal is True


def test_a_refund_of_ours_is_known_by_its_mark() -> None:
    marked = mark("remedy:paypal:8XY00000000000001")
    assert marked == "makegood-remedy-paypal-8XY00000000000001"
    assert only(Refund, "PAYMENT.CAPTURE.REFUNDED", CAPTURE_REFUND | {"custom_id": marked}).remedy == (
        "remedy:paypal:8XY00000000000001"
    )
    old = {"id": "R1", "sale_id": "8XY", "state": "completed", "amount": {"total": "-1.00", "currency": "USD"}}
    assert (
        only(Refund, "PAYMENT.SALE.REFUNDED", old | {"invoice_number": marked}).remedy
        == "remedy:paypal:8XY00000000000001"
    )
    assert only(Refund, "PAYMENT.SALE.REFUNDED", old | {"invoice_number": ""}).remedy is None
    assert only(Refund, "PAYMENT.CAPTURE.REFUNDED", CAPTURE_REFUND | {"custom_id": "M-1001"}).remedy is None


@pytest.mark.parametrize("remedy", ["remedy:paypal:8XY", "claim:C-1:Z", "a b/c%d", ":::", "Z"])
def test_a_mark_can_be_read_back(remedy: str) -> None:
    marked = mark(remedy)
    assert marked is not None
    assert set(marked) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
    assert marked_remedy(marked) == remedy


def test_a_mark_that_cannot_be_written_is_left_away() -> None:
    assert mark("remedy:é") is None
    assert mark("r" * 200) is None
    assert marked_remedy("makegood-Z3a") is None  # not as we write a colon


def test_an_event_about_a_refund_that_carries_the_sale_tells_of_the_sale() -> None:
    link = {"rel": "self", "href": "https://api.paypal.com/v1/payments/sale/8XY00000000000001"}
    charge = only(Charge, "PAYMENT.SALE.REVERSED", SALE | {"state": "reversed", "links": [link]})
    assert isinstance(charge, Charge)
    assert charge.refunded_minor == 9900
    assert charge.live is True


def test_an_authorisation_moves_no_money() -> None:
    authorization = {"id": "0AW", "status": "CREATED", "amount": {"value": "1.00", "currency_code": "USD"}}
    assert only(Charge, "PAYMENT.AUTHORIZATION.CREATED", authorization).state is ChargeState.AUTHORISED
    voided = authorization | {"status": "VOIDED"}
    assert only(Charge, "PAYMENT.AUTHORIZATION.VOIDED", voided).state is ChargeState.FAILED
