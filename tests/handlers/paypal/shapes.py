"""Objects as PayPal describes them, and what is read from the events that carry them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar

from handlers.inbox import Translation
from handlers.paypal.inbox import PayPalInbox
from handlers.strict_json import JsonObject
from reconcile.facts import Charge, Dispute, Refund, Subscription

F = TypeVar("F", Charge, Refund, Subscription, Dispute)

INBOX = PayPalInbox(["unused"])
EVENT_TIME = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)
SALE: JsonObject = {
    "id": "8XY00000000000001",
    "state": "completed",
    "amount": {"total": "99.0", "currency": "USD", "details": {"subtotal": "90.00", "tax": "9.00"}},
    "billing_agreement_id": "I-AAAA",
    "custom": "M-1001",
    "payer": {"payer_info": {"payer_id": "PAYER1", "email": "member@example.com"}},
    "create_time": "2026-03-08T10:00:01Z",
    "update_time": "2026-03-08T10:00:05Z",
}
CAPTURE: JsonObject = {
    "id": "3C679366HH908993F",
    "status": "COMPLETED",
    "amount": {"value": "99.00", "currency_code": "USD"},
    "custom_id": "M-1001",
    "create_time": "2026-03-08T03:00:00-07:00",
    "update_time": "2026-03-08T03:00:00-07:00",
}
CAPTURE_REFUND: JsonObject = {
    "id": "1JU08902781691411",
    "status": "COMPLETED",
    "amount": {"value": "10.00", "currency_code": "USD"},
    "create_time": "2026-03-09T03:00:00-07:00",
    "links": [
        {"rel": "self", "href": "https://api.paypal.com/v2/payments/refunds/1JU08902781691411"},
        {"rel": "up", "href": "https://api.paypal.com/v2/payments/captures/3C679366HH908993F"},
    ],
}
SUBSCRIPTION: JsonObject = {
    "id": "I-AAAA",
    "status": "ACTIVE",
    "status_update_time": "2025-01-31T10:00:00Z",
    "custom_id": "M-1001",
    "start_time": "2025-01-31T09:00:00Z",
    "subscriber": {"payer_id": "PAYER1", "email_address": "member@example.com"},
    "billing_info": {"outstanding_balance": {"value": "0.0", "currency_code": "USD"}, "failed_payments_count": 0},
    "update_time": "2026-03-08T10:00:05Z",
}
DISPUTE: JsonObject = {
    "dispute_id": "PP-D-1",
    "status": "OPEN",
    "create_time": "2026-03-10T00:00:00.000Z",
    "update_time": "2026-03-11T00:00:00.000Z",
    "dispute_amount": {"value": "99.00", "currency_code": "USD"},
    "disputed_transactions": [{"seller_transaction_id": "8XY00000000000001", "buyer_transaction_id": "9ZZ"}],
}


def translated(event_type: str, resource: object, **event: object) -> Translation:
    envelope = {"id": "WH-1", "event_type": event_type, "create_time": "2026-03-08T12:00:00Z", "resource": resource}
    return INBOX.translate(json.dumps(envelope | event).encode())


def only(kind: type[F], event_type: str, resource: Mapping[str, object], **event: object) -> F:
    (fact,) = translated(event_type, resource, **event).facts
    assert isinstance(fact, kind)
    return fact
