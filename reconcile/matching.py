"""Matching: which charge pays which renewal. Every charge and every renewal is used at most once.

The pairing is optimal, not greedy: of all pairings the one that costs least, where cost is compared in this order:
charges left unpaired or paying late, exact references, amounts, days. It is found by going through the charges in order
of time and keeping, for every set of renewals used so far that can still matter, the cheapest way there.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import combinations

from reconcile.money import Money
from reconcile.renewals import EARLY_DAYS, LATE_DAYS, Renewal, RenewalKind
from reconcile.stints import Course
from reconcile.takings import Taking

# An unpaired charge weighs as much as one day more than the longest lateness: a charge that can explain an unpaid
# renewal does, but no chain of shifted payments is ever dearer to believe than one charge too many.
_UNPAIRED = 2 * (LATE_DAYS + 1)
_STATES_MAX = 256  # far above what monthly plans need; a bound for daily ones
_CANDIDATES_MAX = 6
ONE_OFF_DAYS = 3  # an agreed one-off charged at another amount is believed only this near to its date

Cost = tuple[int, int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Option:
    """One way to use a charge: the renewals it would pay (by index), and what that costs."""

    renewals: frozenset[int]
    cost: Cost


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
    names = tuple(_named(taking, calendar) for taking in takings)
    domestic = [i for i, t in enumerate(takings) if not renewals or t.net.currency == renewals[0].amount.currency]
    options = {i: _options(takings[i], calendar, names[i], course) for i in domestic}
    chosen, ambiguous = _cheapest(domestic, takings, options)
    pays = [chosen.get(i, frozenset()) for i in range(len(takings))]
    _put_equals_in_order(takings, calendar, pays, names)
    _join_part_payments(takings, renewals, pays, names)
    paired = Match(takings, renewals, tuple(pays), names, ambiguous)
    return replace(paired, foreign=_foreign(paired, calendar))


class Calendar:
    """Renewals by date: which of them a charge of some day may pay. Looking one up does not go through all."""

    def __init__(self, renewals: Sequence[Renewal], failures: Sequence[date]) -> None:
        self.renewals = renewals
        failed = sorted(failures)
        self.closes = [_closes(renewal, failed) for renewal in renewals]
        self._dues = [renewal.due for renewal in renewals]
        self._longest = max(((c - r.due).days for c, r in zip(self.closes, renewals, strict=True)), default=0)
        self._early = max([EARLY_DAYS, *((r.due - r.opens).days for r in renewals)])

    def open_on(self, day: date) -> list[int]:
        """The renewals that a charge of `day` may pay."""
        first = bisect_left(self._dues, day - timedelta(days=self._longest))
        last = bisect_right(self._dues, day + timedelta(days=self._early))
        return [i for i in range(first, last) if self.open(i, day)]

    def open(self, i: int, day: date) -> bool:
        return self.renewals[i].opens <= day <= self.closes[i]

    def dues_near(self, day: date) -> list[int]:
        """The dues renewals due within a day or two of `day`, the nearest first."""
        first = bisect_left(self._dues, day - timedelta(days=EARLY_DAYS))
        last = bisect_right(self._dues, day + timedelta(days=EARLY_DAYS))
        near = [i for i in range(first, last) if self.renewals[i].kind is RenewalKind.DUES]
        return sorted(near, key=lambda i: (abs((self._dues[i] - day).days), i))

    def due_with(self, i: int) -> list[int]:
        """The renewals due on the same day as renewal `i`, itself included."""
        due = self._dues[i]
        return list(range(bisect_left(self._dues, due), bisect_right(self._dues, due)))


def _closes(renewal: Renewal, failures: Sequence[date]) -> date:
    """The last day on which a renewal may be paid: each failed attempt within the window opens it anew."""
    closes = renewal.closes
    for day in failures[bisect_left(failures, renewal.opens) :]:
        if day > closes:
            break
        closes = max(closes, day + timedelta(days=LATE_DAYS))
    return closes


def _named(taking: Taking, calendar: Calendar) -> int | None:
    """The dues renewal whose period the charge names. Providers count in UTC instants: a day or two of difference is none."""
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


def _options(taking: Taking, calendar: Calendar, named: int | None, course: Course) -> list[Option]:
    """Every way to use the charge, best known first; leaving it unpaired is always the last."""
    unpaired = Option(frozenset(), (_UNPAIRED - (1 if taking.spoiled else 0), 0, 0, 0, 0, 0))
    candidates = _candidates(taking, calendar, named, course)
    found = [
        option
        for size in range(1, min(len(candidates), 4) + 1)
        for subset in combinations(candidates, size)
        if (named is None or named in subset) and (option := _option(taking, calendar, frozenset(subset), named))
    ]
    return [*sorted(found, key=lambda o: (o.cost, sorted(o.renewals))), unpaired]


def _candidates(taking: Taking, calendar: Calendar, named: int | None, course: Course) -> list[int]:
    """The renewals that the charge may pay at all, the likeliest first. A charge that names periods pays those (and the
    one-offs due with them); one that names ended time pays no dues."""
    renewals = calendar.renewals
    candidates = set(calendar.open_on(taking.day))
    if named is not None:
        said = {i for start, _ in taking.periods for i in calendar.dues_near(start)[:1]}
        one_offs = {i for i in candidates | set(calendar.due_with(named)) if renewals[i].kind is not RenewalKind.DUES}
        candidates = said | one_offs
    elif taking.periods and names_ended_time(taking, course):
        candidates = {i for i in candidates if renewals[i].kind is RenewalKind.AGREED}
    return sorted(candidates, key=lambda i: (i != named, _distance(taking, renewals[i]), i))[:_CANDIDATES_MAX]


def _distance(taking: Taking, renewal: Renewal) -> int:
    return abs((taking.day - renewal.due).days)


def _own_period(taking: Taking, renewal: Renewal) -> bool:
    """Whether the charge falls into the renewal's own period (or up to two days before it)."""
    if renewal.kind is not RenewalKind.DUES:
        return True
    last = min(renewal.period_end - timedelta(days=1), renewal.closes)
    return renewal.opens <= taking.day <= last


def _option(taking: Taking, calendar: Calendar, subset: frozenset[int], named: int | None) -> Option | None:
    """What it costs to let the charge pay exactly these renewals; None where that is not to be believed."""
    paid = {i: calendar.renewals[i] for i in sorted(subset)}
    off = taking.net.minor - sum(r.amount.minor for r in paid.values())
    index = max(paid, key=lambda i: (paid[i].kind is RenewalKind.DUES, paid[i].due, i))
    newest = paid[index]
    own = named is not None or _own_period(taking, newest)
    dunned = any(calendar.closes[i] > r.closes for i, r in paid.items())
    if off != 0 and not _plausible(taking, list(paid.values()), off, own, dunned):
        return None
    late = 0 if own else 2 * max((taking.day - newest.due).days, 0)
    reference = 2 if named == index else 1 if taking.through is not None and not taking.superseded else 0
    days = 0 if named == index else _distance(taking, newest)
    return Option(subset, (late, -reference, int(off != 0), abs(off), int(off < 0), days))


def _plausible(taking: Taking, paid: Sequence[Renewal], off: int, own: bool, dunned: bool) -> bool:
    """Whether a charge of another amount than is owed may still be meant for these renewals."""
    dues = [r for r in paid if r.kind is RenewalKind.DUES]
    owed = taking.net.minor - off
    if not dues:  # a one-off or a set-up fee alone: near enough to be it, in a charge that is not a subscription's
        near = all(_distance(taking, r) <= ONE_OFF_DAYS for r in paid)
        return near and taking.through is None and 2 * abs(off) <= owed
    if len(paid) == 1:
        return own or dunned
    if len({r.due for r in paid}) == 1:
        return own
    return own and (off > 0 or dunned)


@dataclass(frozen=True, slots=True)
class _Step:
    """One choice, and the ones before it."""

    charge: int
    renewals: frozenset[int]
    before: _Step | None


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to a state: its cost, its last choice, and the charges that a way of equal cost would use otherwise."""

    cost: Cost
    step: _Step | None
    ambiguous: frozenset[int]


def _cheapest(
    order: Sequence[int], takings: Sequence[Taking], options: dict[int, list[Option]]
) -> tuple[dict[int, frozenset[int]], frozenset[int]]:
    last_use: dict[int, int] = {}
    for i in order:
        for option in options[i]:
            for renewal in option.renewals:
                last_use[renewal] = i
    position = {i: n for n, i in enumerate(order)}
    ways: dict[frozenset[int], _Way] = {frozenset(): _Way((0, 0, 0, 0, 0, 0), None, frozenset())}
    for i in order:
        reached: dict[frozenset[int], _Way] = {}
        for used, way in ways.items():
            for option in options[i]:
                if option.renewals & used:
                    continue
                live = frozenset(r for r in used | option.renewals if position[last_use[r]] > position[i])
                taken = _Way(_add(way.cost, option.cost), _Step(i, option.renewals, way.step), way.ambiguous)
                held = reached.get(live)
                reached[live] = taken if held is None else _better(held, taken, takings)
        ways = _pruned(reached)
    best = min(ways.items(), key=lambda item: (item[1].cost, sorted(item[0])))[1]
    return {step.charge: step.renewals for step in _steps(best.step)}, best.ambiguous


def _add(a: Cost, b: Cost) -> Cost:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3], a[4] + b[4], a[5] + b[5])


def _better(held: _Way, other: _Way, takings: Sequence[Taking]) -> _Way:
    if other.cost < held.cost:
        return other
    if other.cost > held.cost:
        return held
    return replace(held, ambiguous=held.ambiguous | other.ambiguous | _differing(held, other, takings))


def _differing(a: _Way, b: _Way, takings: Sequence[Taking]) -> frozenset[int]:
    """The charges that two ways use differently, exchanges between charges of one amount aside."""
    by_amount: dict[int, list[tuple[int, frozenset[int], frozenset[int]]]] = {}
    for mine, other in zip(_steps(a.step, b.step), _steps(b.step, a.step), strict=True):
        if mine.renewals != other.renewals:
            amount = takings[mine.charge].net.minor
            by_amount.setdefault(amount, []).append((mine.charge, mine.renewals, other.renewals))
    changed = [
        used
        for used in by_amount.values()
        if sorted(sorted(m) for _, m, _ in used) != sorted(sorted(o) for *_, o in used)
    ]
    return frozenset(charge for used in changed for charge, _, _ in used)


def _steps(step: _Step | None, other: _Step | None = None) -> Iterator[_Step]:
    """The choices from the newest back, as far as they are not shared with `other` (of the same length)."""
    while step is not None and step is not other:
        yield step
        step, other = step.before, other.before if other is not None else None


def _pruned(ways: dict[frozenset[int], _Way]) -> dict[frozenset[int], _Way]:
    if len(ways) <= _STATES_MAX:
        return ways
    kept = sorted(ways.items(), key=lambda item: (item[1].cost, sorted(item[0])))[:_STATES_MAX]
    return dict(kept)


def payer_order(taking: Taking, named: bool) -> tuple[object, ...]:
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
        first = min([i, *rivals], key=lambda j: payer_order(takings[j], names[j] is not None))
        if first != i:
            pays[first], pays[i] = paid, frozenset()
            equal[equal.index(first)] = i


def _may_pay(taking: Taking, calendar: Calendar, paid: frozenset[int]) -> bool:
    dues = [i for i in paid if calendar.renewals[i].kind is RenewalKind.DUES]
    in_window = all(calendar.open(i, taking.day) for i in paid)
    return in_window and (not dues or _own_period(taking, calendar.renewals[max(dues)]))


def _join_part_payments(
    takings: Sequence[Taking], renewals: Sequence[Renewal], pays: list[frozenset[int]], names: Sequence[int | None]
) -> None:
    """Let unpaired charges complete a renewal that another charge paid short, as long as no more than is owed comes together."""
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
            and _own_period(other, renewals[renewal])
        ][:_CANDIDATES_MAX]
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
                found[min(fitting, key=lambda r: (paired.names[i] != r, _distance(taking, paired.renewals[r]), r))] = i
    return found
