"""The one door: `reconcile(ledger, rules, as_of) -> Outcome`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from reconcile.bleeding import cancellations
from reconcile.claims_grants import with_grants
from reconcile.claims_returned import resubscriptions
from reconcile.facts import ChargeState
from reconcile.findings import charge_findings
from reconcile.followup import overdue_days, refund_findings
from reconcile.ledger import Ledger, StrayCharge
from reconcile.looks import explain
from reconcile.matching import match
from reconcile.membership import CancelNotice
from reconcile.outcome import (
    Confidence,
    Finding,
    FindingKind,
    HeldBecause,
    Outcome,
    Remedy,
)
from reconcile.policy import Rules
from reconcile.remedies import prescribe, review
from reconcile.renewals import EARLY_DAYS, RenewalKind, expected_renewals, next_due
from reconcile.returns import Returns, given_back
from reconcile.scene import Scene, finding_key
from reconcile.standing import live_agreements, missed_from, missed_renewals, unwritten_notices
from reconcile.stints import course, day_over, local_date
from reconcile.takings import takings


def reconcile(ledger: Ledger, rules: Rules, as_of: date) -> Outcome:
    """Judge one membership on everything that had happened by the end of `as_of` (merchant's zone).

    The same ledger gives the same outcome, whatever the order of its facts.
    """
    scene = survey(ledger, rules, as_of)
    judged = tuple(charge_findings(scene))
    standing = [*missed_renewals(scene), *live_agreements(scene), *unwritten_notices(scene)]
    standing += [*refund_findings(scene, judged), *resubscriptions(scene)]
    remedies: list[Remedy | None] = [*with_grants(scene, judged, (prescribe(case, ledger, rules) for case in judged))]
    remedies += cancellations(scene, judged, standing)
    findings = sorted([*(case.finding for case in judged), *standing], key=lambda f: (f.first_seen, f.key))
    return Outcome(
        ledger.membership.ref,
        tuple(findings),
        tuple(sorted((r for r in remedies if r is not None), key=lambda r: r.key)),
        explain(scene),
        _next_change(scene),
    )


def survey(ledger: Ledger, rules: Rules, as_of: date) -> Scene:
    """Everything that the findings are read off: how the membership ran, what it owed, and what paid it."""
    ran = course(ledger.membership, ledger.subscriptions, rules, as_of)
    granted = _granted(ledger, rules, as_of)
    owed = expected_renewals(ledger.membership, ran, as_of + timedelta(days=EARLY_DAYS), granted)
    taken = takings(ledger, rules.zone, as_of)
    failures = [local_date(f.failed_at, rules.zone) for f in ledger.failed_payments]
    return Scene(ledger, ran, match(taken, owed, [day for day in failures if day <= as_of], ran), rules, as_of)


def _granted(ledger: Ledger, rules: Rules, as_of: date) -> list[tuple[date, int]]:
    """The credits that lower what is owed. Of one that others made nobody knows which bill it will be used for: the
    bill says so itself (`takings.Taking.by_balance`)."""
    currency = ledger.membership.plan.price.currency
    days = [(local_date(c.made_at, rules.zone), c.amount) for c in ledger.credits if c.remedy is not None]
    return [(day, amount.minor) for day, amount in days if day <= as_of and amount.currency == currency]


def _next_change(scene: Scene) -> date | None:
    """The first date after `as_of` on which time alone can change the judgement."""
    zone, as_of = scene.rules.zone, scene.as_of
    over = day_over(as_of, zone)
    days = [local_date(at, zone) for at in _moments(scene.ledger) if at >= over]
    days += [
        local_date(notice.at, zone) if isinstance(notice, CancelNotice) else notice.on
        for notice in scene.membership.notices
    ]
    days += [stint.end.on for stint in scene.course.stints if stint.end is not None]
    days += [a.until for a in scene.membership.agreements if a.until is not None]
    paid_or_missed = [scene.paired.renewals[i] for i in scene.paired.unpaid]
    days += [missed_from(r.due, scene.rules) for r in paid_or_missed if r.kind is RenewalKind.DUES]
    days += overdue_days(scene.ledger, zone)
    days += _coming(scene)
    return min((day for day in days if day > as_of), default=None)


def _moments(ledger: Ledger) -> Iterator[datetime]:
    """Every time at which something happened, or is to happen, by the provider's word."""
    yield from (bound.charge.taken_at for bound in ledger.charges)
    yield from (refund.made_at for refund in ledger.refunds)
    yield from (failed.failed_at for failed in ledger.failed_payments)
    yield from (dispute.opened_at for dispute in ledger.disputes if dispute.opened_at is not None)
    for told in ledger.subscriptions:
        moments = (told.started_at, told.cancel_requested_at, told.ends_at, told.ended_at)
        yield from (at for at in moments if at is not None)


def _coming(scene: Scene) -> list[date]:
    """The day on which the next renewal, not yet expected today, would be missed."""
    coming = next_due(scene.membership, scene.course, scene.as_of + timedelta(days=EARLY_DAYS))
    return [] if coming is None else [missed_from(coming, scene.rules)]


def judge_stray(stray: StrayCharge, rules: Rules, as_of: date) -> tuple[Finding, Remedy] | None:
    """Judge a charge that belongs to no membership; None where it took no money, gave it all back, or is later."""
    charge = stray.charge
    day = local_date(charge.taken_at, rules.zone)
    if charge.state is not ChargeState.TAKEN or charge.amount.minor == 0 or day > as_of:
        return None
    back = given_back(charge, Returns(stray.refunds, stray.disputes), rules.zone, as_of)
    if back.total >= charge.amount.minor:
        return None
    why = (
        f"it fits {', '.join(stray.fits)}: none is guessed"
        if stray.fits
        else "no membership is known by anything it names"
    )
    finding = Finding(
        finding_key(charge.ref),
        FindingKind.UNRECOGNISED_CHARGE,
        None,
        charge.ref,
        None,
        charge.amount,
        None,
        None,
        Confidence.CERTAIN,
        (f"{charge.ref} took {charge.amount} on {day}", why),
        day,
    )
    return finding, review(finding, None, HeldBecause.UNRECOGNISED, "no membership, so nothing is known to be owed")
