"""The one door: `reconcile(ledger, rules, as_of) -> Outcome`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from reconcile.membership import CancelNotice, Membership
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
from reconcile.renewals import AHEAD_DAYS, EARLY_DAYS, Renewal, RenewalKind, expected_renewals, next_due
from reconcile.returns import Returns, given_back
from reconcile.scene import Scene, finding_key
from reconcile.standing import live_agreements, missed_from, missed_renewals, unwritten_notices
from reconcile.stints import Course, course, day_over, local_date
from reconcile.takings import Taking, takings


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
    taken = takings(ledger, rules.zone, as_of)
    owed = _owed(ledger.membership, ran, taken, as_of, granted)
    failures = [local_date(f.failed_at, rules.zone) for f in ledger.failed_payments]
    return Scene(ledger, ran, match(taken, owed, [day for day in failures if day <= as_of], ran), rules, as_of)


def _owed(
    membership: Membership, ran: Course, taken: Sequence[Taking], as_of: date, granted: Sequence[tuple[date, int]]
) -> tuple[Renewal, ...]:
    """What may be paid by now: what is due in the next days, and dues to come where a charge says that it was taken for
    them, however early."""
    until = as_of + timedelta(days=EARLY_DAYS)
    named = [start for start in _named(taken) if as_of < start <= as_of + timedelta(days=AHEAD_DAYS)]
    furthest = max([until, *(start + timedelta(days=EARLY_DAYS) for start in named)])
    owed = expected_renewals(membership, ran, furthest, granted)
    return tuple(r for r in owed if r.opens <= as_of or _is_named(r, named)) if furthest > until else owed


def _is_named(renewal: Renewal, starts: Sequence[date]) -> bool:
    near = any(abs((renewal.due - start).days) <= EARLY_DAYS for start in starts)
    return renewal.kind is RenewalKind.DUES and near


def _named(taken: Sequence[Taking]) -> Iterator[date]:
    """The first days of the periods that charges name."""
    yield from (start for taking in taken for start, _ in taking.periods)


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
    days += [start - timedelta(days=AHEAD_DAYS) for start in _named(scene.paired.takings)]
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
