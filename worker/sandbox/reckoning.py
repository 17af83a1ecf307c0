"""The world's own calendar and notice rule: plain, and written apart from the core, so that the demo can catch it."""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays

ZONE = ZoneInfo("America/Chicago")
BUSINESS_DAYS_OF_NOTICE = 5
DUNNING_DAYS = 21
APPROVE_ABOVE_MINOR = 20000


def at_local(day: date, hour: int, minute: int = 0) -> datetime:
    """The UTC instant at which the merchant's clock shows this."""
    return datetime.combine(day, time(hour, minute), ZONE).astimezone(UTC)


def local_date(instant: datetime) -> date:
    return instant.astimezone(ZONE).date()


def later(start: date, months: int) -> date:
    """`months` after `start`, or that month's last day where it has no such day."""
    years, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(years, month + 1, min(start.day, calendar.monthrange(years, month + 1)[1]))


def instant_later(anchor: datetime, months: int) -> datetime:
    """As a provider counts that bills by a UTC anchor: the UTC date moves by months, the UTC time stays."""
    return datetime.combine(later(anchor.date(), months), anchor.timetz())


def walked(day: date) -> date:
    """A month on; where that month has no such day, the 1st of the month after (and so on the 1st ever after)."""
    clamped = later(day, 1)
    return clamped if clamped.day == day.day else later(clamped.replace(day=1), 1)


@cache
def _free_days(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("US", years=year))


def business_days_before(day: date, count: int) -> date:
    while count:
        day -= timedelta(days=1)
        if day.weekday() < 5 and day not in _free_days(day.year):
            count -= 1
    return day


def last_day_of_notice(anniversary: date, policy: Iterable[str]) -> date:
    """Notice on this day, at any hour, still ends the membership on `anniversary`."""
    if "smartcalls" in policy:
        return business_days_before(anniversary, BUSINESS_DAYS_OF_NOTICE)
    return anniversary - timedelta(days=1)


def binds_from(notice: date, anniversaries: Iterable[date], policy: Iterable[str]) -> date:
    """The first anniversary for which the notice came in time."""
    rules = tuple(policy)
    return next(day for day in anniversaries if notice <= last_day_of_notice(day, rules))
