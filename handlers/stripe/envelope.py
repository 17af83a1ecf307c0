"""What a Stripe event says of itself: the v1 event, and the thin v2 event, which names an object and tells nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TypedDict

import msgspec

from handlers.inbox import Envelope, MalformedDelivery
from handlers.strict_json import JsonObject, flag, needed, text
from handlers.stripe.reading import moment

EVENT = "event"
THIN_EVENT = "v2.core.event"

_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,128}", re.ASCII)
_THIN_TIME = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z", re.ASCII)


class _Head(TypedDict, total=False):
    id: object
    object: object
    type: object
    created: object
    account: object
    livemode: object


_HEAD = msgspec.json.Decoder(_Head)


def read_head(body: bytes) -> Envelope:
    """The envelope of an event whose other parts are not looked at: what is wrong in them is found, and said, when it
    is translated. Raises MalformedDelivery."""
    try:
        return read_envelope(dict(_HEAD.decode(body.decode())))
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        raise MalformedDelivery("the body is no JSON object") from None


def read_envelope(event: JsonObject) -> Envelope:
    """The envelope of a parsed event of either kind. Raises MalformedDelivery for any other object."""
    kind = text(event, "object")
    if kind not in (EVENT, THIN_EVENT):
        raise MalformedDelivery("object is not event")
    return Envelope(
        event_id=_word(event, "id"),
        event_type=_word(event, "type"),
        occurred_at=_thin_time(event) if kind == THIN_EVENT else needed(moment(event, "created"), "created"),
        account=_word(event, "account") if text(event, "account") else "",
        live=flag(event, "livemode"),
    )


def _word(event: JsonObject, name: str) -> str:
    value = needed(text(event, name), name)
    if _WORD.fullmatch(value) is None:
        raise MalformedDelivery(f"{name} is no plain word")
    return value


def _thin_time(event: JsonObject) -> datetime:
    created = needed(text(event, "created"), "created")
    if _THIN_TIME.fullmatch(created) is None:
        raise MalformedDelivery("created is no time")
    try:
        return datetime.fromisoformat(created).astimezone(UTC)
    except ValueError:
        raise MalformedDelivery("created is no time") from None
