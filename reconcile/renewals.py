"""Expected renewals: what a membership owes, when, and in which window it may be taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

from reconcile.anniversaries import Cycle
from reconcile.membership import Agreed, Discount, Membership, Pause, Plan, PlanChange, PriceChange, QuantityChange
from reconcile.money import Money, half_up
from reconcile.stints import Anniversary, Course, Stint, anniversaries

C = TypeVar("C", PriceChange | PlanChange, QuantityChange)

EARLY_DAYS = 2  # a charge may come this many days before its renewal is due
LATE_DAYS = 35  # and this many after
AHEAD_DAYS = 400  # a charge that names its period is believed this far ahead: the yearly dues of next year
YEARS_AHEAD = 30  # no pause is looked past for longer
_SHARED = 4096  # many memberships began on one day under one plan: what such owe is worked out once


class RenewalKind(StrEnum):
    DUES = "dues"
    SETUP = "setup"
    AGREED = "agreed"


@dataclass(frozen=True, slots=True)
class Renewal:
    """An expected charge. It pays `[due, period_end)` and may be taken on `[opens, closes]`."""

    kind: RenewalKind
    due: date
    period_end: date
    amount: Money
    opens: date
    closes: date
    what: str = ""

    def contains(self, day: date) -> bool:
        return self.due <= day < self.period_end


def expected_renewals(
    membership: Membership, course: Course, until: date, granted: Sequence[tuple[date, int]]
) -> tuple[Renewal, ...]:
    """All that is owed and due on or before `until`, in order of due date. `granted` credits (date, minor units) lower
    the dues that come after them."""
    bare = not (membership.changes or granted or membership.plan.setup_fee_minor)
    if bare and len(course.stints) == 1:
        return _plain_dues(membership.plan, course.stints[0], until)
    setup = _setup_due(membership, course.stints[0]) if membership.started_on <= until else None
    renewals = [] if setup is None else [_setup(membership, setup)]
    for stint in course.stints:
        for anniversary in anniversaries(membership, stint):
            if anniversary.on > until or not stint.covers(anniversary.on):
                break
            if paused(membership, anniversary.on):
                continue
            renewals.append(_dues(stint, anniversary, _price(membership, anniversary)))
    renewals = _credited(_discounted(membership, renewals), granted) if granted or membership.changes else renewals
    renewals += [_agreed(membership, c) for c in membership.changes if isinstance(c, Agreed) and c.on <= until]
    return tuple(sorted(renewals, key=lambda r: (r.due, r.kind, r.what, r.amount)))


def _setup_due(membership: Membership, first: Stint) -> date | None:
    """With which dues the set-up fee is taken at the latest; None where there is none. It is owed from joining on, also
    where a trial puts the first dues off, and by whoever leaves before them."""
    if not membership.plan.setup_fee_minor:
        return None
    end = first.end
    if end is not None and end.on <= first.anchor:
        joined = end.known_on >= membership.started_on and membership.started_on < end.on
        return first.anchor if joined else None
    for anniversary in anniversaries(membership, first):
        if not first.covers(anniversary.on) or anniversary.on.year > first.anchor.year + YEARS_AHEAD:
            break
        if not paused(membership, anniversary.on):
            return anniversary.on
    return first.anchor


@lru_cache(_SHARED)
def _plain_dues(plan: Plan, stint: Stint, until: date) -> tuple[Renewal, ...]:
    """The dues of a stint in which nothing changes."""
    dues = []
    for on, following in pairwise(Cycle.of(stint.anchor, plan.every, plan.count, plan.month_end).dates()):
        if on > until or not stint.covers(on):
            break
        dues.append(_dues(stint, Anniversary(on, following, plan), plan.price))
    return tuple(dues)


def next_due(membership: Membership, course: Course, after: date) -> date | None:
    """The first date after `after` on which dues fall due; None where nothing is to come."""
    if not membership.changes and len(course.stints) == 1:
        return _plain_next(membership.plan, course.stints[0], after)
    for stint in course.stints:
        for anniversary in anniversaries(membership, stint):
            if not stint.covers(anniversary.on) or anniversary.on.year > after.year + YEARS_AHEAD:
                break
            if anniversary.on > after and not paused(membership, anniversary.on):
                return anniversary.on
    return None


@lru_cache(_SHARED)
def _plain_next(plan: Plan, stint: Stint, after: date) -> date | None:
    for on in Cycle.of(stint.anchor, plan.every, plan.count, plan.month_end).dates():
        if not stint.covers(on) or on.year > after.year + YEARS_AHEAD:
            break
        if on > after:
            return on
    return None


def paused(membership: Membership, day: date) -> bool:
    return any(isinstance(c, Pause) and c.since <= day < c.until for c in membership.changes)


def plan_amounts(membership: Membership, renewals: tuple[Renewal, ...]) -> frozenset[int]:
    """Every amount (minor units) that the plan has: prices as listed and as owed, the set-up fee, both together."""
    prices = {membership.plan.price.minor, *(r.amount.minor for r in renewals)}
    prices |= {c.price_minor for c in membership.changes if isinstance(c, PriceChange | PlanChange)}
    setup = membership.plan.setup_fee_minor
    if setup:
        prices |= {p + setup for p in prices} | {setup}
    return frozenset(prices)


def _dues(stint: Stint, anniversary: Anniversary, price: Money) -> Renewal:
    ends = [anniversary.following]
    ends += [stint.end.on] if stint.end is not None else []
    ends += [stint.cut] if stint.cut is not None else []
    return Renewal(
        RenewalKind.DUES,
        anniversary.on,
        min(ends),
        price,
        anniversary.on - timedelta(days=EARLY_DAYS),
        anniversary.on + timedelta(days=LATE_DAYS),
    )


def _setup(membership: Membership, due: date) -> Renewal:
    return Renewal(
        RenewalKind.SETUP,
        due,
        due,  # it pays no period
        Money(membership.plan.setup_fee_minor, membership.plan.price.currency),
        membership.started_on - timedelta(days=EARLY_DAYS),
        due + timedelta(days=LATE_DAYS),
    )


def _agreed(membership: Membership, agreed: Agreed) -> Renewal:
    return Renewal(
        RenewalKind.AGREED,
        agreed.on,
        agreed.on,
        Money(agreed.amount_minor, membership.plan.price.currency),
        agreed.on - timedelta(days=EARLY_DAYS),
        agreed.on + timedelta(days=LATE_DAYS),
        agreed.what,
    )


def _price(membership: Membership, anniversary: Anniversary) -> Money:
    """The price in force on the due date times the quantity in force."""
    if not membership.changes:
        return membership.plan.price
    held = [c for c in membership.changes if isinstance(c, PriceChange | PlanChange) and c.since <= anniversary.on]
    price = _latest(held).price_minor if held else membership.plan.price.minor
    quantities = [c for c in membership.changes if isinstance(c, QuantityChange) and c.since <= anniversary.on]
    quantity = _latest(quantities).quantity if quantities else 1
    return Money(price * quantity, membership.plan.price.currency)


def _latest(changes: Sequence[C]) -> C:
    """The change in force: the newest; of several of one day the one stated last."""
    return max(enumerate(changes), key=lambda pair: (pair[1].since, pair[0]))[1]


def _discounted(membership: Membership, renewals: list[Renewal]) -> list[Renewal]:
    """Each discount takes its share off the first `periods` dues from its date on; several multiply, rounded once."""
    shares: dict[date, int] = {}
    scale: dict[date, int] = {}
    dues = [r.due for r in renewals if r.kind is RenewalKind.DUES]
    for discount in (c for c in membership.changes if isinstance(c, Discount)):
        for due in [d for d in dues if d >= discount.since][: discount.periods]:
            shares[due] = shares.get(due, 1) * (10000 - discount.percent_hundredths)
            scale[due] = scale.get(due, 1) * 10000
    return [
        _reduced(r, shares.get(r.due, 1), scale.get(r.due, 1)) if r.kind is RenewalKind.DUES else r for r in renewals
    ]


def _credited(renewals: list[Renewal], granted: Sequence[tuple[date, int]]) -> list[Renewal]:
    """Each credit pays the first dues due after its day, and what is left of it the next ones."""
    lowered = list(renewals)
    for day, minor in sorted(granted):
        left = minor
        for i, renewal in enumerate(lowered):
            if renewal.kind is RenewalKind.DUES and renewal.due > day and left > 0:
                used = min(left, renewal.amount.minor)
                lowered[i] = replace(renewal, amount=Money(renewal.amount.minor - used, renewal.amount.currency))
                left -= used
    return [r for r in lowered if r.amount.minor > 0 or r in renewals]


def _reduced(renewal: Renewal, part: int, whole: int) -> Renewal:
    if part == whole:
        return renewal
    amount = Money(half_up(renewal.amount.minor * part, whole), renewal.amount.currency)
    return Renewal(renewal.kind, renewal.due, renewal.period_end, amount, renewal.opens, renewal.closes, renewal.what)
