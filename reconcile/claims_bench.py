"""What a claim is decided on: the charge, the judged ledger, the bundles in force when the charge was made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from reconcile.claims_clauses import Case
from reconcile.claims_types import Claim, ClaimKind
from reconcile.facts import ChargeState
from reconcile.findings import charge_findings
from reconcile.judgement import reconcile, survey
from reconcile.ledger import Ledger
from reconcile.membership import PlanChange, Termination
from reconcile.outcome import Outcome
from reconcile.policy import Bundle, Rules, When
from reconcile.renewals import Renewal, RenewalKind
from reconcile.scene import Judged, Scene
from reconcile.stints import Cause, anniversaries, local_date
from reconcile.takings import Taking

YEAR_DAYS = 365
_UNLAWFUL = ("unlawful", "illegal", "contrary to law")


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that bears on one claim. `taking` is the charge it is about, `at` its index, `period` the dues of it
    that the claim is about."""

    claim: Claim
    rules: Rules
    as_of: datetime
    scene: Scene
    outcome: Outcome
    judged: tuple[Judged, ...]
    at: int | None
    period: Renewal | None
    case: Case

    @property
    def taking(self) -> Taking | None:
        return None if self.at is None else self.scene.paired.takings[self.at]

    @property
    def bundles(self) -> tuple[Bundle, ...]:
        """In the version in force when the charge was made; without a charge, when the claim came."""
        on = self.taking.day if self.taking is not None else self.received_on
        return self.rules.policy.bundles(self.scene.membership.policy, on)

    @property
    def received_on(self) -> date:
        return local_date(self.claim.received_at, self.rules.zone)

    @property
    def untaken(self) -> ChargeState | None:
        """The state of a claimed charge that took no money; None where it did, or is not known."""
        found = [b.charge for b in self.scene.ledger.charges if b.charge.ref == self.claim.charge]
        return found[0].state if found and self.at is None else None


def bench(claim: Claim, ledger: Ledger, rules: Rules, as_of: datetime) -> Bench:
    """Put together what the claim is decided on. What it was granted before does not count for itself."""
    others = replace(ledger, granted=tuple(g for g in ledger.granted if g.claim != claim.id))
    day = local_date(as_of, rules.zone)
    scene = survey(others, rules, day)
    at = _charge(claim, scene, rules)
    period = _period(claim, scene, at, rules)
    taken_on = None if at is None else scene.paired.takings[at].day
    received = local_date(claim.received_at, rules.zone)
    case = Case(
        claim.kind,
        None if taken_on is None else (received - taken_on).days,
        _met(scene, period, max(received, day)),
        _plan_code(scene, period),
    )
    return Bench(
        claim, rules, as_of, scene, reconcile(others, rules, day), tuple(charge_findings(scene)), at, period, case
    )


def _charge(claim: Claim, scene: Scene, rules: Rules) -> int | None:
    """The charge that the claim names; else the one that paid the time it is about, else the only one there is."""
    taken = scene.paired.takings
    if claim.charge is not None:
        return next((i for i, taking in enumerate(taken) if taking.ref == claim.charge), None)
    day = _about(claim, rules)
    payers = {
        i
        for r, renewal in enumerate(scene.paired.renewals)
        if renewal.kind is RenewalKind.DUES and day is not None and renewal.contains(day)
        for i in scene.paired.payers(r)
    }
    if len(payers) == 1:
        return payers.pop()
    return 0 if len(taken) == 1 else None


def _about(claim: Claim, rules: Rules) -> date | None:
    """The day whose period the claim is about, where its kind says so."""
    if claim.kind is ClaimKind.UNUSED_PERIOD:
        return local_date(claim.received_at, rules.zone)
    return local_date(claim.disruption.since, rules.zone) if claim.disruption is not None else None


def _period(claim: Claim, scene: Scene, at: int | None, rules: Rules) -> Renewal | None:
    if at is None:
        return None
    paid = [scene.paired.renewals[r] for r in sorted(scene.paired.pays[at])]
    dues = [renewal for renewal in paid if renewal.kind is RenewalKind.DUES]
    day = _about(claim, rules)
    meant = [renewal for renewal in dues if day is not None and renewal.contains(day)]
    return next(iter([*meant, *dues]), None)


def _met(scene: Scene, period: Renewal | None, day: date) -> frozenset[When]:
    met = {When.PAID_YEAR if _years(scene, period) else When.PART_MONTH}
    ended = scene.course.ended(day)
    if ended is not None and ended.end is not None and ended.end.cause is Cause.BREACH:
        met.add(When.BREACH)
        reasons = [n.reason.lower() for n in scene.membership.notices if isinstance(n, Termination) and n.on <= day]
        if any(word in reason for reason in reasons for word in _UNLAWFUL):
            met.add(When.UNLAWFUL)
    return frozenset(met)


def _years(scene: Scene, period: Renewal | None) -> bool:
    if period is None:
        return scene.membership.plan.every.value == "year"
    # A year that was cut short by its end was paid as a year all the same.
    return (full_end(scene, period) - period.due).days >= YEAR_DAYS


def full_end(scene: Scene, period: Renewal) -> date:
    """The end of the period as it was paid, whatever cut the membership short since."""
    for stint in scene.course.stints:
        for anniversary in anniversaries(scene.membership, stint):
            if anniversary.on == period.due:
                return anniversary.following
            if anniversary.on > period.due:
                break
    return period.period_end


def _plan_code(scene: Scene, period: Renewal | None) -> str:
    membership = scene.membership
    due = scene.as_of if period is None else period.due
    changes = [c for c in membership.changes if isinstance(c, PlanChange) and c.since <= due]
    return max(changes, key=lambda c: c.since).code if changes else membership.plan.code
