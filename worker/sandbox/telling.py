"""What both providers' tellers share: one event as it will be sent, and amounts as providers write them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# Of the currencies that the world uses, the ones that neither provider divides.
_WHOLE = frozenset({"JPY"})


@dataclass(frozen=True)
class Told:
    """One event: `at` is when it happened, `body` the bytes that will be sent."""

    provider: str
    at: datetime
    body: bytes


def unix(at: datetime) -> int:
    return int(at.timestamp())


def zulu(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def decimal_text(minor: int, currency: str) -> str:
    """PayPal's strings: 99.00, but 1500 for yen."""
    if currency in _WHOLE:
        return str(minor)
    sign, digits = ("-" if minor < 0 else ""), abs(minor)
    return f"{sign}{digits // 100}.{digits % 100:02d}"


def stripe_bytes(event: dict[str, Any]) -> bytes:
    """Stripe writes its bodies with two spaces of indentation."""
    return json.dumps(event, indent=2).encode()


def paypal_bytes(event: dict[str, Any]) -> bytes:
    """PayPal writes its bodies without any space, and characters as they are."""
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
