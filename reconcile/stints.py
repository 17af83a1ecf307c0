"""Stints: the stretches of time in which a membership runs, and where each one is bound to end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from reconcile.anniversaries import Cycle, last_day_for_notice
from reconcile.facts import EndedBy, Subscription, SubscriptionState
from reconcile.membership import (
    Agreement,
    CancelNotice,
    Channel,
    Membership,
    MonthEnd,
    Notice,
    Plan,
    PlanChange,
    Reactivation,
    Termination,
)
from reconcile.policy import Bundle, NoticeRule, Rules


class Cause(StrEnum):
    """What ended a stint."""

    NOTICE = "notice"
    BREACH = "breach"
    TERM = "term"  # the roster's own end


@dataclass(frozen=True, slots=True)
class End:
    """A stint's end: the first date that is no longer owed, since when it was known, and under which clause."""

    on: date
    cause: Cause
    known_on: date
    clause: str | None = None
    bundle: str | None = None


@dataclass(frozen=True, slots=True)
class Stint:
    """`[anchor, end.on)`, or until `cut` where a re-activation re-anchored a membership that nobody had cancelled."""

    anchor: date
    first: bool
    end: End | None = None
    cut: date | None = None

    def covers(self, day: date) -> bool:
        return self.anchor <= day and (self.cut is None or day < self.cut) and (self.end is None or day < self.end.on)


@dataclass(frozen=True, slots=True)
class Anniversary:
    """One date of a stint on which a cycle begins, with the next one and the plan in force."""

    on: date
    following: date
    plan: Plan


@dataclass(frozen=True, slots=True)
class Course:
    """The stints of a membership in order, and the notices that were not written although they had to be."""

    stints: tuple[Stint, ...]
    unwritten: tuple[tuple[CancelNotice, str], ...]

    def ended(self, day: date) -> Stint | None:
        """The stint after whose end `day` lies, with no later stint begun; None in running time."""
        begun = [s for s in self.stints if s.anchor <= day]
        if not begun:
            return None
        last = begun[-1]
        return last if last.end is not None and day >= last.end.on else None


def local_date(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def day_begins(day: date, zone: str) -> datetime:
    """The moment at which a date of the merchant's zone begins."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def day_over(day: date, zone: str) -> datetime:
    """The moment at which a date of the merchant's zone is over."""
    return day_begins(day + timedelta(days=1), zone)


def anniversaries(membership: Membership, stint: Stint) -> Iterator[Anniversary]:
    """Every anniversary of a stint, without end: a plan with another interval takes over at the first one due on or
    after its date."""
    plan = _plan_on(membership, stint.anchor)
    cycle = Cycle.of(stint.anchor, plan.every, plan.count, plan.month_end)
    dates = cycle.dates()
    day = next(dates)
    while True:
        plan = _plan_on(membership, day)
        if (plan.every, plan.count) != (cycle.every, cycle.count):
            strives_for = cycle.day if plan.month_end is MonthEnd.CLAMP else day.day
            cycle = Cycle.of(day, plan.every, plan.count, plan.month_end, strives_for)
            dates = cycle.dates()
            next(dates)
        following = next(dates)
        yield Anniversary(day, following, plan)
        day = following


def _plan_on(membership: Membership, day: date) -> Plan:
    plan = membership.plan
    if not membership.changes:
        return plan
    held = [c for c in membership.changes if isinstance(c, PlanChange) and c.since <= day]
    for change in sorted(held, key=lambda c: c.since):
        price = replace(plan.price, minor=change.price_minor)
        plan = replace(plan, price=price, every=change.every, count=change.count, code=change.code)
    return plan


def course(membership: Membership, subscriptions: Sequence[Subscription], rules: Rules, as_of: date) -> Course:
    """How the membership ran, by every notice known at the end of `as_of`, the provider's cancellations included."""
    anchor = membership.started_on + timedelta(days=membership.plan.trial_days)
    stints = [Stint(anchor, first=True)]
    unwritten: list[tuple[CancelNotice, str]] = []
    heard = False  # a notice that binds, since the last re-activation: a call after it changes nothing
    for day, notice in _notices(membership, subscriptions, rules, as_of):
        current = stints[-1]
        match notice:
            case Reactivation():
                stints[-1:] = _reactivated(current, notice, heard=heard)
                unwritten = [] if stints[-1] != current else unwritten
                heard = False
            case Termination():
                stints[-1] = _bound(current, End(max(notice.on, current.anchor), Cause.BREACH, day))
                heard = True
            case CancelNotice():
                bundle = _deciding(membership, rules, day)
                if not notice.channel.written and bundle is not None and bundle.written is not None:
                    unwritten += [] if heard else [(notice, bundle.cite(bundle.written))]
                    continue
                stints[-1] = _bound(current, _binding(membership, current, bundle, day, rules))
                unwritten, heard = [], True
    ended_on = membership.ended_on
    if ended_on is not None and (stints[-1].first or ended_on > stints[-1].anchor):
        stints[-1] = _bound(stints[-1], End(max(ended_on, stints[-1].anchor), Cause.TERM, ended_on))
    return Course(tuple(stints), tuple(unwritten))


def _reactivated(current: Stint, notice: Reactivation, *, heard: bool) -> list[Stint]:
    if current.end is not None and current.end.on <= notice.on:
        return [current, Stint(notice.on, first=False)]
    if heard:  # before the end came: the notice is withdrawn and the anniversary stays
        return [replace(current, end=None)]
    if notice.on <= current.anchor:
        return [current]
    return [replace(current, cut=notice.on), Stint(notice.on, first=False)]


def _bound(stint: Stint, end: End) -> Stint:
    """Of several ends the earliest counts; of two on one day a breach, since it bars remedies."""
    if stint.end is None or (end.on, end.cause is not Cause.BREACH) < (
        stint.end.on,
        stint.end.cause is not Cause.BREACH,
    ):
        return replace(stint, end=end)
    return stint


def _binding(membership: Membership, stint: Stint, bundle: Bundle | None, day: date, rules: Rules) -> End:
    """The first anniversary after the notice that leaves it the time the policy asks for."""
    rule = bundle.notice if bundle is not None and bundle.notice is not None else NoticeRule("", 0)
    for anniversary in anniversaries(membership, stint):
        in_time = day <= last_day_for_notice(anniversary.on, rule.business_days, rules.holidays)
        if anniversary.on > day and in_time:
            clause = bundle.cite(rule.clause) if bundle is not None and rule.clause else None
            return End(anniversary.on, Cause.NOTICE, day, clause, bundle.name if bundle else None)
    raise AssertionError("anniversaries have no end")


def _deciding(membership: Membership, rules: Rules, day: date) -> Bundle | None:
    for bundle in rules.policy.bundles(membership.policy, day):
        if bundle.notice is not None or bundle.written is not None:
            return bundle
    return None


def _notices(
    membership: Membership, subscriptions: Sequence[Subscription], rules: Rules, as_of: date
) -> list[tuple[date, Notice]]:
    """Every notice known by `as_of` with its local date, in order; on one day re-activations come last."""
    told: list[tuple[date, Notice]] = []
    for notice in (*membership.notices, *_provider_notices(membership, subscriptions, rules)):
        day = local_date(notice.at, rules.zone) if isinstance(notice, CancelNotice) else notice.on
        if day <= as_of:
            told.append((day, notice))
    return sorted(told, key=lambda pair: (pair[0], isinstance(pair[1], Reactivation), repr(pair[1])))


def _provider_notices(
    membership: Membership, subscriptions: Sequence[Subscription], rules: Rules
) -> Iterator[CancelNotice]:
    """Cancellations made at the provider, where they end the membership and not only one of its agreements."""
    for subscription in subscriptions:
        at = cancelled_at(subscription)
        if at is not None and not _goes_on(membership, subscriptions, subscription, at, rules.zone):
            yield CancelNotice(at, Channel.PROVIDER)


def cancelled_at(subscription: Subscription) -> datetime | None:
    """When a person asked for the end; None where nobody did, or the provider ended it by itself."""
    if subscription.ended_by is EndedBy.PROVIDER:
        return None
    if subscription.state is SubscriptionState.ENDED:
        return subscription.cancel_requested_at or subscription.ended_at
    return subscription.cancel_requested_at


def _goes_on(
    membership: Membership, subscriptions: Sequence[Subscription], ended: Subscription, at: datetime, zone: str
) -> bool:
    """Whether another agreement of the membership is in force at that time, or follows."""
    day = local_date(at, zone)
    known = {(s.ref.provider, s.ref.id): s for s in subscriptions}
    others = [a for a in membership.agreements if (a.provider, a.subscription) != (ended.ref.provider, ended.ref.id)]
    rostered = {(a.provider, a.subscription) for a in membership.agreements}
    others += [
        Agreement(s.ref.provider, s.ref.id, since=None if s.started_at is None else local_date(s.started_at, zone))
        for s in subscriptions
        if s.ref != ended.ref and (s.ref.provider, s.ref.id) not in rostered
    ]
    return any(
        _runs_or_follows(other, known.get((other.provider, other.subscription or "")), day, zone) for other in others
    )


def _runs_or_follows(other: Agreement, fact: Subscription | None, day: date, zone: str) -> bool:
    if other.subscription is None:
        # Only a customer or payer id: it names no agreement that could go on by itself.
        return False
    if other.since is not None and other.since >= day:
        return True
    if not other.in_force(day):
        return False
    if fact is None:
        return True
    gone = [t for t in (cancelled_at(fact), fact.ended_at) if t is not None]
    return not any(local_date(t, zone) <= day for t in gone)
