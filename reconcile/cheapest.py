"""The cheapest way to use all charges at once.

The charges are gone through in order of time; for every set of renewals used so far that can still matter, the cheapest
way there is kept. Cost is linear in the number of charges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reconcile.options import FREE, Cost, Option
from reconcile.takings import Taking

_STATES_MAX = 256  # far above what monthly plans need; a bound for daily ones


@dataclass(slots=True)  # not frozen: that would double what making one costs
class _Step:
    """One choice, and the ones before it."""

    charge: int
    renewals: frozenset[int]
    before: _Step | None


@dataclass(slots=True)
class _Way:
    """A way to a state: its cost, its last choice, and the charges that a way of equal cost would use otherwise."""

    cost: Cost
    step: _Step | None
    ambiguous: frozenset[int]


def cheapest(
    order: Sequence[int], takings: Sequence[Taking], options: Mapping[int, Sequence[Option]]
) -> tuple[dict[int, frozenset[int]], frozenset[int]]:
    last_use: dict[int, int] = {}
    for i in order:
        for option in options[i]:
            for renewal in option.renewals:
                last_use[renewal] = i
    over: dict[int, set[int]] = {i: set() for i in order}  # the renewals that nobody behind this charge could pay
    for renewal, i in last_use.items():
        over[i].add(renewal)
    ways: dict[frozenset[int], _Way] = {frozenset(): _Way(FREE, None, frozenset())}
    for i in order:
        reached: dict[frozenset[int], _Way] = {}
        for used, way in ways.items():
            for option in options[i]:
                if not used.isdisjoint(option.renewals):
                    continue
                live = (used | option.renewals) - over[i]
                cost = _add(way.cost, option.cost)
                held = reached.get(live)
                if held is not None and held.cost < cost:
                    continue
                taken = _Way(cost, _Step(i, option.renewals, way.step), way.ambiguous)
                reached[live] = taken if held is None or cost < held.cost else _either(held, taken, takings)
        ways = _pruned(reached)
    best = min(ways.items(), key=lambda item: (item[1].cost, sorted(item[0])))[1]
    return {step.charge: step.renewals for step in _steps(best.step)}, best.ambiguous


def _add(a: Cost, b: Cost) -> Cost:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3], a[4] + b[4], a[5] + b[5])


def _either(held: _Way, other: _Way, takings: Sequence[Taking]) -> _Way:
    """Of two ways of equal cost the one found first, which charges it is not sure of noted."""
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
