"""Is this delivery from Stripe? The check is our own: the SDK's accepts any time in the future, and fails with three
kinds of exception."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from datetime import datetime

from handlers.inbox import ForgedDelivery

HEADER_CHARACTERS_MAX = 4096
SIGNATURES_MAX = 8
TOLERANCE_S = 300

_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


def check(header: str | None, body: bytes, secrets: Sequence[str], now: datetime) -> None:
    """Returns where some `v1` signature of `header` was made over `body` with one of `secrets` within five minutes of
    `now`, before or after. Raises ForgedDelivery otherwise, and nothing else."""
    timestamp, signatures = _parts(header)
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE_S:
        raise ForgedDelivery("the signature is not of this time")
    signed = timestamp.encode() + b"." + body
    expected = [hmac.digest(secret.encode(), signed, "sha256").hex().encode() for secret in secrets]
    # Every pair is compared, also after a match: how long it takes tells nothing of which secret is in use.
    matches = [hmac.compare_digest(ours, theirs) for ours in expected for theirs in signatures]
    if not any(matches):
        raise ForgedDelivery("no signature holds")


def _parts(header: str | None) -> tuple[str, list[bytes]]:
    if not header:
        raise ForgedDelivery("the signature is missing")
    if len(header) > HEADER_CHARACTERS_MAX or not header.isascii():
        raise ForgedDelivery("the signature header is too long or not ASCII")
    items = [item.strip().partition("=") for item in header.split(",")]
    timestamps = [value for name, _, value in items if name == "t"]
    # Test mode signs with v0 as well, which proves nothing.
    signatures = [value.encode() for name, _, value in items if name == "v1"]
    if len(timestamps) != 1 or _TIMESTAMP.fullmatch(timestamps[0]) is None:
        raise ForgedDelivery("the signature has no single timestamp")
    if not 1 <= len(signatures) <= SIGNATURES_MAX:
        raise ForgedDelivery(f"the signature header has not between 1 and {SIGNATURES_MAX} v1 signatures")
    return timestamps[0], signatures
