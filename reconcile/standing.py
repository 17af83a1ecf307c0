"""Findings that belong to no charge: renewals that never came, agreements still live, notices that were not written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from reconcile.facts import ChargeState, Subscription, SubscriptionState
from reconcile.money import Money
from reconcile.outcome import Confidence, Finding, FindingKind
from reconcile.policy import Rules
from reconcile.renewals import RenewalKind
from reconcile.scene import Scene
from reconcile.stints import local_date

_ENDING_DAYS = 2  # a planned end this near is the confirmation


def missed_renewals(scene: Scene) -> Iterator[Finding]:
    """Dues that no charge paid, from the day after the dunning window."""
    pending = [
        local_date(b.charge.taken_at, scene.rules.zone)
        for b in scene.ledger.charges
        if b.charge.state is ChargeState.PENDING
    ]
    settled = _paid_by_no_charge(scene)
    for index in scene.paired.unpaid:
        renewal = scene.paired.renewals[index]
        if renewal.amount.minor <= settled.get(index, 0):
            continue
        seen = missed_from(renewal.due, scene.rules)
        awaited = any(renewal.opens <= day <= renewal.closes for day in pending)
        judged = scene.rules.judge_from is None or renewal.due >= scene.rules.judge_from
        if renewal.kind is RenewalKind.DUES and seen <= scene.as_of and judged and not awaited:
            yield Finding(
                f"missed:{scene.membership.ref}:{renewal.due}",
                FindingKind.MISSED_RENEWAL,
                scene.membership.ref,
                None,
                renewal.due,
                Money(0, renewal.amount.currency),
                renewal.amount,
                None,
                Confidence.CERTAIN if scene.ledger.complete else Confidence.LIKELY,
                (
                    f"no charge paid the renewal due on {renewal.due}",
                    f"payment was awaited for {scene.rules.dunning_days} days",
                ),
                seen,
            )


def _paid_by_no_charge(scene: Scene) -> dict[int, int]:
    """What was paid for renewals by bills that the provider says are paid and that no charge paid: from the customer's
    balance, or outside the provider."""
    settled: dict[int, int] = {}
    for bill in scene.ledger.invoices:
        if bill.status == "paid" and bill.paid_minor == 0 and bill.currency == scene.membership.plan.price.currency:
            for line in bill.lines:
                if line.period_start is not None and not line.proration:
                    day = local_date(line.period_start, scene.rules.zone)
                    for index in scene.paired.calendar.dues_near(day)[:1]:
                        settled[index] = settled.get(index, 0) + line.amount_minor
    return settled


def missed_from(due: date, rules: Rules) -> date:
    """The first day on which dues that nobody paid are missed."""
    return due + timedelta(days=rules.dunning_days + 1)


def live_agreements(scene: Scene) -> Iterator[Finding]:
    """Agreements that the provider can still charge although the membership has ended or moved to another agreement."""
    for subscription in sorted(scene.ledger.subscriptions, key=lambda s: s.ref):
        since, why = _should_have_ended(scene, subscription)
        if since is None or not _live(subscription, scene) or _ends_anyway(subscription, since, scene):
            continue
        yield Finding(
            f"live:{scene.membership.ref}:{subscription.ref}",
            FindingKind.LIVE_AFTER_CANCELLATION,
            scene.membership.ref,
            None,
            None,
            None,
            None,
            None,
            Confidence.CERTAIN if scene.ledger.complete else Confidence.LIKELY,
            (why, f"{subscription.ref} is still live at the provider", *_confirmation(scene)),
            max(since, local_date(subscription.started_at, scene.rules.zone)) if subscription.started_at else since,
            agreement=subscription.ref,
        )


def _should_have_ended(scene: Scene, subscription: Subscription) -> tuple[date | None, str]:
    stint = scene.course.ended(scene.as_of)
    if stint is not None and stint.end is not None:
        return stint.end.on, f"the membership ended on {stint.end.on}"
    for agreement in scene.membership.agreements:
        own = (agreement.provider, agreement.subscription) == (subscription.ref.provider, subscription.ref.id)
        if own and agreement.until is not None and agreement.until <= scene.as_of:
            return agreement.until, f"the agreement was given up on {agreement.until}"
    return None, ""


def _live(subscription: Subscription, scene: Scene) -> bool:
    if subscription.started_at is not None and local_date(subscription.started_at, scene.rules.zone) > scene.as_of:
        return False
    if subscription.state is SubscriptionState.LIVE:
        return True
    ended = subscription.ended_at
    return ended is not None and local_date(ended, scene.rules.zone) > scene.as_of


def _ends_anyway(subscription: Subscription, since: date, scene: Scene) -> bool:
    near = max(since, scene.as_of) + timedelta(days=_ENDING_DAYS)
    planned = [t for t in (subscription.ends_at, subscription.ended_at) if t is not None]
    return any(local_date(t, scene.rules.zone) <= near for t in planned)


def _confirmation(scene: Scene) -> tuple[str, ...]:
    for bundle in scene.rules.policy.bundles(scene.membership.policy, scene.as_of):
        if bundle.confirmation is not None:
            return (f"{bundle.cite(bundle.confirmation)} promises that it has ended there too",)
    return ()


def unwritten_notices(scene: Scene) -> Iterator[Finding]:
    """Cancellations by telephone under a policy that asks for writing: the renewal stays owed, a person follows up."""
    for notice, clause in scene.course.unwritten:
        day = local_date(notice.at, scene.rules.zone)
        yield Finding(
            f"unwritten:{scene.membership.ref}:{notice.at.isoformat()}",
            FindingKind.UNWRITTEN_NOTICE,
            scene.membership.ref,
            None,
            None,
            None,
            None,
            None,
            Confidence.CERTAIN,
            (
                f"a cancellation came by {notice.channel} on {day}",
                f"{clause} asks for it in writing: renewals stay owed",
            ),
            day,
        )
