"""Invoices name the period a charge pays, in the shape before 2025-03-31 and since, and both tell one story."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from reconcile.facts import (
    Charge,
    ChargeState,
    FailedPayment,
    Invoice,
    InvoiceLine,
    InvoicePayment,
    InvoiceReason,
    Ref,
)
from reconcile.money import Money
from tests.handlers.stripe.bodies import (
    CREATED,
    PERIOD_END,
    PERIOD_START,
    Json,
    at,
    invoice_payment,
    new_invoice,
    new_line,
    old_invoice,
    old_line,
    translated,
)

SHAPES = pytest.mark.parametrize("shape", [old_invoice, new_invoice])


def told_invoice(told: Json, event_type: str = "invoice.updated") -> Invoice:
    fact = translated(event_type, told).facts[0]
    assert isinstance(fact, Invoice)
    return fact


def test_a_paid_renewal_is_told_in_full() -> None:
    expected = Invoice(
        ref=Ref("stripe", "in_1"),
        told_at=at(CREATED),
        status="paid",
        currency="USD",
        total_minor=9900,
        paid_minor=9900,
        tax_minor=900,
        reason=InvoiceReason.RENEWAL,
        subscription="sub_1",
        customer="cus_1",
        named="M-1",
        email="member@example.com",
        lines=(InvoiceLine(at(PERIOD_START), at(PERIOD_END), 9000, subscription="sub_1"),),
    )
    line = replace(expected.lines[0])
    assert told_invoice(new_invoice(), "invoice.paid") == expected
    assert told_invoice(old_invoice(), "invoice.paid") == replace(
        expected, charge="ch_1", intent="pi_1", out_of_band=False, lines=(line,)
    )


@pytest.mark.parametrize(
    ("billing_reason", "reason"),
    [
        ("subscription_cycle", InvoiceReason.RENEWAL),
        ("subscription_create", InvoiceReason.FIRST),
        ("subscription_update", InvoiceReason.CHANGE),
        ("manual", InvoiceReason.MANUAL),
        ("subscription_threshold", InvoiceReason.OTHER),
        ("quote_accept", InvoiceReason.OTHER),
        ("a_word_of_tomorrow", InvoiceReason.OTHER),
        (None, None),
    ],
)
def test_why_it_was_billed_is_told(billing_reason: str | None, reason: InvoiceReason | None) -> None:
    assert told_invoice(new_invoice(billing_reason=billing_reason)).reason is reason


@pytest.mark.parametrize(
    "told",
    [
        old_invoice(),
        old_invoice(subscription={"id": "sub_1"}),
        old_invoice(subscription=None),
        new_invoice(),
        new_invoice(parent={"type": "subscription_details", "subscription_details": {"subscription": {"id": "sub_1"}}}),
        new_invoice(parent=None),
        new_invoice(parent=None, lines={"data": [new_line(parent=None, subscription="sub_1")]}),
    ],
)
def test_the_subscription_is_found_by_every_path(told: Json) -> None:
    assert told_invoice(told).subscription == "sub_1"


def test_lines_of_two_subscriptions_name_none_of_them() -> None:
    lines = {"data": [old_line(), old_line(subscription="sub_2")]}
    assert told_invoice(old_invoice(subscription=None, lines=lines)).subscription is None


@pytest.mark.parametrize(
    "told",
    [
        old_invoice(),
        old_invoice(subscription_details=None, metadata={"membership": "M-1"}),
        new_invoice(),
        new_invoice(parent=None, metadata={"membership": "M-1"}),
    ],
)
def test_the_membership_that_the_merchant_put_on_it_is_told(told: Json) -> None:
    assert told_invoice(told).named == "M-1"


def test_prorations_and_several_lines_are_told_in_both_shapes() -> None:
    old = told_invoice(old_invoice(lines={"data": [old_line(), old_line(amount=-4000, proration=True)]}))
    new = told_invoice(new_invoice(lines={"data": [new_line(), new_line(amount=-4000, proration=True)]}))
    assert old.lines == new.lines
    assert [(line.amount_minor, line.proration) for line in new.lines] == [(9000, False), (-4000, True)]


def test_a_prorated_invoice_item_of_the_new_shape_is_one() -> None:
    details = {"invoice_item": "ii_1", "proration": True, "subscription": "sub_9"}
    line = new_line(parent={"type": "invoice_item_details", "invoice_item_details": details})
    (told,) = told_invoice(new_invoice(lines={"data": [line]})).lines
    assert (told.proration, told.subscription) == (True, "sub_9")


def test_a_one_off_item_bills_no_time() -> None:
    (line,) = told_invoice(old_invoice(lines={"data": [old_line(period={"start": CREATED, "end": CREATED})]})).lines
    assert (line.period_start, line.period_end) == (None, None)


def test_a_line_is_told_after_its_discount() -> None:
    (line,) = told_invoice(
        new_invoice(lines={"data": [new_line(discount_amounts=[{"amount": 1500, "discount": "di_1"}])]})
    ).lines
    assert line.amount_minor == 7500


@pytest.mark.parametrize(
    ("told", "tax_minor"),
    [
        (old_invoice(total_tax_amounts=[{"amount": 500}, {"amount": 250}]), 750),
        (old_invoice(total_tax_amounts=[{"amount": 500, "inclusive": True}]), 0),
        (new_invoice(total_taxes=[{"amount": 500}, {"amount": 9, "tax_behavior": "inclusive"}]), 500),
        (new_invoice(total_taxes=None), 0),
        (new_invoice(total_taxes=[]), 0),
    ],
)
def test_tax_on_top_of_the_price_is_summed(told: Json, tax_minor: int) -> None:
    assert told_invoice(told).tax_minor == tax_minor


def test_an_invoice_older_than_tax_lists_tells_its_one_tax() -> None:
    told = old_invoice()
    del told["total_tax_amounts"]
    assert told_invoice(told).tax_minor == 900


def test_an_older_paid_invoice_is_a_witness_of_its_charge() -> None:
    _, mention = translated("invoice.paid", old_invoice(status_transitions={"paid_at": CREATED - 5})).facts
    assert mention == Charge(
        ref=Ref("stripe", "ch_1"),
        told_at=at(CREATED),
        state=ChargeState.TAKEN,
        amount=Money(9900, "USD"),
        taken_at=at(CREATED - 5),
        subscription="sub_1",
        customer="cus_1",
        named="M-1",
        email="member@example.com",
        invoice="in_1",
        intent="pi_1",
        live=True,
        kind="charge",
        detail=1,
    )


@pytest.mark.parametrize(
    "said",
    [
        {"paid_out_of_band": True},
        {"amount_paid": 0},
        {"status": "open"},
        {"status": "void"},
        {"charge": None},
    ],
)
def test_no_charge_is_made_up_from_an_invoice_that_no_charge_paid(said: Json) -> None:
    assert not [f for f in translated("invoice.updated", old_invoice(**said)).facts if isinstance(f, Charge)]


def test_what_was_paid_out_of_band_was_paid_by_no_charge() -> None:
    old = told_invoice(old_invoice(paid_out_of_band=True))
    assert (old.out_of_band, old.paid_minor) == (True, 0)
    new = told_invoice(new_invoice(amount_paid_off_stripe=9900))
    assert (new.out_of_band, new.paid_minor) == (True, 0)
    assert told_invoice(new_invoice(amount_paid_off_stripe=0)).out_of_band is False
    assert told_invoice(new_invoice()).out_of_band is None


def test_payments_listed_inside_an_invoice_are_links_of_their_own() -> None:
    by_charge = invoice_payment(id="inpay_2", payment={"type": "charge", "charge": "ch_2"})
    told = new_invoice(payments={"object": "list", "data": [invoice_payment(), by_charge]})
    _, first, second = translated("invoice.paid", told).facts
    assert first == InvoicePayment(
        ref=Ref("stripe", "inpay_1"),
        told_at=at(CREATED),
        invoice="in_1",
        intent="pi_1",
        amount_minor=9900,
        status="paid",
    )
    assert isinstance(second, InvoicePayment)
    assert (second.charge, second.intent) == ("ch_2", None)


@SHAPES
def test_each_failed_attempt_is_one_fact(shape: Callable[..., Json]) -> None:
    told = shape(status="open", amount_paid=0, amount_remaining=9900, attempt_count=2)
    facts = translated("invoice.payment_failed", told).facts
    (failed,) = [fact for fact in facts if isinstance(fact, FailedPayment)]
    assert failed == FailedPayment(
        ref=Ref("stripe", "in_1:2"),
        told_at=at(CREATED),
        failed_at=at(CREATED),
        amount=Money(9900, "USD"),
        outstanding=Money(9900, "USD"),
        subscription="sub_1",
        customer="cus_1",
        invoice="in_1",
    )


def test_a_preview_and_a_deleted_draft_bill_nothing() -> None:
    for event_type in ("invoice.upcoming", "invoice.deleted"):
        translation = translated(event_type, new_invoice(id=None, status="deleted"))
        assert translation.facts == ()
        assert translation.passed_over
