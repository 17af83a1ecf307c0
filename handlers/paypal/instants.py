"""PayPal's times: RFC 3339 in UTC or with an offset, sometimes without any, sometimes nonsense."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_FORM = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):?(\d\d))?", re.ASCII
)

# PayPal was founded in 1998; earlier years are its placeholders for "never" (1970-01-01, 1971-07-30).
_FIRST_YEAR, _LAST_YEAR = 1998, 2199


def instant(text: str | None) -> datetime | None:
    """The moment that `text` names, in UTC. None where it names none: PayPal's simulator writes of a month 19."""
    found = _FORM.fullmatch(text) if text else None
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(digits) for digits in found.groups()[:6])
    fraction, _, sign, hours, minutes = found.groups()[6:]
    try:
        # A time without offset is UTC, as PayPal's own description of its times has it.
        zone = timezone(_offset(sign, hours, minutes)) if sign else UTC
        there = datetime(year, month, day, hour, minute, second, _microseconds(fraction), zone)
        moment = there.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if _FIRST_YEAR <= moment.year <= _LAST_YEAR else None


def epoch_instant(milliseconds: int | None) -> datetime | None:
    """The same for the milliseconds since 1970 that PayPal's oldest events carry."""
    if milliseconds is None or not 0 <= milliseconds < 10**13:
        return None
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment if moment.year >= _FIRST_YEAR else None


def _offset(sign: str, hours: str, minutes: str) -> timedelta:
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return -offset if sign == "-" else offset


def _microseconds(fraction: str | None) -> int:
    return int((fraction or "")[:6].ljust(6, "0"))
