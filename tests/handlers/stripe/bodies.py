"""Stripe's objects and events as the tests need them, in the shape before 2025-03-31 (`old_`) and since (`new_`)."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from handlers.inbox import Translation
from handlers.stripe import StripeInbox

Json = dict[str, Any]

SECRET = "whsec_tests"
CREATED = 1_717_200_000  # 2024-06-01
PERIOD_START, PERIOD_END = 1_717_200_000, 1_719_792_000
NOW = datetime.fromtimestamp(CREATED + 60, UTC)


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def event(event_type: str, told: Json, **said: object) -> Json:
    return {
        "id": "evt_1",
        "object": "event",
        "type": event_type,
        "created": CREATED,
        "livemode": False,
        "data": {"object": told},
    } | said


def body(event_type: str, told: Json, **said: object) -> bytes:
    return json.dumps(event(event_type, told, **said)).encode()


def translated(event_type: str, told: Json, **said: object) -> Translation:
    return StripeInbox([SECRET]).translate(body(event_type, told, **said))


def signed(delivery: bytes, timestamp: int, *secrets: str) -> str:
    signatures = [
        hmac.new(secret.encode(), f"{timestamp}.".encode() + delivery, hashlib.sha256).hexdigest()
        for secret in secrets or (SECRET,)
    ]
    return ",".join([f"t={timestamp}", *(f"v1={signature}" for signature in signatures)])


def charge(**said: object) -> Json:
    return {
        "id": "ch_1",
        "object": "charge",
        "amount": 9900,
        "amount_captured": 9900,
        "amount_refunded": 0,
        "billing_details": {"email": "member@example.com"},
        "captured": True,
        "created": CREATED,
        "currency": "usd",
        "customer": "cus_1",
        "disputed": False,
        "livemode": True,
        "metadata": {},
        "payment_intent": "pi_1",
        "receipt_email": None,
        "status": "succeeded",
    } | said


def refund(**said: object) -> Json:
    return {
        "id": "re_1",
        "object": "refund",
        "amount": 2500,
        "charge": "ch_1",
        "created": CREATED,
        "currency": "usd",
        "metadata": {},
        "payment_intent": "pi_1",
        "status": "succeeded",
    } | said


def dispute(**said: object) -> Json:
    return {
        "id": "dp_1",
        "object": "dispute",
        "amount": 9900,
        "charge": "ch_1",
        "created": CREATED,
        "currency": "usd",
        "payment_intent": "pi_1",
        "status": "needs_response",
    } | said


def subscription(**said: object) -> Json:
    return {
        "id": "sub_1",
        "object": "subscription",
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"reason": None},
        "created": CREATED,
        "customer": "cus_1",
        "ended_at": None,
        "items": {"object": "list", "data": [{"id": "si_1", "current_period_end": PERIOD_END}]},
        "livemode": True,
        "metadata": {"membership": "M-1"},
        "pause_collection": None,
        "start_date": CREATED,
        "status": "active",
    } | said


def _invoice(**said: object) -> Json:
    return {
        "id": "in_1",
        "object": "invoice",
        "amount_due": 9900,
        "amount_paid": 9900,
        "amount_remaining": 0,
        "attempt_count": 1,
        "billing_reason": "subscription_cycle",
        "currency": "usd",
        "customer": "cus_1",
        "customer_email": "member@example.com",
        "livemode": True,
        "metadata": {},
        "period_start": 1_714_521_600,
        "period_end": PERIOD_START,
        "status": "paid",
        "status_transitions": {"paid_at": CREATED},
        "total": 9900,
    } | said


def _line(**said: object) -> Json:
    return {
        "id": "il_1",
        "object": "line_item",
        "amount": 9000,
        "currency": "usd",
        "discount_amounts": [],
        "period": {"start": PERIOD_START, "end": PERIOD_END},
    } | said


def old_line(**said: object) -> Json:
    return _line(subscription="sub_1", proration=False, type="subscription") | said


def new_line(*, proration: bool = False, **said: object) -> Json:
    details = {"subscription": "sub_1", "subscription_item": "si_1", "proration": proration}
    return _line(parent={"type": "subscription_item_details", "subscription_item_details": details}) | said


def old_invoice(**said: object) -> Json:
    return (
        _invoice(
            charge="ch_1",
            payment_intent="pi_1",
            subscription="sub_1",
            subscription_details={"metadata": {"membership": "M-1"}},
            paid=True,
            paid_out_of_band=False,
            tax=900,
            total_tax_amounts=[{"amount": 900, "inclusive": False, "tax_rate": "txr_1"}],
            lines={"object": "list", "data": [old_line()]},
        )
        | said
    )


def new_invoice(**said: object) -> Json:
    return (
        _invoice(
            parent={
                "type": "subscription_details",
                "subscription_details": {"subscription": "sub_1", "metadata": {"membership": "M-1"}},
            },
            total_taxes=[{"amount": 900, "tax_behavior": "exclusive", "type": "tax_rate_details"}],
            lines={"object": "list", "data": [new_line()]},
        )
        | said
    )


def invoice_payment(**said: object) -> Json:
    return {
        "id": "inpay_1",
        "object": "invoice_payment",
        "amount_paid": 9900,
        "currency": "usd",
        "invoice": "in_1",
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
        "status": "paid",
    } | said
