"""What an answer of PayPal's means for money: each row of the table, over real HTTP."""

from __future__ import annotations

import pytest

from handlers.gateway import (
    NoCredential,
    NotExecuted,
    RefundOrder,
    Refusal,
    Refused,
    Uncertain,
)
from tests.answering import Answered
from tests.handlers.paypal.fake import answer, paypal, refused, world
from tests.handlers.paypal.orders import CAPTURE, ORDERS, SALE, refund


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
