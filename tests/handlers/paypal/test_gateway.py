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
    NoCredential,
    NotExecuted,
    RefundOrder,
    Refusal,
    Refused,
    Uncertain,
)
from handlers.paypal.gateway import PayPalGateway, request_id
from reconcile.facts import Refund, RefundState
from reconcile.money import Money
from tests.handlers.paypal.fake import CAPTURE_ID, SALE_ID, FakePayPal, answer, paypal, refused, world
from tests.handlers.paypal.serving import Answered

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
SPECS = {
    "sale": ("payments_payment_v1", "refund_request"),
    "capture": ("payments_payment_v2", "refund_request"),
    "cancel": ("billing_subscriptions_v1", "subscription_cancel_request"),
}


def refund(order: RefundOrder, *answers: Answered) -> tuple[object, FakePayPal]:
    """What the gateway says of `order`, if PayPal answers so."""
    fake = world()
    fake.say("/refund", *answers)
    # Short only for the one that never comes: a busy machine is no time-out.
    with paypal(fake, timeout_s=1.0 if any(each.wait_s for each in answers) else 20.0) as gateway:
        return gateway.refund(order), fake


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


def test_no_connection_is_known_not_to_have_been_executed() -> None:
    with paypal(world()) as gateway:
        gone = gateway
    assert isinstance(gone.refund(SALE), NotExecuted)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(Answered(201, b"{}", wait_s=60), id="time-out"),
        pytest.param(Answered(hang_up=True), id="reset"),
        pytest.param(Answered(201, b"<html>"), id="unreadable"),
        pytest.param(answer(201, {}), id="empty object"),
        pytest.param(answer(204), id="no content"),
        pytest.param(answer(201, {"id": "R1", "amount": {"total": 1}}), id="another shape"),
        pytest.param(answer(201, {"id": "../R1"}), id="no id"),
        pytest.param(answer(302, {}, Location="https://elsewhere.example"), id="redirect"),
        pytest.param(answer(308, {}), id="redirect 308"),
        pytest.param(refused(500, "INTERNAL_SERVER_ERROR"), id="500"),
        pytest.param(Answered(502, b"<html>"), id="502"),
        pytest.param(refused(503, "SERVICE_UNAVAILABLE"), id="503"),
        pytest.param(refused(409, "RESOURCE_CONFLICT", "PREVIOUS_REQUEST_IN_PROGRESS"), id="409"),
        pytest.param(refused(422, "UNPROCESSABLE_ENTITY", "PREVIOUS_REQUEST_IN_PROGRESS"), id="in progress"),
        pytest.param(refused(400, "INTERNAL_SERVICE_ERROR"), id="broken, called 400"),
        pytest.param(Answered(408), id="408"),
        pytest.param(Answered(409), id="409 without a word"),
    ],
)
def test_whatever_may_have_been_executed_is_uncertain(order: RefundOrder, broken: Answered) -> None:
    answered, fake = refund(order, broken)
    assert isinstance(answered, Uncertain)
    assert len(fake.of("POST")) == 1


def test_too_many_requests_are_repeated_later() -> None:
    answered, _ = refund(SALE, refused(429, "RATE_LIMIT_REACHED", **{"Retry-After": "30"}))
    assert answered == NotExecuted("RATE_LIMIT_REACHED", 30.0)


def test_a_capture_that_is_still_under_way_is_refunded_later() -> None:
    answered, _ = refund(CAPTURE, refused(422, "UNPROCESSABLE_ENTITY", "PENDING_CAPTURE"))
    assert isinstance(answered, NotExecuted)
    assert answered.retry_after_s


@pytest.mark.parametrize(
    ("status", "issue", "expected"),
    [
        (422, "CAPTURE_FULLY_REFUNDED", Refusal.ALREADY_REFUNDED),
        (422, "DUPLICATE_INVOICE_ID", Refusal.ALREADY_REFUNDED),
        (422, "REFUND_AMOUNT_EXCEEDED", Refusal.EXCEEDS_CHARGE),
        (422, "TRANSACTION_DISPUTED", Refusal.DISPUTED),
        (422, "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK", Refusal.DISPUTED),
        (422, "REFUND_TIME_LIMIT_EXCEEDED", Refusal.TOO_OLD),
        (422, "REFUND_FAILED_INSUFFICIENT_FUNDS", Refusal.NO_FUNDS),
        (422, "MAX_NUMBER_OF_REFUNDS_EXCEEDED", Refusal.NOT_THIS_WAY),
        (422, "PARTIAL_REFUND_NOT_ALLOWED", Refusal.NOT_THIS_WAY),
        (422, "REFUND_NOT_ALLOWED", Refusal.NOT_THIS_WAY),
        (422, "REFUND_IS_RESTRICTED", Refusal.NOT_THIS_WAY),
        (422, "PAYEE_ACCOUNT_LOCKED_OR_CLOSED", Refusal.NOT_THIS_WAY),
        (422, "PAYER_ACCOUNT_LOCKED_OR_CLOSED", Refusal.NOT_THIS_WAY),
        (422, "PAYEE_ACCOUNT_RESTRICTED", Refusal.NOT_THIS_WAY),
        (422, "REFUND_CAPTURE_CURRENCY_MISMATCH", Refusal.NOT_THIS_WAY),
        (422, "REFUND_AMOUNT_TOO_LOW", Refusal.NOT_THIS_WAY),
        (403, "REFUND_NOT_ALLOWED", Refusal.NOT_THIS_WAY),
        (404, "INVALID_RESOURCE_ID", Refusal.NOT_FOUND),
        (400, "PAYPAL_REQUEST_ID_PREVIOUSLY_USED", Refusal.KEY_REUSED),
        (422, "SOMETHING_NEW", Refusal.UNKNOWN),
        (400, "INVALID_PARAMETER_SYNTAX", Refusal.UNKNOWN),
    ],
)
def test_a_refusal_of_v2_is_named_by_its_issue(status: int, issue: str, expected: Refusal) -> None:
    answered, fake = refund(CAPTURE, refused(status, "UNPROCESSABLE_ENTITY", issue))
    assert answered == Refused(expected, issue, "No.")
    assert len(fake.of("POST")) == 1


@pytest.mark.parametrize(
    ("status", "name", "message", "expected"),
    [
        (400, "TRANSACTION_ALREADY_REFUNDED", "", Refusal.ALREADY_REFUNDED),
        (400, "DUPLICATE_TRANSACTION", "Duplicate invoice Id detected.", Refusal.ALREADY_REFUNDED),
        (400, "REFUND_EXCEEDED_TRANSACTION_AMOUNT", "", Refusal.EXCEEDS_CHARGE),
        (400, "FULL_REFUND_NOT_ALLOWED_AFTER_PARTIAL_REFUND", "", Refusal.EXCEEDS_CHARGE),
        (400, "REFUND_TIME_LIMIT_EXCEEDED", "", Refusal.TOO_OLD),
        (400, "REFUND_FAILED_INSUFFICIENT_FUNDS", "", Refusal.NO_FUNDS),
        (400, "INSUFFICIENT_FUNDS", "", Refusal.NO_FUNDS),
        (400, "DUPLICATE_REQUEST_ID", "", Refusal.KEY_REUSED),
        (404, "INVALID_RESOURCE_ID", "", Refusal.NOT_FOUND),
        (404, "", "", Refusal.NOT_FOUND),
        (400, "TRANSACTION_REFUSED", "Because a complaint case exists on this transaction.", Refusal.DISPUTED),
        (400, "TRANSACTION_REFUSED", "You are over the time limit to complete a refund.", Refusal.TOO_OLD),
        (400, "TRANSACTION_REFUSED", "Transaction was fully refunded.", Refusal.ALREADY_REFUNDED),
        (400, "TRANSACTION_REFUSED", "It must be less than or equal to the remaining amount.", Refusal.EXCEEDS_CHARGE),
        (400, "TRANSACTION_REFUSED", "The merchant account has limitations.", Refusal.NOT_THIS_WAY),
        (400, "VALIDATION_ERROR", "Invalid request - see details", Refusal.UNKNOWN),
    ],
)
def test_a_refusal_of_v1_is_named_by_its_name(status: int, name: str, message: str, expected: Refusal) -> None:
    answered, fake = refund(SALE, refused(status, name, message=message))
    assert answered == Refused(expected, name or "http_404", message)
    assert len(fake.of("POST")) == 1


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "denied",
    [
        refused(401, "AUTHENTICATION_FAILURE"),
        refused(403, "NOT_AUTHORIZED", "PERMISSION_DENIED"),
        refused(400, "REQUIRED_SCOPE_MISSING"),
        Answered(403, b"<html>"),
    ],
)
def test_a_missing_right_stops_the_money(order: RefundOrder, denied: Answered) -> None:
    answered, fake = refund(order, *[denied] * 9)
    assert isinstance(answered, NoCredential)
    assert len(fake.of("POST")) == (2 if denied.status == 401 else 1)


def test_a_wrong_secret_stops_the_money() -> None:
    fake = world()
    fake.say("oauth2", answer(401, {"error": "invalid_client"}))
    with paypal(fake) as gateway:
        assert isinstance(gateway.refund(SALE), NoCredential)
    assert fake.of("POST") == []


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
