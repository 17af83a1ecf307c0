"""The screen: which memberships a full judgement need not look at. It only ever says that one is clean; the core judges
the rest, and would find nothing in those that pass, which a property test holds it to.

Clean is a membership on a plain plan (no change, notice, trial, fee or agreement that was given up) whose every due
renewal is paid by one charge, exactly and on its own days, with nothing else on its ledger."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from operator import le, lt
from typing import Any

import msgspec
from sqlalchemy import Connection

from reconcile.anniversaries import Cycle
from reconcile.looks import LATE_FROM_DAYS
from reconcile.membership import Every, MonthEnd
from reconcile.outcome import Outcome
from reconcile.policy import Rules
from reconcile.renewals import EARLY_DAYS
from reconcile.standing import missed_from
from reconcile.stints import day_over
from worker.store import columns
from worker.store.columns import NOTHING, Gathered

# Windows of shorter cycles overlap, and which charge pays which renewal is then for the core to say.
_MONTHS = {Every.MONTH: 1, Every.YEAR: 12}
_YEARS_MAX = 25  # the core looks no further than thirty ahead
_SHARED = 4096  # many memberships began on one day: when such are due is worked out once


class _Price(msgspec.Struct):
    minor: int
    currency: str


class _Plan(msgspec.Struct):
    price: _Price
    every: Every = Every.MONTH
    count: int = 1
    setup_fee_minor: int = 0
    trial_days: int = 0
    month_end: MonthEnd = MonthEnd.CLAMP


class _Agreement(msgspec.Struct):
    until: date | None = None


class _Roster(msgspec.Struct):
    """What of a roster row decides whether its plan is plain."""

    started_on: date
    plan: _Plan
    ended_on: date | None = None
    changes: list[Any] = []
    notices: list[Any] = []
    agreements: list[_Agreement] = []

    @property
    def months(self) -> int:
        """From one renewal to the next; 0: not counted in months."""
        return _MONTHS.get(self.plan.every, 0) * self.plan.count

    @property
    def plain(self) -> bool:
        plan = self.plan
        bare = not (self.changes or self.notices or plan.setup_fee_minor or plan.trial_days)
        whole = plan.price.minor > 0 and 0 < self.months <= 12 * _YEARS_MAX
        return bare and whole and all(agreement.until is None for agreement in self.agreements)


_ROSTER = msgspec.json.Decoder(_Roster)


@dataclass(frozen=True, slots=True)
class Screened:
    """`clean` are the judgements of those that pass, `charges` how many charges they have; `rest` is for the core, each
    with how many facts it has."""

    clean: Sequence[Outcome]
    charges: int
    rest: Sequence[tuple[str, int]]


def screen(conn: Connection, refs: Sequence[str], rules: Rules, as_of: date) -> Screened:
    """Look through these memberships, within the caller's transaction, which has them locked."""
    more = columns.with_more(conn, refs)
    told = columns.rosters(conn, refs)
    known = columns.gathered(conn, refs)
    calendar = Calendar.of(rules, as_of)
    clean, charges, rest = [], 0, []
    for ref in refs:
        facts = known.get(ref, NOTHING)
        outcome = None if ref in more or ref not in told else judged(ref, told[ref], facts, calendar)
        if outcome is None:
            rest.append((ref, len(facts.taken_at) + facts.others))
        else:
            clean.append(outcome)
            charges += len(facts.taken_at)
    return Screened(clean, charges, rest)


@dataclass(frozen=True, slots=True)
class _Dues:
    """The renewals that may be paid by now, column by column: their dates, and the days on which each is paid without a
    word, in seconds since 1970; and the date of the one after them."""

    on: Sequence[date]
    opens: Sequence[int]
    closes: Sequence[int]
    coming: date

    def owed(self, ended: date | None) -> int:
        """How many of them are due before the end."""
        return len(self.on) if ended is None else bisect_left(self.on, ended)


@dataclass(frozen=True, slots=True)
class Calendar:
    """When memberships are looked at, and under which rules."""

    rules: Rules
    as_of: date
    over: datetime  # the moment at which the date of the judgement is over

    @staticmethod
    def of(rules: Rules, as_of: date) -> Calendar:
        return Calendar(rules, as_of, day_over(as_of, rules.zone))

    def dues(self, anchor: date, months: int, month_end: MonthEnd) -> _Dues:
        return _dues(anchor, months, month_end, self.as_of, self.rules.zone)


@lru_cache(_SHARED)
def _dues(anchor: date, months: int, month_end: MonthEnd, as_of: date, zone: str) -> _Dues:
    dates: list[date] = []
    for on in Cycle.of(anchor, Every.MONTH, months, month_end).dates():
        if on > as_of + timedelta(days=EARLY_DAYS):
            opens = [_over(due - timedelta(days=EARLY_DAYS + 1), zone) for due in dates]
            return _Dues(dates, opens, [_over(due + timedelta(days=LATE_FROM_DAYS), zone) for due in dates], on)
        dates.append(on)
    raise AssertionError("anniversaries have no end")


@lru_cache(_SHARED)
def _over(day: date, zone: str) -> int:
    return int(day_over(day, zone).timestamp())


def judged(ref: str, roster: str, facts: Gathered, calendar: Calendar) -> Outcome | None:
    """The judgement of a clean membership, `roster` being its row as JSON; None: this one is for the core."""
    told = _ROSTER.decode(roster)
    ended, plan = told.ended_on, told.plan
    if not (facts.plain and told.plain) or (ended is not None and (facts.others or ended <= told.started_on)):
        return None
    if facts.last is not None and facts.last >= calendar.over:
        return None
    dues = calendar.dues(told.started_on, told.months, plan.month_end)
    owed, paid = dues.owed(ended), len(facts.taken_at)
    if paid > owed or not _exact(facts, plan.price, dues):
        return None
    unpaid = dues.on[paid] if paid < owed else dues.coming
    days = [] if ended is not None and unpaid >= ended else [missed_from(unpaid, calendar.rules)]
    if ended is not None and ended > calendar.as_of:
        days.append(ended)
    if days and min(days) <= calendar.as_of:
        return None
    return Outcome(ref, next_change=min(days, default=None))


def _exact(facts: Gathered, price: _Price, dues: _Dues) -> bool:
    """Whether each charge pays the renewal of its turn: to the minor unit, on its own days, for its period."""
    if not facts.taken_at:
        return True
    if facts.amounts != (price.minor, price.minor) or facts.currencies != (price.currency, price.currency):
        return False
    return all(
        all(map(le, dues.opens, times)) and all(map(lt, times, dues.closes))
        for times in (facts.taken_at, facts.period_from)
    )
