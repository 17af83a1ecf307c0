"""Whether all that happened is known: per provider and day, what came by webhook, by poll and by report, and what is
missing where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from reconcile.stints import day_begins, day_over, local_date
from worker.store import days as store
from worker.store.backfills import Window, windows

# How long after the hour a provider's list may still lack what happened. Transaction Search says 3 hours.
LAG = {"paypal": timedelta(hours=3)}
# What of each provider's lists names all money that moved.
_MONEY = {"stripe": ("charges", "refunds", "disputes"), "paypal": ("transactions", "disputes")}
_WEBHOOK = frozenset({"webhook", "import"})
# A dispute is listed by its last change, not by its day.
_LISTS = {"charge": True, "refund": True, "dispute": False}


@dataclass(slots=True)
class Day:
    """One provider on one day. Counts are of objects (charges, refunds, disputes) by kind; one that came in several
    ways counts in each. `asked` says whether the provider's lists of that day have been read, as far as they go."""

    provider: str
    day: date
    by_webhook: Counter[str] = field(default_factory=Counter)
    by_poll: Counter[str] = field(default_factory=Counter)
    by_report: Counter[str] = field(default_factory=Counter)
    not_by_webhook: Counter[str] = field(default_factory=Counter)
    not_by_poll: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0
    asked: bool = False
    reached: datetime | None = None  # up to here its lists must hold what happened

    @property
    def complete(self) -> bool:
        """Whether nothing can be missing: the lists were read, all of them could be understood, and they held all that
        webhooks had told. What webhooks lost is no gap once the lists have told it."""
        return self.asked and not self.unreadable and not self.not_by_poll

    def said(self) -> str:
        """In words, why it is not complete; empty where it is."""
        if not self.asked:
            return f"{self.day}: not asked to its end"
        told = [f"{self.unreadable} could not be read"] if self.unreadable else []
        told += [
            f"{count} {kind}{'s' if count > 1 else ''} told by webhook and not listed"
            for kind, count in sorted(self.not_by_poll.items())
        ]
        return f"{self.day}: {', '.join(told)}" if told else ""


class Days(list[Day]):
    """The days of one provider; as text, what is missing."""

    @property
    def complete(self) -> bool:
        return all(day.complete for day in self)

    def __str__(self) -> str:
        return "; ".join(said for day in self if (said := day.said()))


def completeness(conn: Connection, provider: str, first: date, last: date, zone: str = "UTC") -> Days:
    """What is known of the days `first` to `last` in `zone`. A day that was not over when its provider was last asked
    is asked for as far as it went."""
    found = Days(Day(provider, first + timedelta(days=n)) for n in range((last - first).days + 1))
    start, end = day_begins(first, zone), day_over(last, zone)
    read = windows(conn, provider, start)
    for day in found:
        bounds = day_begins(day.day, zone), day_over(day.day, zone)
        reached = [_reached([w for w in read if w.kind == kind], *bounds) for kind in _MONEY[provider]]
        day.asked = None not in reached
        day.reached = min((at for at in reached if at is not None), default=None)
        day.unreadable = sum(len(w.unreadable) for w in read if w.since < bounds[1] and bounds[0] < w.until)
    by_day = {day.day: day for day in found}
    for one in store.came(conn, provider, start, end):
        _count(by_day[local_date(one.at, zone)], one)
    return found


def _count(day: Day, one: store.Came) -> None:
    for source, counter in (("backfill", day.by_poll), ("report", day.by_report)):
        if source in one.sources:
            counter[one.kind] += 1
    if one.sources & _WEBHOOK:
        day.by_webhook[one.kind] += 1
    else:
        day.not_by_webhook[one.kind] += 1
    listed = day.asked and day.reached is not None and one.at < day.reached and _LISTS[one.kind]
    if listed and "backfill" not in one.sources:
        day.not_by_poll[one.kind] += 1


def _reached(read: Sequence[Window], start: datetime, end: datetime) -> datetime | None:
    """How far windows without a gap between them reach from the day's start; None where that is neither the day's end
    nor the time of the last asking, less what the provider's lists lag behind."""
    if not read:
        return None
    # Providers say to the second how far a list reaches.
    asked_at = max(window.asked_at for window in read).replace(microsecond=0)
    last = asked_at - LAG.get(read[0].provider, timedelta())
    reached: datetime | None = None
    for window in sorted(read, key=lambda window: window.since):
        told = window.upper if window.covered_until is None else min(window.upper, window.covered_until)
        if window.since <= (reached or start):
            reached = max(reached or start, told)
    needed = min(end, last)
    return needed if reached is not None and reached >= needed else None
