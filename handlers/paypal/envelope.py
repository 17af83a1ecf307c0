"""What a PayPal event says of itself."""

from __future__ import annotations

import re
from datetime import datetime

from handlers.inbox import Envelope, MalformedDelivery
from handlers.paypal.instants import instant
from handlers.strict_json import JsonObject, child, children, needed, text

_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,128}", re.ASCII)
_PAYPAL_LINK = re.compile(r"https://api(?:-m)?\.(sandbox\.)?paypal\.com/", re.ASCII)


def read_envelope(event: JsonObject, transmission_id: str | None = None, sent_at: datetime | None = None) -> Envelope:
    """The envelope of a parsed event. Raises MalformedDelivery.

    A time of creation that names no moment (the simulator's month 19) gives way to the transmission's, then to the
    resource's own.
    """
    return Envelope(
        event_id=_word(event, "id"),
        event_type=_word(event, "event_type"),
        occurred_at=occurred_at(event, sent_at),
        live=is_live(event),
        transmission_id=transmission_id,
    )


def occurred_at(event: JsonObject, sent_at: datetime | None = None) -> datetime:
    """When the event happened, as well as it says."""
    resource = child(event, "resource") or {}
    return needed(
        instant(text(event, "create_time"))
        or sent_at
        or instant(text(resource, "update_time"))
        or instant(text(resource, "create_time")),
        "create_time",
    )


def is_live(source: JsonObject) -> bool | None:
    """Live mode or sandbox, by the hosts that the links of an event or resource name; None where they name neither."""
    for link in children(source, "links"):
        found = _PAYPAL_LINK.match(text(link, "href") or "")
        if found:
            return found[1] is None
    return None


def _word(event: JsonObject, name: str) -> str:
    value = needed(text(event, name), name)
    if _WORD.fullmatch(value) is None:
        raise MalformedDelivery(f"{name} is out of form")
    return value
