"""Small readers for what PayPal writes in several ways: ids, money, times, links, our own mark."""

from __future__ import annotations

import re
from datetime import datetime

from handlers.currencies import paypal_money
from handlers.inbox import MalformedDelivery
from handlers.paypal.instants import instant
from handlers.strict_json import JsonObject, child, children, needed, text
from reconcile.money import Money

PROVIDER = "paypal"

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_MARK = "makegood-"
_MARK_CHARACTERS_MAX = 127
_ESCAPE = "Z"
_ESCAPED = re.compile(r"Z([0-9a-f]{2})|-", re.ASCII)


def identity(source: JsonObject, *path: str) -> str | None:
    """The id of an object at PayPal. It may stand in an address later, so anything but a plain word is refused."""
    value = text(source, *path)
    if value and _ID.fullmatch(value) is None:
        raise MalformedDelivery(f"{'.'.join(path)} is no id")
    return value or None


def words(source: JsonObject, *path: str) -> str | None:
    """The text at `path`; PayPal writes an empty one where there is none."""
    return text(source, *path) or None


def money(source: JsonObject, *path: str) -> Money | None:
    """The money at `path`: `{total, currency}`, `{value, currency}` or `{value, currency_code}`.

    None too where the currency is missing, as it is all over the agreements of API v1.
    """
    amount = child(source, *path)
    if amount is None:
        return None
    value = words(amount, "total") or words(amount, "value")
    currency = words(amount, "currency") or words(amount, "currency_code")
    if value is None or currency is None:
        return None
    try:
        return paypal_money(value, currency)
    except MalformedDelivery as error:
        raise MalformedDelivery(f"{'.'.join(path)}: {error}") from None


def moment(source: JsonObject, *path: str) -> datetime | None:
    """The moment at `path`; None too where what stands there names none."""
    return instant(text(source, *path))


def told(resource: JsonObject, otherwise: datetime) -> datetime:
    """When the object was as it is told here: its own word for it, which a webhook and a read have in common."""
    return moment(resource, "update_time") or otherwise


def needed_id(resource: JsonObject) -> str:
    """The object's own id."""
    return needed(identity(resource, "id"), "id")


def linked(resource: JsonObject, rel: str, folder: str) -> str | None:
    """The id that the link `rel` ends with, if it leads to that folder of the API (`sale`, `captures?`)."""
    for link in children(resource, "links"):
        if text(link, "rel") == rel:
            found = re.search(rf"/v\d/payments/{folder}/([A-Za-z0-9_-]{{1,64}})\Z", text(link, "href") or "", re.ASCII)
            if found:
                return found[1]
    return None


def mark(remedy: str) -> str | None:
    """The remedy's key as it is written on a refund, where PayPal promises letters, digits and hyphens only.

    `remedy:paypal:8XY` becomes `makegood-remedy-paypal-8XY`. None where that cannot be said, or not in so few
    characters as PayPal takes.
    """
    marked = _MARK + "".join(_escape(character) for character in remedy)
    return marked if remedy.isascii() and len(marked) <= _MARK_CHARACTERS_MAX else None


def marked_remedy(marked: str | None) -> str | None:
    """The inverse of `mark`; None for a text that is not ours."""
    if marked is None or not marked.startswith(_MARK):
        return None
    raw = _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else ":", marked.removeprefix(_MARK))
    return raw if mark(raw) == marked else None


def _escape(character: str) -> str:
    if character == ":":
        return "-"
    return character if character.isalnum() and character != _ESCAPE else f"{_ESCAPE}{ord(character):02x}"
