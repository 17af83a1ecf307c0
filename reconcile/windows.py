"""Renewals by date: which of them a charge of some day may pay."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date, timedelta

from reconcile.renewals import EARLY_DAYS, LATE_DAYS, Renewal, RenewalKind

_EARLY = timedelta(days=EARLY_DAYS)


class Calendar:
    """Renewals by date: which of them a charge of some day may pay. Looking one up does not go through all."""

    def __init__(self, renewals: Sequence[Renewal], failures: Sequence[date]) -> None:
        self.renewals = renewals
        failed = sorted(failures)
        self.closes = [_closes(renewal, failed) if failed else renewal.closes for renewal in renewals]
        # Of which renewals an attempt failed: a first one on the due date itself leaves the window as it is.
        self.dunned = [
            bool(failed) and _failed_within(r, c, failed) for r, c in zip(renewals, self.closes, strict=True)
        ]
        self.plain = True  # dues alone, each of some money, their periods longer than a charge may be early, and apart
        self._dues = [renewal.due for renewal in renewals]
        self._longest = self._period = 0
        self._early, over = EARLY_DAYS, date.min
        for renewal, closes in zip(renewals, self.closes, strict=True):
            due, period = renewal.due, (renewal.period_end - renewal.due).days
            self._longest = max(self._longest, (closes - due).days)
            self._period = max(self._period, period)
            self._early = max(self._early, (due - renewal.opens).days)
            if renewal.kind is not RenewalKind.DUES or renewal.amount.minor <= 0 or period <= EARLY_DAYS or due < over:
                self.plain = False
            over = renewal.period_end

    def latest(self, day: date) -> int:
        """The last renewal for which a charge of `day` does not come too early; -1 where there is none."""
        return bisect_right(self._dues, day + _EARLY) - 1

    def open_on(self, day: date) -> list[int]:
        """The renewals that a charge of `day` may pay."""
        first = bisect_left(self._dues, day - timedelta(days=self._longest))
        last = bisect_right(self._dues, day + timedelta(days=self._early))
        renewals, closes = self.renewals, self.closes
        return [i for i in range(first, last) if renewals[i].opens <= day <= closes[i]]

    def dues_near(self, day: date) -> list[int]:
        """The dues renewals due within a day or two of `day`, the nearest first."""
        first = bisect_left(self._dues, day - timedelta(days=EARLY_DAYS))
        last = bisect_right(self._dues, day + timedelta(days=EARLY_DAYS))
        near = [i for i in range(first, last) if self.renewals[i].kind is RenewalKind.DUES]
        return sorted(near, key=lambda i: (abs((self._dues[i] - day).days), i))

    def dues_around(self, day: date) -> list[int]:
        """The dues renewals in whose period `day` lies, or up to two days before it."""
        first = bisect_left(self._dues, day - timedelta(days=self._period))
        last = bisect_right(self._dues, day + timedelta(days=self._early))
        near = ((i, self.renewals[i]) for i in range(first, last))
        return [i for i, r in near if r.kind is RenewalKind.DUES and r.opens <= day < r.period_end]

    def due_with(self, i: int) -> list[int]:
        """The renewals due on the same day as renewal `i`, itself included."""
        due = self._dues[i]
        return list(range(bisect_left(self._dues, due), bisect_right(self._dues, due)))


def _failed_within(renewal: Renewal, closes: date, failures: Sequence[date]) -> bool:
    first = bisect_left(failures, renewal.opens)
    return first < len(failures) and failures[first] <= closes


def _closes(renewal: Renewal, failures: Sequence[date]) -> date:
    """The last day on which a renewal may be paid: each failed attempt within the window opens it anew."""
    closes = renewal.closes
    for day in failures[bisect_left(failures, renewal.opens) :]:
        if day > closes:
            break
        closes = max(closes, day + timedelta(days=LATE_DAYS))
    return closes
