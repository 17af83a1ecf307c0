"""Matching: which charge pays which renewal. Every charge and every renewal is used at most once.

The pairing is optimal, not greedy: of all pairings the one that costs least, where cost is compared in this order:
charges left unpaired or paying late, exact references, amounts, days (`reconcile.options`).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from itertools import combinations

from reconcile.money import Money
from reconcile.options import CANDIDATES_MAX, distance, named_renewal, own_days
from reconcile.pairing import pair
from reconcile.renewals import Renewal, RenewalKind
from reconcile.stints import Course
from reconcile.takings import Taking
from reconcile.windows import Calendar


@dataclass(frozen=True)
class Match:
    """The pairing. `pays[i]` are the renewals (indexes) that charge `i` pays, `shares` the charges that pay one renewal
    together, `ambiguous` the charges that another, equally good pairing would use otherwise."""

    takings: tuple[Taking, ...]
    renewals: tuple[Renewal, ...]
    pays: tuple[frozenset[int], ...]
    names: tuple[int | None, ...]
    ambiguous: frozenset[int]
    calendar: Calendar
    foreign: dict[int, int] = field(default_factory=dict)  # renewal -> charge in another currency taken for it

    @cached_property
    def _payers(self) -> dict[int, list[int]]:
        payers: dict[int, list[int]] = {}
        for i, paid in enumerate(self.pays):
            for renewal in paid:
                payers.setdefault(renewal, []).append(i)
        return payers

    def payers(self, renewal: int) -> Sequence[int]:
        """The charges that pay a renewal, in order of time."""
        return self._payers.get(renewal, ())

    def exact(self, i: int) -> bool:
        """Whether a charge, alone, pays one renewal alone, and what is owed for it."""
        (renewal, *more) = self.pays[i]
        owed = self.renewals[renewal].amount.minor
        return not more and self.takings[i].net.minor == owed and len(self._payers[renewal]) == 1

    @cached_property
    def unpaid(self) -> Sequence[int]:
        """The renewals that no charge pays nor was taken for."""
        return [r for r in range(len(self.renewals)) if r not in self._payers and r not in self.foreign]


def match(
    takings: tuple[Taking, ...], renewals: tuple[Renewal, ...], failures: Sequence[date], course: Course
) -> Match:
    """Pair charges with renewals (in order of due date). `failures` are the local dates of failed payments."""
    calendar = Calendar(renewals, failures)
    names = tuple(named_renewal(taking, calendar) for taking in takings)
    domestic = [i for i, t in enumerate(takings) if not renewals or t.net.currency == renewals[0].amount.currency]
    chosen, ambiguous = pair(domestic, takings, calendar, names, course)
    pays = [chosen.get(i, frozenset()) for i in range(len(takings))]
    _put_equals_in_order(takings, calendar, pays, names)
    _join_part_payments(takings, calendar, pays, names)
    paired = Match(takings, renewals, tuple(pays), names, ambiguous, calendar)
    return replace(paired, foreign=foreign) if (foreign := _foreign(paired)) else paired


def payer_order(taking: Taking, *, named: bool) -> tuple[object, ...]:
    """Of several equal charges the least is the one that pays: not given back nor disputed, not from a superseded
    agreement, naming a period, the earlier, the lesser id. A part that makegood gave back was for an excess: it says
    nothing of which charge pays."""
    touched = taking.spoiled or taking.given_back.elsewhere > 0
    return (touched, taking.superseded, not named, taking.charge.taken_at, taking.ref)


@dataclass(frozen=True)
class _Unpaired:
    """Charges that pay nothing, in order of their days: those of some days are found without going through all."""

    takings: Sequence[Taking]
    found: list[tuple[date, int]] = field(default_factory=list)

    def add(self, i: int) -> None:
        insort(self.found, (self.takings[i].day, i))

    def remove(self, i: int) -> None:
        del self.found[bisect_left(self.found, (self.takings[i].day, i))]

    def between(self, first: date, last: date) -> list[int]:
        """Those taken from `first` to `last`, both included."""
        return [i for _, i in self.found[bisect_left(self.found, (first, -1)) : bisect_left(self.found, (last, _END))]]


_END = 2**62  # behind every index


def _put_equals_in_order(
    takings: Sequence[Taking], calendar: Calendar, pays: list[frozenset[int]], names: Sequence[int | None]
) -> None:
    """Exchange a paying charge for an unpaired one of the same amount that could pay as well and ranks before it."""
    unnamed: dict[Money, _Unpaired] = {}
    naming: dict[tuple[Money, int], set[int]] = {}

    def move(i: int, *, away: bool) -> None:
        named, amount = names[i], takings[i].net
        if named is not None:
            group = naming.setdefault((amount, named), set())
            (group.discard if away else group.add)(i)
        else:
            equal = unnamed.setdefault(amount, _Unpaired(takings))
            (equal.remove if away else equal.add)(i)

    for i in range(len(takings)):
        if not pays[i]:
            move(i, away=False)
    # A charge on whose renewals no unpaired one could come has no rival.
    near = {r for i, paid in enumerate(pays) if not paid for r in _reached(calendar, takings[i], names[i])}
    for i, paid in enumerate(list(pays) if near else ()):
        if near.isdisjoint(paid):
            continue
        amount = takings[i].net
        rivals = [j for r in paid for j in naming.get((amount, r), ())]
        if amount in unnamed:
            rivals += unnamed[amount].between(*_window(calendar, paid))
        first = min([i, *rivals], key=lambda j: payer_order(takings[j], named=names[j] is not None))
        if first != i:
            pays[first], pays[i] = paid, frozenset()
            move(first, away=True)
            move(i, away=False)
            near.update(_reached(calendar, takings[i], names[i]))


def _reached(calendar: Calendar, taking: Taking, named: int | None) -> Sequence[int]:
    return calendar.open_on(taking.day) if named is None else (named,)


def _window(calendar: Calendar, paid: frozenset[int]) -> tuple[date, date]:
    """The first and the last day on which a charge that names no period could pay these renewals together."""
    first = max(calendar.renewals[r].opens for r in paid)
    last = min(calendar.closes[r] for r in paid)
    dues = [r for r in paid if calendar.renewals[r].kind is RenewalKind.DUES]
    if not dues:
        return first, last
    opens, closes = own_days(calendar.renewals[max(dues)])
    return max(first, opens), min(last, closes)


def _join_part_payments(
    takings: Sequence[Taking], calendar: Calendar, pays: list[frozenset[int]], names: Sequence[int | None]
) -> None:
    """Let unpaired charges complete a renewal that another paid short, while no more than is owed comes together."""
    renewals = calendar.renewals
    unpaired = _Unpaired(takings, [(taking.day, i) for i, taking in enumerate(takings) if not pays[i]])
    for i, paid in enumerate(list(pays) if unpaired.found else ()):
        if len(paid) != 1:
            continue
        (renewal,) = paid
        rest = renewals[renewal].amount.minor - takings[i].net.minor
        if rest <= 0:
            continue
        near = unpaired.between(*own_days(renewals[renewal]))
        parts = [
            j
            for j in near
            if not pays[j]
            and takings[j].net.currency == takings[i].net.currency
            and takings[j].net.minor <= rest
            and not takings[j].spoiled
            and names[j] in (None, renewal)
        ][:CANDIDATES_MAX]
        sets = [s for size in range(1, len(parts) + 1) for s in combinations(parts, size)]
        sums = [(sum(takings[j].net.minor for j in s), s) for s in sets]
        fitting = [(total, s) for total, s in sums if total <= rest]
        if fitting:
            best = min(fitting, key=lambda pair: (-pair[0], len(pair[1]), pair[1]))
            for j in best[1]:
                pays[j] = paid


def _foreign(paired: Match) -> dict[int, int]:
    """Renewals that a charge in another currency was taken for: they count as taken, though not as paid."""
    if not paired.renewals:
        return {}
    found: dict[int, int] = {}
    own, unpaid = paired.renewals[0].amount.currency, set(paired.unpaid)
    for i, taking in enumerate(paired.takings):
        if taking.net.currency != own:
            named = paired.names[i]
            open_then = paired.calendar.open_on(taking.day)
            fitting = unpaid.intersection(open_then if named is None else [*open_then, named])
            if fitting:
                best = min(fitting, key=lambda r: (named != r, distance(taking, paired.renewals[r]), r))
                found[best] = i
                unpaid.discard(best)
    return found
