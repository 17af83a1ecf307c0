"""Webhooks to measure with: a `charge.succeeded` of 3.5 kB as Stripe sends it, each with an id, a charge and a customer
of its own, signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

SECRET = "whsec_made_up_for_the_benchmarks"  # noqa: S105 - nobody's
MEMBERS = 10_000


def _card() -> dict[str, Any]:
    return {
        "amount_authorized": 9900,
        "brand": "visa",
        "checks": {"address_line1_check": "pass", "address_postal_code_check": "pass", "cvc_check": None},
        "country": "US",
        "exp_month": 9,
        "exp_year": 2029,
        "extended_authorization": {"status": "disabled"},
        "fingerprint": "QvWx0yPzT1aJ4mKc",
        "funding": "credit",
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": "4242",
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": "visa",
        "network_transaction_id": "976910110049114",
        "three_d_secure": None,
        "wallet": None,
    }


def _charge() -> dict[str, Any]:
    address = {"city": "Austin", "country": "US", "line1": "1 Main St", "line2": None, "postal_code": "73301"}
    return {
        "id": "ch_3PNNNNNNNNNNlYkQ0Wb2cDeF",
        "object": "charge",
        "amount": 9900,
        "amount_captured": 9900,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": "txn_3PNNNNNNNNNNlYkQ0aBcDeFg",
        "billing_details": {
            "address": {**address, "state": "TX"},
            "email": "member.NNNNNNNNNN@example.test",
            "name": "Ann Other",
            "phone": None,
            "tax_id": None,
        },
        "calculated_statement_descriptor": "DIALER.EXAMPLE",
        "captured": True,
        "created": 1793620000,
        "currency": "usd",
        "customer": "cus_MMMMMMMMMM",
        "description": "Subscription update",
        "destination": None,
        "dispute": None,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "invoice": "in_1PNNNNNNNNNNlYkQ2bCdEfGh",
        "livemode": False,
        "metadata": {"cart": "NNNNNNNNNN"},
        "outcome": {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "risk_score": 21,
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
        "paid": True,
        "payment_intent": "pi_3PNNNNNNNNNNlYkQ0HiJkLmN",
        "payment_method": "pm_1PNNNNNNNNNNlYkQxYzAbCdE",
        "payment_method_details": {"card": _card(), "type": "card"},
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": "https://pay.stripe.com/receipts/invoices/CAcaFwoVYWNjdF8xMDMyRDgyZVp2S1lsbzJD?s=ap",
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }


_EVENT = json.dumps(
    {
        "id": "evt_3PNNNNNNNNNNlYkQ0",
        "object": "event",
        "api_version": "2024-06-20",
        "created": 1793620000,
        "data": {"object": _charge()},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": "charge.succeeded",
    },
    indent=2,
).encode()


def event(number: int) -> bytes:
    """The event of this number, of the member of this number."""
    told = _EVENT.replace(b"NNNNNNNNNN", b"%010d" % number)
    return told.replace(b"MMMMMMMMMM", b"%010d" % (number % MEMBERS))


def signature(body: bytes) -> str:
    """The `Stripe-Signature` of a body sent now."""
    at = int(time.time())
    made = hmac.digest(SECRET.encode(), b"%d." % at + body, hashlib.sha256).hex()
    return f"t={at},v1={made}"


def requests(first: int, count: int) -> Iterator[bytes]:
    """Whole HTTP requests, all of one length."""
    for number in range(first, first + count):
        body = event(number)
        head = (
            "POST /webhooks/stripe HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json; charset=utf-8\r\n"
            "User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\nAccept: */*\r\n"
            f"Stripe-Signature: {signature(body)}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body
