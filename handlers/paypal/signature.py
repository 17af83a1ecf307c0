"""The signature of a PayPal delivery, checked by ourselves (paypalrestsdk's check refuses everything).

PayPal signs `transmission id|transmission time|webhook id|CRC32 of the body`. Other bytes with the same CRC32 are
easily made, so whoever captured one delivery with its headers can sign another body: an authentic delivery is a hint
that the API must confirm before money moves on it.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from handlers.inbox import ForgedDelivery
from handlers.paypal.instants import instant

ALGORITHM = "SHA256withRSA"
SIMULATOR = "WEBHOOK_ID"  # what PayPal's simulator signs for, whatever webhook it sends to
KEY_BITS_MIN = 2048

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_HEADER_CHARACTERS_MAX = {
    "paypal-transmission-time": 40,
    "paypal-transmission-sig": 2048,
    "paypal-cert-url": 512,
    "paypal-auth-algo": 64,
    "paypal-transmission-id": 128,
}


@dataclass(frozen=True, slots=True)
class Transmission:
    """What the headers of a delivery claim. Nothing of it is proven before `check_signature`."""

    id: str
    time: str  # as it stands in the header, for so it was signed
    sent_at: datetime
    signature: bytes
    cert_url: str


def read_transmission(headers: Mapping[str, str]) -> Transmission:
    """The claim of a delivery's headers. Raises ForgedDelivery where one is missing, too long or out of form."""
    identity = _header(headers, "paypal-transmission-id")
    time = _header(headers, "paypal-transmission-time")
    sent_at = instant(time)
    if _ID.fullmatch(identity) is None or sent_at is None:
        raise ForgedDelivery("the transmission's id or time is out of form")
    if _header(headers, "paypal-auth-algo") != ALGORITHM:
        raise ForgedDelivery(f"the signature is not {ALGORITHM}")
    try:
        signature = base64.b64decode(_header(headers, "paypal-transmission-sig"), validate=True)
    except ValueError:
        raise ForgedDelivery("the signature is not base64") from None
    return Transmission(identity, time, sent_at, signature, _header(headers, "paypal-cert-url"))


def check_age(transmission: Transmission, now: datetime, age_max: timedelta, ahead_max: timedelta) -> None:
    """Raises ForgedDelivery for one that was sent too long ago, or that will be sent."""
    if not -ahead_max <= now - transmission.sent_at <= age_max:
        raise ForgedDelivery("the transmission is too old or from the future")


def check_signature(transmission: Transmission, body: bytes, webhook_ids: Iterable[str], key: RSAPublicKey) -> str:
    """The one of our webhooks for which `key` signed these very bytes. Raises ForgedDelivery where there is none."""
    if key.key_size < KEY_BITS_MIN:
        raise ForgedDelivery("the signing key is too short")
    for webhook_id in webhook_ids:
        signed = f"{transmission.id}|{transmission.time}|{webhook_id}|{zlib.crc32(body)}"
        try:
            key.verify(transmission.signature, signed.encode(), PKCS1v15(), SHA256())
        except InvalidSignature:
            continue
        return webhook_id
    raise ForgedDelivery("the signature does not hold")


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "")
    if not value or len(value) > _HEADER_CHARACTERS_MAX[name] or not value.isascii():
        raise ForgedDelivery(f"the header {name} is missing or out of bounds")
    return value
