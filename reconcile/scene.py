"""The scene: everything about one membership that findings are read off, and what they have in common."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from reconcile.facts import Ref
from reconcile.ledger import BoundBy, Ledger
from reconcile.matching import Match
from reconcile.membership import Membership
from reconcile.money import Money
from reconcile.outcome import Confidence, Finding, FindingKind, FindingStatus
from reconcile.policy import Rules
from reconcile.renewals import plan_amounts
from reconcile.stints import Course
from reconcile.takings import Taking


@dataclass(frozen=True, slots=True)
class Judged:
    """A finding about a charge, with what the remedy needs to know of it."""

    finding: Finding
    taking: Taking
    contested: bool  # it, or a charge that competes for the same renewal, is in dispute
    breach: bool = False
    cites: tuple[str, ...] = ()


@dataclass(frozen=True)
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

    @cached_property
    def amounts(self) -> frozenset[int]:
        """Every amount that the plan has."""
        return plan_amounts(self.membership, self.paired.renewals)

    @cached_property
    def _contested(self) -> frozenset[int]:
        """The renewals that a charge in dispute pays or duplicates."""
        paired = self.paired
        found: set[int] = set()
        for i, taking in enumerate(paired.takings):
            if taking.dispute_open:
                found |= paired.pays[i] or _rivals(paired, i)
        return frozenset(found)

    def contested(self, renewals: AbstractSet[int]) -> bool:
        """Whether a charge that pays or duplicates one of these is in dispute: then none of them is corrected."""
        return not self._contested.isdisjoint(renewals)


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
    return Confidence.CERTAIN if taking.net.minor in scene.amounts else Confidence.LIKELY


def bound_confidence(scene: Scene, taking: Taking) -> Confidence:
    # A roster built from the provider's records repeats the provider's mistakes: it proves nothing against them.
    own_roster = not scene.membership.stated_by_provider
    sure = taking.by is not BoundBy.EMAIL and scene.ledger.complete and own_roster
    return Confidence.CERTAIN if sure else Confidence.LIKELY


def _came_through_agreement(scene: Scene, taking: Taking) -> bool:
    return taking.through is not None and any(
        a.provider == taking.ref.provider and a.subscription == taking.through for a in scene.membership.agreements
    )


def _rivals(paired: Match, i: int) -> set[int]:
    """The renewals for which a charge that pays none competes."""
    taking, named = paired.takings[i], paired.names[i]
    near = paired.calendar.dues_around(taking.day) if named is None else [named]
    return {r for r in near if paired.renewals[r].amount.currency == taking.net.currency}


def stated_periods(taking: Taking) -> tuple[str, ...]:
    return tuple(f"it names the period {start} to {end}" for start, end in taking.periods)


def said(amount: Money) -> str:
    """The amount as people write it."""
    return str(amount)
