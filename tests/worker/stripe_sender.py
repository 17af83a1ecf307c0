"""A sender of Stripe webhooks, signed with the tests' made-up secret."""

from __future__ import annotations

import json
from datetime import datetime

from tests.worker.conftest import STRIPE_SECRET
from worker.sandbox.signing import stripe_headers


def event(n: int, kind: str = "charge.succeeded") -> bytes:
    """A small event with an id of its own."""
    return json.dumps(
        {
            "id": f"evt_{n:06}",
            "object": "event",
            "type": kind,
            "created": 1793620000,
            "livemode": False,
            "data": {"object": {"id": f"ch_{n:06}", "object": "charge", "note": "ünï" + "x" * 1500}},
        }
    ).encode()


def signature(body: bytes, at: datetime, secret: str = STRIPE_SECRET) -> str:
    """The Stripe-Signature header of a body."""
    return stripe_headers(body, secret, at)["Stripe-Signature"]
