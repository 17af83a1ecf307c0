"""What comes in from a provider: authentic deliveries, read as facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reconcile.facts import Fact


class MalformedDelivery(ValueError):
    """The body is no event (answered with 400). The message is fit for the sender: it repeats nothing of the body."""


class ForgedDelivery(ValueError):
    """The signature does not hold (answered with 401)."""


class CertificateUnavailable(RuntimeError):
    """The signing certificate cannot be fetched just now (answered with 503: the provider will try again)."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an event says of itself. `event_id` and `event_type` match `[A-Za-z0-9_.:-]{1,128}`."""

    event_id: str
    event_type: str
    occurred_at: datetime
    account: str = ""  # Stripe Connect account; empty for the merchant's own
    live: bool | None = None
    transmission_id: str | None = None


@dataclass(frozen=True, slots=True)
class Translation:
    """The facts of one event. No facts: `passed_over` says why in a few words."""

    facts: tuple[Fact, ...] = ()
    passed_over: str | None = None


class Inbox(Protocol):
    """One provider's incoming side."""

    name: str

    def authenticate(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Envelope:
        """Check the signature over the raw bytes, then read the envelope. `headers` has lower-case names.

        Raises ForgedDelivery, MalformedDelivery or CertificateUnavailable, and nothing else, for any bytes.
        """
        ...

    def envelope(self, body: bytes) -> Envelope:
        """Read the envelope of an event from a trusted export (no signature). Raises MalformedDelivery."""
        ...

    def translate(self, body: bytes) -> Translation:
        """The facts of one event body. Raises MalformedDelivery with the place (a field path) where the body cannot be
        understood; unknown event types are passed over, never an error."""
        ...
