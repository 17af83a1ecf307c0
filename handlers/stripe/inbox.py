"""Stripe's incoming side: authentic deliveries, read as facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from handlers.inbox import Envelope, Translation
from handlers.strict_json import parse
from handlers.stripe import signature
from handlers.stripe.envelope import read_envelope, read_head
from handlers.stripe.translate import translate_event


class StripeInbox:
    """`handlers.inbox.Inbox` for Stripe. `secrets` are the endpoints' signing secrets, several while one is rotated."""

    name = "stripe"

    def __init__(self, secrets: Sequence[str]) -> None:
        if isinstance(secrets, str) or not secrets or not all(secrets):
            raise ValueError("Stripe's webhooks need at least one signing secret, and none of them empty")
        self._secrets = tuple(secrets)

    def __repr__(self) -> str:
        return f"StripeInbox({len(self._secrets)} secrets)"

    def authenticate(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Envelope:
        """The envelope, once the signature over the raw bytes holds. Raises ForgedDelivery or MalformedDelivery."""
        signature.check(headers.get("stripe-signature"), body, self._secrets, now)
        return read_head(body)

    def envelope(self, body: bytes) -> Envelope:
        """What the event says of itself; no signature is looked at. Raises MalformedDelivery."""
        return read_envelope(parse(body))

    def translate(self, body: bytes) -> Translation:
        """The facts of one event, in whichever API version it is written. Raises MalformedDelivery."""
        return translate_event(parse(body))
