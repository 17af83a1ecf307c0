"""The scene: everything about one membership that findings are read off, and what they have in common."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from reconcile.facts import Ref
from reconcile.ledger import BoundBy, Ledger
from reconcile.matching import Match
from reconcile.membership import Membership
from reconcile.money import Money
from reconcile.outcome import Confidence, Finding, FindingKind, FindingStatus
from reconcile.policy import Rules
from reconcile.renewals import Renewal, RenewalKind, plan_amounts
from reconcile.stints import Course
from reconcile.takings import Taking


@dataclass(frozen=True, slots=True)
class Judged:
    """A finding about a charge, with what the remedy needs to know of it."""

    finding: Finding
    taking: Taking
    group: tuple[Taking, ...]  # the charges that compete for the same renewal, this one included
    breach: bool = False
    cites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything about one membership that the findings are read off."""

    ledger: Ledger
    course: Course
    paired: Match
    rules: Rules
    as_of: date

    @property
    def membership(self) -> Membership:
        return self.ledger.membership


def finding_key(ref: Ref) -> str:
    """One charge, one finding: whatever its kind is judged to be."""
    return f"finding:{ref}"


def corrected(finding: Finding, taking: Taking) -> Finding:
    """The finding after what already went back: by other hands in full, it is corrected elsewhere; by ours, settled."""
    back = taking.given_back
    if finding.excess is None or back.total < finding.excess.minor:
        return finding
    seen = max(finding.first_seen, back.last_on or finding.first_seen)
    if back.ours == 0:
        note = f"{Money(back.elsewhere, finding.excess.currency)} of it went back by other hands"
        return _as(finding, FindingKind.CORRECTED_ELSEWHERE, FindingStatus.SETTLED, (note,), seen)
    if back.ours_pending == 0:
        return _as(finding, finding.kind, FindingStatus.SETTLED, (), finding.first_seen)
    return finding


def _as(finding: Finding, kind: FindingKind, status: FindingStatus, notes: tuple[str, ...], seen: date) -> Finding:
    because = finding.because + notes
    if kind is FindingKind.CORRECTED_ELSEWHERE:
        because = (f"it was a {finding.kind}", *because)
    return replace(finding, kind=kind, because=because, first_seen=seen, status=status)


def confidence(scene: Scene, i: int, taking: Taking, *, pays: bool) -> Confidence:
    if bound_confidence(scene, taking) is Confidence.LIKELY or i in scene.paired.ambiguous:
        return Confidence.LIKELY
    if taking.unforeseen is not None:
        return Confidence.LIKELY
    if pays or taking.periods or _came_through_agreement(scene, taking):
        return Confidence.CERTAIN
    known = plan_amounts(scene.membership, scene.paired.renewals)
    return Confidence.CERTAIN if taking.net.minor in known else Confidence.LIKELY


def bound_confidence(scene: Scene, taking: Taking) -> Confidence:
    # A roster built from the provider's records repeats the provider's mistakes: it proves nothing against them.
    own_roster = not scene.membership.stated_by_provider
    sure = taking.by is not BoundBy.EMAIL and scene.ledger.complete and own_roster
    return Confidence.CERTAIN if sure else Confidence.LIKELY


def _came_through_agreement(scene: Scene, taking: Taking) -> bool:
    return taking.through is not None and any(
        a.provider == taking.ref.provider and a.subscription == taking.through for a in scene.membership.agreements
    )


def rivals_for(scene: Scene, renewals: frozenset[int]) -> tuple[Taking, ...]:
    """The charges that pay or duplicate one of these renewals: while one of them is disputed, none is corrected."""
    paired = scene.paired
    members = [
        i
        for i, taking in enumerate(paired.takings)
        if paired.pays[i] & renewals or (not paired.pays[i] and any(_rivals(taking, paired, i, r) for r in renewals))
    ]
    return tuple(paired.takings[i] for i in members)


def _rivals(taking: Taking, paired: Match, i: int, renewal: int) -> bool:
    if taking.net.currency != paired.renewals[renewal].amount.currency:
        return False
    return paired.names[i] == renewal or (paired.names[i] is None and inside(taking, paired.renewals[renewal]))


def inside(taking: Taking, renewal: Renewal) -> bool:
    return renewal.kind is RenewalKind.DUES and renewal.opens <= taking.day < renewal.period_end


def stated_periods(taking: Taking) -> tuple[str, ...]:
    return tuple(f"it names the period {start} to {end}" for start, end in taking.periods)


def said(amount: Money) -> str:
    """The amount as people write it."""
    return str(amount)
