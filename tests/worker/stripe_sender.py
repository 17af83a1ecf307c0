"""A sender of Stripe webhooks, signed with the tests' made-up secret."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime

from tests.worker.conftest import STRIPE_SECRET


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
    stamp = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"
