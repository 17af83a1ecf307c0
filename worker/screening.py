"""The screen: which memberships a full judgement need not look at. It only ever says that one is clean; the core judges
the rest, and would find nothing in those that pass, which a property test holds it to.

Clean is a membership on a plain plan (no change, notice, trial, fee or agreement that was given up) whose every due
renewal is paid by one charge, exactly and on its own days, with nothing else on its ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
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
_DAY = timedelta(days=1)
_YEARS_MAX = 25  # the core looks no further than thirty ahead


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
class _Due:
    """One renewal: its date, and the days on which it is paid without a word, in seconds since 1970."""

    on: date
    opens: int
    closes: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """The renewals of every plan met so far: many memberships share one."""

    rules: Rules
    as_of: date
    over: datetime  # the moment at which the date of the judgement is over
    known: dict[tuple[date, int, MonthEnd], tuple[list[_Due], date]] = field(default_factory=dict)

    @staticmethod
    def of(rules: Rules, as_of: date) -> Calendar:
        return Calendar(rules, as_of, day_over(as_of, rules.zone))

    def dues(self, anchor: date, months: int, month_end: MonthEnd) -> tuple[list[_Due], date]:
        """Those that may be paid by now, and the date of the one after them."""
        key = (anchor, months, month_end)
        if key not in self.known:
            self.known[key] = self._made(anchor, months, month_end)
        return self.known[key]

    def _made(self, anchor: date, months: int, month_end: MonthEnd) -> tuple[list[_Due], date]:
        dues: list[_Due] = []
        for on in Cycle.of(anchor, Every.MONTH, months, month_end).dates():
            if on > self.as_of + timedelta(days=EARLY_DAYS):
                return dues, on
            opens = day_over(on - timedelta(days=EARLY_DAYS + 1), self.rules.zone)
            closes = day_over(on + timedelta(days=LATE_FROM_DAYS), self.rules.zone)
            dues.append(_Due(on, _seconds(opens), _seconds(closes)))
        raise AssertionError("anniversaries have no end")


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def judged(ref: str, roster: str, facts: Gathered, calendar: Calendar) -> Outcome | None:
    """The judgement of a clean membership, `roster` being its row as JSON; None: this one is for the core."""
    told = _ROSTER.decode(roster)
    ended, plan = told.ended_on, told.plan
    if not (facts.plain and told.plain) or (ended is not None and (facts.others or ended <= told.started_on)):
        return None
    if facts.last is not None and facts.last >= calendar.over:
        return None
    dues, coming = calendar.dues(told.started_on, told.months, plan.month_end)
    owed = [due for due in dues if ended is None or due.on < ended]
    paid = len(facts.taken_at)
    if paid > len(owed) or not _exact(facts, plan.price, owed):
        return None
    unpaid = owed[paid].on if paid < len(owed) else coming
    days = [] if ended is not None and unpaid >= ended else [missed_from(unpaid, calendar.rules)]
    if ended is not None and ended > calendar.as_of:
        days.append(ended)
    if days and min(days) <= calendar.as_of:
        return None
    return Outcome(ref, next_change=min(days, default=None))


def _exact(facts: Gathered, price: _Price, owed: Sequence[_Due]) -> bool:
    """Whether each charge pays the renewal of its turn: to the minor unit, on its own days, for its period."""
    if not facts.taken_at:
        return True
    if facts.amounts != (price.minor, price.minor) or facts.currencies != (price.currency, price.currency):
        return False
    return all(
        due.opens <= taken < due.closes and due.opens <= period < due.closes
        for taken, period, due in zip(facts.taken_at, facts.period_from, owed, strict=False)
    )
