"""Options: every way in which one charge could be used, and what each costs to believe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations

from reconcile.renewals import EARLY_DAYS, LATE_DAYS, Renewal, RenewalKind
from reconcile.stints import Course
from reconcile.takings import Taking
from reconcile.windows import Calendar

# An unpaired charge weighs as much as one day more than the longest lateness: a charge that can explain an unpaid
# renewal does, but no chain of shifted payments is ever dearer to believe than one charge too many.
UNPAIRED = 2 * (LATE_DAYS + 1)
CANDIDATES_MAX = 6
_TOGETHER_MAX = 4  # renewals paid by one charge
_DAY = timedelta(days=1)
_ONE_OFF_DAYS = 3  # an agreed one-off charged at another amount is believed only this near to its date

# Compared from left to right: lateness (or the price of staying unpaired), whether the amount is off, exact reference
# (negative), by how much it is off, whether it is short, days from the due date. What is owed to the cent pays before
# what came by the better way: otherwise a small charge by the agreement would make the right one look like a duplicate.
Cost = tuple[int, int, int, int, int, int]
FREE: Cost = (0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Option:
    """One way to use a charge: the renewals it would pay (by index), and what that costs."""

    renewals: frozenset[int]
    cost: Cost


_LEFT = Option(frozenset(), (UNPAIRED, 0, 0, 0, 0, 0))
_SPOILED = Option(frozenset(), (UNPAIRED - 1, 0, 0, 0, 0, 0))


def named_renewal(taking: Taking, calendar: Calendar) -> int | None:
    """The dues renewal whose period the charge names. Providers count in UTC: a day or two is no difference."""
    if not taking.periods:
        return None
    near = [i for start, _ in taking.periods for i in calendar.dues_near(start)[:1]]
    return min(near, key=lambda i: (abs((calendar.renewals[i].due - taking.day).days), i), default=None)


def names_ended_time(taking: Taking, course: Course) -> bool:
    """Whether the charge says itself that it was taken for time after the end."""
    return any(
        course.ended(start + timedelta(days=EARLY_DAYS)) is not None
        and (end - start).days > EARLY_DAYS
        and course.ended(end - timedelta(days=1)) is not None
        for start, end in taking.periods
    )


def plain_renewal(taking: Taking, calendar: Calendar) -> int | None:
    """The renewal that the charge pays exactly and within its period, where it is seen without going through all
    options that nothing else costs as little; None where it is not."""
    if taking.periods or not calendar.plain:
        return None
    latest = calendar.latest(taking.day)
    if latest < 0:
        return None
    renewal = calendar.renewals[latest]
    exact = taking.net.minor == renewal.amount.minor
    return latest if exact and renewal.due <= taking.day <= renewal.closes and taking.day < renewal.period_end else None


def options_of(taking: Taking, calendar: Calendar, named: int | None, course: Course) -> list[Option]:
    """Every way to use the charge, best known first; leaving it unpaired is always the last."""
    candidates = _candidates(taking, calendar, named, course)
    found = [
        option
        for size in range(1, min(len(candidates), _TOGETHER_MAX) + 1)
        for subset in combinations(candidates, size)
        if (named is None or named in subset) and (option := _option(taking, calendar, subset, named)) is not None
    ]
    if len(found) > 1:
        found.sort(key=lambda o: (o.cost, sorted(o.renewals)))
    found.append(_SPOILED if taking.spoiled else _LEFT)
    return found


def _candidates(taking: Taking, calendar: Calendar, named: int | None, course: Course) -> list[int]:
    """The renewals that the charge may pay at all, the likeliest first. A charge that names periods pays those (and the
    one-offs due with them); one that names ended time pays no dues."""
    renewals = calendar.renewals
    candidates = calendar.open_on(taking.day)
    if named is not None:
        said = {i for start, _ in taking.periods for i in calendar.dues_near(start)[:1]}
        one_offs = {i for i in (*candidates, *calendar.due_with(named)) if renewals[i].kind is not RenewalKind.DUES}
        candidates = [*(said | one_offs)]
    elif taking.periods and names_ended_time(taking, course):
        candidates = [i for i in candidates if renewals[i].kind is RenewalKind.AGREED]
    if len(candidates) > 1:
        candidates.sort(key=lambda i: (i != named, distance(taking, renewals[i]), i))
    return candidates[:CANDIDATES_MAX]


def distance(taking: Taking, renewal: Renewal) -> int:
    return abs((taking.day - renewal.due).days)


def own_days(renewal: Renewal) -> tuple[date, date]:
    """The first and the last day on which a charge falls into the renewal's own period (or up to two days before it).
    One that pays no period may be paid on any."""
    if renewal.kind is not RenewalKind.DUES:
        return date.min, date.max
    return renewal.opens, min(renewal.period_end - _DAY, renewal.closes)


def own_period(taking: Taking, renewal: Renewal) -> bool:
    """Whether the charge was taken on one of the renewal's own days."""
    first, last = own_days(renewal)
    return first <= taking.day <= last


def _option(taking: Taking, calendar: Calendar, subset: tuple[int, ...], named: int | None) -> Option | None:
    """What it costs to let the charge pay exactly these renewals; None where that is not to be believed."""
    renewals = calendar.renewals
    if len(subset) == 1:
        (index,) = subset
    else:
        index = max(subset, key=lambda i: (renewals[i].kind is RenewalKind.DUES, renewals[i].due, i))
    newest, owed, days, dunned = renewals[index], 0, 0, False
    for i in subset:
        renewal = renewals[i]
        owed += renewal.amount.minor
        dunned = dunned or calendar.dunned[i]
        if i != named:
            days += abs((taking.day - renewal.due).days)
    off = taking.net.minor - owed
    own = named is not None or own_period(taking, newest)
    if off != 0 and not _plausible(taking, [renewals[i] for i in subset], off, own=own, dunned=dunned):
        return None
    # A window that failed attempts hold open is as good as the plain one: lateness beyond it weighs no more.
    late = 0 if own else 2 * min(max((taking.day - newest.due).days, 0), LATE_DAYS)
    reference = 2 if named == index else 1 if taking.through is not None and not taking.superseded else 0
    return Option(frozenset(subset), (late, int(off != 0), -reference, abs(off), int(off < 0), days))


def _plausible(taking: Taking, paid: Sequence[Renewal], off: int, *, own: bool, dunned: bool) -> bool:
    """Whether a charge of another amount than is owed may still be meant for these renewals."""
    dues = [r for r in paid if r.kind is RenewalKind.DUES]
    owed = taking.net.minor - off
    if not dues:  # a one-off or a set-up fee alone: near enough to be it, in a charge that is not a subscription's
        near = all(distance(taking, r) <= _ONE_OFF_DAYS for r in paid)
        return near and taking.through is None and 2 * abs(off) <= owed
    if len(paid) == 1:
        return own or dunned
    if len({r.due for r in paid}) == 1:
        return own
    return own and (off > 0 or dunned)
