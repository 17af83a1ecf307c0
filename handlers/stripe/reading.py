"""Reading Stripe's objects: references that may be expanded, unix times, amounts with the currency beside them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from handlers.currencies import stripe_money
from handlers.inbox import MalformedDelivery
from handlers.strict_json import JsonObject, child, integer, needed, text
from reconcile.facts import Ref
from reconcile.money import Money

PROVIDER = "stripe"

# 2000-01-01 to 2100-01-01: a time outside is no time of a charge.
_EARLIEST, _LATEST = 946_684_800, 4_102_444_800

# Ids go into addresses of the API.
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,255}", re.ASCII)


def ref(source: JsonObject) -> Ref:
    """The object's own reference."""
    return Ref(PROVIDER, needed(_id(source, "id"), "id"))


def reference(source: JsonObject, *path: str) -> str | None:
    """The id at `path`, where Stripe writes either the id or, expanded, the object."""
    *way, last = path
    holder = child(source, *way) if way else source
    if holder is None:
        return None
    return _id(holder, last, "id") if isinstance(holder.get(last), dict) else _id(holder, last)


def _id(source: JsonObject, *path: str) -> str | None:
    value = text(source, *path)
    if value and _ID.fullmatch(value) is None:
        raise MalformedDelivery(f"{'.'.join(path)} is no id")
    return value or None


def moment(source: JsonObject, *path: str) -> datetime | None:
    """The unix time at `path`, in UTC."""
    seconds = integer(source, *path)
    if seconds is None:
        return None
    if not _EARLIEST <= seconds < _LATEST:
        raise MalformedDelivery(f"{'.'.join(path)} is out of bounds")
    return datetime.fromtimestamp(seconds, UTC)


def money(source: JsonObject, *path: str) -> Money:
    """The amount at `path`, which must be there, in the object's `currency`."""
    amount = needed(integer(source, *path), *path)
    return stripe_money(amount, needed(text(source, "currency"), "currency"))


def minor(source: JsonObject, currency: str, *path: str) -> int | None:
    """The minor units of `currency` at `path`."""
    amount = integer(source, *path)
    return None if amount is None else stripe_money(amount, currency).minor
