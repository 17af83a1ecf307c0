"""Anniversaries and business days. Every date is counted from the anchor, never from the one before."""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, timedelta

from reconcile.membership import Every, MonthEnd

_DAYS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class Cycle:
    """The anniversaries of `anchor`, every `count` `every`. `day` is the day of the month they strive for."""

    anchor: date
    every: Every
    count: int
    month_end: MonthEnd
    day: int

    @staticmethod
    def of(anchor: date, every: Every, count: int, month_end: MonthEnd, day: int | None = None) -> Cycle:
        return Cycle(anchor, every, count, month_end, anchor.day if day is None else day)

    def dates(self) -> Iterator[date]:
        """The anchor and every anniversary after it, without end (to the calendar's)."""
        if self.every in (Every.DAY, Every.WEEK):
            return self._by_days(self.count * (7 if self.every is Every.WEEK else 1))
        return self._by_months(self.count * (12 if self.every is Every.YEAR else 1))

    def _by_days(self, step: int) -> Iterator[date]:
        n = 0
        while True:
            yield self.anchor + timedelta(days=n * step)
            n += 1

    def _by_months(self, step: int) -> Iterator[date]:
        first = self.anchor.year * 12 + self.anchor.month - 1
        walked = False
        n = 0
        while True:
            month = first + n * step
            last = _last_day(month // 12, month % 12 + 1)
            walked = walked or (self.month_end is MonthEnd.WALK and self.day > last)
            if walked:
                month += 1
                yield date(month // 12, month % 12 + 1, 1)
            else:
                yield date(month // 12, month % 12 + 1, min(self.day, last))
            n += 1


def _last_day(year: int, month: int) -> int:
    return 29 if month == 2 and isleap(year) else _DAYS[month]


def last_day_for_notice(anniversary: date, business_days: int, holidays: AbstractSet[date]) -> date:
    """The anniversary counted back `business_days` (Monday to Friday, no holiday); the day before it for none."""
    day = anniversary - timedelta(days=1)
    if business_days == 0:
        return day
    left = business_days
    while True:
        if day.weekday() < 5 and day not in holidays:
            left -= 1
            if left == 0:
                return day
        day -= timedelta(days=1)
