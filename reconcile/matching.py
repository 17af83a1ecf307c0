"""Matching: which charge pays which renewal. Every charge and every renewal is used at most once.

The pairing is optimal, not greedy: of all pairings the one that costs least, where cost is compared in this order:
charges left unpaired or paying late, exact references, amounts, days (`reconcile.options`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import combinations

from reconcile.cheapest import cheapest
from reconcile.money import Money
from reconcile.options import CANDIDATES_MAX, distance, named_renewal, options_of, own_period
from reconcile.renewals import Renewal, RenewalKind
from reconcile.stints import Course
from reconcile.takings import Taking
from reconcile.windows import Calendar


@dataclass(frozen=True, slots=True)
class Match:
    """The pairing. `pays[i]` are the renewals (indexes) that charge `i` pays, `shares` the charges that pay one renewal
    together, `ambiguous` the charges that another, equally good pairing would use otherwise."""

    takings: tuple[Taking, ...]
    renewals: tuple[Renewal, ...]
    pays: tuple[frozenset[int], ...]
    names: tuple[int | None, ...]
    ambiguous: frozenset[int]
    foreign: dict[int, int] = field(default_factory=dict)  # renewal -> charge in another currency taken for it

    def payers(self, renewal: int) -> list[int]:
        return [i for i, paid in enumerate(self.pays) if renewal in paid]

    def unpaid(self) -> list[int]:
        paid = frozenset().union(*self.pays) if self.pays else frozenset()
        return [r for r in range(len(self.renewals)) if r not in paid and r not in self.foreign]


def match(
    takings: tuple[Taking, ...], renewals: tuple[Renewal, ...], failures: Sequence[date], course: Course
) -> Match:
    """Pair charges with renewals (in order of due date). `failures` are the local dates of failed payments."""
    calendar = Calendar(renewals, failures)
    names = tuple(named_renewal(taking, calendar) for taking in takings)
    domestic = [i for i, t in enumerate(takings) if not renewals or t.net.currency == renewals[0].amount.currency]
    options = {i: options_of(takings[i], calendar, names[i], course) for i in domestic}
    chosen, ambiguous = cheapest(domestic, takings, options)
    pays = [chosen.get(i, frozenset()) for i in range(len(takings))]
    _put_equals_in_order(takings, calendar, pays, names)
    _join_part_payments(takings, renewals, pays, names)
    paired = Match(takings, renewals, tuple(pays), names, ambiguous)
    return replace(paired, foreign=_foreign(paired, calendar))


def payer_order(taking: Taking, *, named: bool) -> tuple[object, ...]:
    """Of several equal charges the least is the one that pays: not given back nor disputed, not from a superseded
    agreement, naming a period, the earlier, the lesser id."""
    touched = taking.disputed or taking.given_back.elsewhere > 0
    return (touched, taking.superseded, not named, taking.charge.taken_at, taking.ref)


def _put_equals_in_order(
    takings: Sequence[Taking], calendar: Calendar, pays: list[frozenset[int]], names: Sequence[int | None]
) -> None:
    """Exchange a paying charge for an unpaired one of the same amount that could pay as well and ranks before it."""
    unpaired: dict[Money, list[int]] = {}
    for i, taking in enumerate(takings):
        if not pays[i]:
            unpaired.setdefault(taking.net, []).append(i)
    for i, paid in enumerate(list(pays)):
        if not paid:
            continue
        equal = unpaired.get(takings[i].net, [])
        rivals = [j for j in equal if names[j] in paid or (names[j] is None and _may_pay(takings[j], calendar, paid))]
        first = min([i, *rivals], key=lambda j: payer_order(takings[j], named=names[j] is not None))
        if first != i:
            pays[first], pays[i] = paid, frozenset()
            equal[equal.index(first)] = i


def _may_pay(taking: Taking, calendar: Calendar, paid: frozenset[int]) -> bool:
    dues = [i for i in paid if calendar.renewals[i].kind is RenewalKind.DUES]
    in_window = all(calendar.open(i, taking.day) for i in paid)
    return in_window and (not dues or own_period(taking, calendar.renewals[max(dues)]))


def _join_part_payments(
    takings: Sequence[Taking], renewals: Sequence[Renewal], pays: list[frozenset[int]], names: Sequence[int | None]
) -> None:
    """Let unpaired charges complete a renewal that another paid short, while no more than is owed comes together."""
    for i, paid in enumerate(list(pays)):
        if len(paid) != 1 or takings[i].net.minor >= (owed := sum(renewals[r].amount.minor for r in paid)):
            continue
        (renewal,) = paid
        rest = owed - takings[i].net.minor
        parts = [
            j
            for j, other in enumerate(takings)
            if not pays[j]
            and other.net.currency == takings[i].net.currency
            and other.net.minor <= rest
            and not other.spoiled
            and names[j] in (None, renewal)
            and own_period(other, renewals[renewal])
        ][:CANDIDATES_MAX]
        sets = [s for size in range(1, len(parts) + 1) for s in combinations(parts, size)]
        sums = [(sum(takings[j].net.minor for j in s), s) for s in sets]
        fitting = [(total, s) for total, s in sums if total <= rest]
        if fitting:
            best = min(fitting, key=lambda pair: (-pair[0], len(pair[1]), pair[1]))
            for j in best[1]:
                pays[j] = paid


def _foreign(paired: Match, calendar: Calendar) -> dict[int, int]:
    """Renewals that a charge in another currency was taken for: they count as taken, though not as paid."""
    found: dict[int, int] = {}
    unpaid = paired.unpaid()
    for i, taking in enumerate(paired.takings):
        if paired.renewals and taking.net.currency != paired.renewals[0].amount.currency:
            fitting = [r for r in unpaid if r not in found and (paired.names[i] == r or calendar.open(r, taking.day))]
            if fitting:
                found[min(fitting, key=lambda r: (paired.names[i] != r, distance(taking, paired.renewals[r]), r))] = i
    return found
