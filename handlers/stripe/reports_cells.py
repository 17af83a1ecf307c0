"""Cells of Stripe's reports: amounts in major units, times in UTC, ids."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from handlers.reports import Row, shown
from reconcile.money import Money

_ID = re.compile(r"[A-Za-z0-9_]{3,255}", re.ASCII)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?( ?(UTC|Z|\+00:00))?")
_GROUPED = re.compile(r"-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")


def money(row: Row, amount: str, currency: str) -> Money:
    """The amount, in whole minor units; its sign is the report's."""
    value = row.needed(amount, "an amount such as 99.00")
    bare = value.replace(",", "") if _GROUPED.fullmatch(value) else value
    return row.money(amount, currency, bare, " such as 99.00")


def moment(row: Row, name: str) -> datetime:
    """The time in UTC, to the minute or better."""
    value = row.needed(name, "a time in UTC such as 2024-03-08 18:00:00")
    try:
        if _TIME.fullmatch(value):
            return datetime.fromisoformat(re.sub(r" ?(UTC|Z|\+00:00)$", "", value)).replace(tzinfo=UTC)
    except ValueError:
        pass
    raise row.bad(name, f"a time in UTC such as 2024-03-08 18:00:00 is expected, not {shown(value)}")


def maybe_id(row: Row, name: str) -> str | None:
    """The id of an object at Stripe, or None for an empty cell."""
    value = row.maybe(name)
    if value is not None and _ID.fullmatch(value) is None:
        raise row.bad(name, f"an id such as ch_1 is expected, not {shown(value)}")
    return value


def flagged(row: Row, name: str) -> bool | None:
    """true or false; None for an empty cell or another word."""
    return {"true": True, "false": False}.get(row.text(name).lower())
