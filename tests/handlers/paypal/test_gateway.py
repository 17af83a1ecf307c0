"""Money out: one order is one request, and every answer has one meaning."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from openapi_schema_validator import OAS30Validator

from handlers.gateway import (
    CreditOrder,
    Done,
    Gateway,
    Mismatch,
    RefundOrder,
    Refusal,
    Refused,
    Uncertain,
)
from handlers.paypal.gateway import PayPalGateway, request_id
from reconcile.facts import Refund, RefundState
from reconcile.money import Money
from tests.handlers.paypal.fake import SALE_ID, answer, paypal, world
from tests.handlers.paypal.orders import CAPTURE, ORDERS, SALE, refund

SPECS = {
    "sale": ("payments_payment_v1", "refund_request"),
    "capture": ("payments_payment_v2", "refund_request"),
    "cancel": ("billing_subscriptions_v1", "subscription_cancel_request"),
}


@pytest.mark.parametrize("order", ORDERS)
def test_a_refund_is_made_as_ordered(order: RefundOrder) -> None:
    done, fake = refund(order)
    assert isinstance(done, Done)
    made = done.fact
    assert isinstance(made, Refund)
    assert (made.state, made.charge, made.amount) == (RefundState.SETTLED, order.charge, order.amount)
    assert (made.remedy, made.ref.id) == (order.remedy, "R1")
    assert made.made_at == datetime(2026, 3, 9, 10, 0, tzinfo=UTC)
    (asked,) = fake.of("POST")
    assert asked.headers["paypal-request-id"] == order.key
    assert asked.headers["prefer"] == "return=representation"


@pytest.mark.parametrize("order", ORDERS)
def test_the_identical_order_again_gives_the_first_refund(order: RefundOrder) -> None:
    fake = world()
    with paypal(fake) as gateway:
        first, second = gateway.refund(order), gateway.refund(order)
    assert first == second
    assert len(fake.refunds) == 1
    assert len({each.body for each in fake.of("POST")}) == 1


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("duplicate", [True, False])
def test_what_is_sent_is_what_paypal_describes(shared_dir: Path, order: RefundOrder, duplicate: bool) -> None:
    _, fake = refund(replace(order, duplicate=duplicate))
    (asked,) = fake.of("POST")
    body = json.loads(asked.body)
    _hold_against_description(shared_dir, order.api, body)
    amount = body["amount"]
    assert (amount.get("total") or amount["value"]) == ("99.00" if order.api == "sale" else "10.50")


@pytest.mark.parametrize("order", ORDERS)
def test_what_the_fake_answers_is_what_paypal_describes(shared_dir: Path, order: RefundOrder) -> None:
    _, fake = refund(order)
    spec, _ = SPECS[order.api]
    (made,) = fake.refunds.values()
    _validator(shared_dir, spec, "detailed_refund" if order.api == "sale" else "refund").validate(made)


def test_forints_and_yen_are_sent_without_decimals() -> None:
    for currency, minor, written in (("JPY", 500, "500"), ("HUF", 50000, "500"), ("USD", 5, "0.05")):
        _, fake = refund(replace(SALE, amount=Money(minor, currency)))
        (asked,) = fake.of("POST")
        assert json.loads(asked.body)["amount"] == {"total": written, "currency": currency}


@pytest.mark.parametrize(
    "order",
    [
        replace(SALE, amount=Money(0, "USD")),
        replace(SALE, amount=Money(-1, "USD")),
        replace(SALE, amount=Money(50, "HUF")),
        replace(SALE, amount=Money(50, "XXQ")),
        replace(SALE, api="charge"),
    ],
)
def test_what_cannot_be_ordered_is_not_sent(order: RefundOrder) -> None:
    answered, fake = refund(order)
    assert isinstance(answered, Refused)
    assert answered.refusal is Refusal.NOT_THIS_WAY
    assert fake.asked == []


def test_a_key_that_paypal_would_not_take_is_shortened_always_alike() -> None:
    assert request_id("k" * 78) == "k" * 78
    long, other = request_id("k" * 79), request_id("k" * 80)
    assert long == request_id("k" * 79) != other
    assert len(long) <= 78
    for key in ("with blank", "zwölf", "a\r\nX-Other: 1", ""):
        assert request_id(key).startswith("sha256-")


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("pending", RefundState.PENDING),
        ("completed", RefundState.SETTLED),
        ("failed", RefundState.FAILED),
        ("cancelled", RefundState.FAILED),
    ],
)
def test_a_refund_may_be_pending_or_have_failed(word: str, state: RefundState) -> None:
    v1 = {"id": "R1", "sale_id": SALE_ID, "state": word, "amount": {"total": "99.00", "currency": "USD"}}
    v2 = {"id": "R1", "status": word.upper(), "amount": {"value": "10.5", "currency_code": "USD"}}
    for order, body in ((SALE, v1), (CAPTURE, v2)):
        done, _ = refund(order, answer(201, body))
        assert isinstance(done, Done)
        assert isinstance(done.fact, Refund)
        assert (done.fact.state, done.fact.charge) == (state, order.charge)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": {"total": "9.90", "currency": "USD"}},
        {"amount": {"total": "99.00", "currency": "EUR"}},
        {"sale_id": "8XY00000000000002"},
    ],
)
def test_a_success_about_something_else_is_shouted_about(change: dict[str, object]) -> None:
    body = {"id": "R1", "sale_id": SALE_ID, "state": "completed", "amount": {"total": "99.00", "currency": "USD"}}
    answered, _ = refund(SALE, answer(201, body | change))
    assert isinstance(answered, Mismatch)
    assert answered.fact is not None
    assert answered.fact.ref.id == "R1"


def test_a_minimal_answer_is_completed_by_reading_the_refund() -> None:
    fake = world()
    fake.say("/captures", answer(201, {"id": "R7", "status": "COMPLETED"}))
    fake.objects["/v2/payments/refunds/R7"] = {
        "id": "R7",
        "status": "COMPLETED",
        "amount": {"value": "10.50", "currency_code": "USD"},
    }
    with paypal(fake) as gateway:
        done = gateway.refund(CAPTURE)
    assert isinstance(done, Done)
    assert len(fake.of("POST")) == 1
    unread, _ = refund(CAPTURE, answer(201, {"id": "R8", "status": "COMPLETED"}))
    assert isinstance(unread, Uncertain)


def test_there_is_no_customer_balance() -> None:
    gateway: Gateway = PayPalGateway("id", "secret", "https://api-m.paypal.com", 5.0)
    assert gateway.repeats_are_lookups
    assert gateway.key_lifetime_s == {"sale": 2_592_000, "capture": 3_888_000}
    answered = gateway.credit(CreditOrder("PAYER1", Money(100, "USD"), "key", "remedy"))
    assert isinstance(answered, Refused)
    assert (answered.refusal, answered.code) == (Refusal.NOT_THIS_WAY, "no_customer_balance")


def _hold_against_description(shared_dir: Path, what: str, body: dict[str, object]) -> None:
    spec, name = SPECS[what]
    validator = _validator(shared_dir, spec, name)
    validator.validate(body)
    # PayPal's descriptions leave other fields open; we send none that they do not name.
    assert set(body) <= set(validator.schema["components"]["schemas"][name]["properties"])


def _validator(shared_dir: Path, spec: str, name: str) -> OAS30Validator:
    described = json.loads((shared_dir / "specs" / "paypal" / f"{spec}.json").read_text())
    return OAS30Validator({"$ref": f"#/components/schemas/{name}", "components": described["components"]})
