"""Pairing: the best use of all charges at once.

Most charges have one use that is strictly best for themselves and that no other charge would be better off with: it is
part of every best pairing. Only around charges that compete are all pairings compared (`reconcile.cheapest`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from reconcile.cheapest import cheapest
from reconcile.options import UNPAIRED, Option, options_of, plain_renewal
from reconcile.stints import Course
from reconcile.takings import Taking
from reconcile.windows import Calendar

_NOTHING: frozenset[int] = frozenset()


@dataclass(slots=True)
class _Uses:
    """What each charge may be used for, worked out when it is asked for the first time."""

    takings: Sequence[Taking]
    calendar: Calendar
    names: Sequence[int | None]
    course: Course
    known: dict[int, list[Option]] = field(default_factory=dict)

    def of(self, i: int) -> list[Option]:
        found = self.known.get(i)
        if found is None:
            found = self.known[i] = options_of(self.takings[i], self.calendar, self.names[i], self.course)
        return found

    def best(self, i: int) -> int | None:
        """The one renewal that is strictly best for the charge; None where there is no such."""
        renewal = plain_renewal(self.takings[i], self.calendar)
        if renewal is not None:
            return renewal
        found = self.of(i)
        if len(found) == 1 or len(found[0].renewals) > 1 or found[0].cost == found[1].cost:
            return None
        return next(iter(found[0].renewals))


def pair(
    order: Sequence[int], takings: Sequence[Taking], calendar: Calendar, names: Sequence[int | None], course: Course
) -> tuple[dict[int, frozenset[int]], frozenset[int]]:
    """Which renewals each charge of `order` pays, and the charges that another, equally good pairing would use
    otherwise."""
    uses = _Uses(takings, calendar, names, course)
    best = {i: renewal for i in order if (renewal := uses.best(i)) is not None}
    chosen = {i: frozenset((renewal,)) for i, renewal in best.items()}
    payers = {renewal: i for i, renewal in best.items()}
    disputed = {renewal for i, renewal in best.items() if payers[renewal] != i}
    competing = [i for i in order if (best[i] in disputed if i in best else len(uses.of(i)) > 1)]
    if not competing:
        return chosen, _NOTHING
    if not calendar.plain:  # a one-off lets almost every charge compete with every other
        return cheapest(order, takings, {i: uses.of(i) for i in order})
    alone = {renewal: i for renewal, i in payers.items() if renewal not in disputed}
    drawn = _drawn_in(competing, uses, alone)
    taken = {renewal for renewal, i in alone.items() if i not in drawn}
    options = {i: [option for option in uses.of(i) if taken.isdisjoint(option.renewals)] for i in sorted(drawn)}
    others, ambiguous = cheapest(list(options), takings, options)
    return {**chosen, **others}, ambiguous


def _drawn_in(competing: Sequence[int], uses: _Uses, alone: Mapping[int, int]) -> Collection[int]:
    """The charges that a best pairing may use otherwise than is best for themselves: those that compete, and whoever
    they could drive from its renewal (`alone` says whose it is), and so on. A chain that costs more than leaving its
    first charge unpaired is part of no best pairing."""
    spent = dict.fromkeys(competing, 0)
    waiting = list(competing)
    while waiting:
        i = waiting.pop()
        found = uses.of(i)
        for option in found:
            more = spent[i] + option.cost[0] - found[0].cost[0]
            for renewal in option.renewals if more <= UNPAIRED else ():
                driven = alone.get(renewal)
                if driven is not None and driven != i and more < spent.get(driven, UNPAIRED + 1):
                    spent[driven] = more
                    waiting.append(driven)
    return spent
