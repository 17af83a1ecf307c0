"""What claims were granted, weighed against what the records prove: one remedy a charge, the larger of the two, never
their sum, and never more than the charge still holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from reconcile.claims_types import Granted
from reconcile.money import Money
from reconcile.outcome import HeldBecause, Remedy, RemedyKind, RemedyState
from reconcile.remedies import capped, remedy_key, waiting
from reconcile.scene import Judged, Scene
from reconcile.takings import Taking

_BY_ITSELF = frozenset({RemedyState.QUEUED, RemedyState.SUBMITTED, RemedyState.SETTLED})


@dataclass(frozen=True, slots=True)
class Weighed:
    """The remedy of a charge and the grant it comes from; None: it comes from a finding. `gross` is before what went
    back."""

    remedy: Remedy
    gross: int
    grant: Granted | None = None


def with_grants(scene: Scene, judged: Sequence[Judged], remedies: Iterable[Remedy | None]) -> list[Remedy]:
    """The remedies of the findings, and of the claims that were granted more or something else."""
    held = {remedy.key: remedy for remedy in remedies if remedy is not None}
    if not scene.ledger.granted:
        return list(held.values())
    cases = {case.taking.ref: case for case in judged}
    for i, taking in enumerate(scene.paired.takings):
        grants = [g for g in scene.ledger.granted if g.charge == taking.ref]
        key = remedy_key(taking.ref)
        found = weigh(scene, i, cases.get(taking.ref), held.get(key), grants) if grants else None
        if found is not None:
            held[key] = found.remedy
    return list(held.values())


def weigh(scene: Scene, i: int, case: Judged | None, found: Remedy | None, grants: Sequence[Granted]) -> Weighed | None:
    """The one remedy of a charge; None where nothing is owed on it."""
    best = None if found is None else Weighed(found, _gross(case, found))
    for grant in sorted(grants, key=lambda g: (-(g.gross.minor if g.gross else 0), g.held is not None, g.claim)):
        made = _made(scene, i, case, grant)
        if made is not None and (best is None or _beats(made, best)):
            best = made
    return best


def _gross(case: Judged | None, found: Remedy) -> int:
    if case is not None and case.finding.excess is not None:
        return case.finding.excess.minor
    return found.amount.minor if found.amount is not None else 0


def _beats(made: Weighed, best: Weighed) -> bool:
    """The larger, unless the smaller goes by itself while the larger waits: then the difference is left to a person."""
    alone, waits = best.remedy.state in _BY_ITSELF, made.remedy.state is RemedyState.HELD
    if made.gross == best.gross:
        return not alone and not waits
    if made.gross < best.gross:
        return best.remedy.state is RemedyState.HELD and made.remedy.state is RemedyState.QUEUED
    # What was paid already is no reason to keep silent about the rest.
    return not (best.remedy.state is RemedyState.QUEUED and waits)


def _made(scene: Scene, i: int, case: Judged | None, grant: Granted) -> Weighed | None:
    """The remedy of one grant as things stand now."""
    taking = scene.paired.takings[i]
    gross = 0 if grant.gross is None else grant.gross.minor
    owed = owed_on(taking, grant.gross)
    if owed is not None and owed.minor == 0 and grant.kind is not RemedyKind.REPLACE:
        return _paid(scene, case, grant, taking, gross)
    held = grant.held or _held(scene, i, case, owed)
    state = RemedyState.QUEUED if held is None else RemedyState.HELD
    return Weighed(_remedy(scene, case, grant, owed, state, held), gross, grant)


def owed_on(taking: Taking, gross: Money | None) -> Money | None:
    """What of a gross amount is still to be paid: never more than the charge still holds."""
    if gross is None:
        return None
    back = taking.given_back.total
    left = max(taking.charge.amount.minor - back, 0)
    return Money(max(min(gross.minor - back, left), 0), gross.currency)


def _paid(scene: Scene, case: Judged | None, grant: Granted, taking: Taking, gross: int) -> Weighed | None:
    """The remedy that makegood's own refunds already were; None where other hands gave it back."""
    back = taking.given_back
    if back.ours == 0:
        return None
    amount = Money(back.ours, taking.charge.amount.currency)
    state = RemedyState.SUBMITTED if back.ours_pending else RemedyState.SETTLED
    remedy = replace(_remedy(scene, case, grant, amount, state, None), kind=RemedyKind.REFUND)
    return Weighed(remedy, gross, grant)


def _held(scene: Scene, i: int, case: Judged | None, owed: Money | None) -> HeldBecause | None:
    """Why what a clause obliges to waits all the same."""
    taking = scene.paired.takings[i]
    contested = case.contested if case is not None else taking.dispute_open or scene.contested(scene.paired.pays[i])
    if contested:
        return HeldBecause.DISPUTED
    if taking.given_back.ours:
        return HeldBecause.CHANGED  # money went out for this charge already: the difference is for a person
    if (waits := waiting(scene.ledger)) is not None:
        return waits
    return None if owed is None else capped(owed, scene.rules)


def _remedy(  # noqa: PLR0917 - each is a field of the remedy
    scene: Scene,
    case: Judged | None,
    grant: Granted,
    amount: Money | None,
    state: RemedyState,
    held: HeldBecause | None,
) -> Remedy:
    """One key a charge; it hangs on the finding about the charge where there is one."""
    return Remedy(
        remedy_key(grant.charge),
        f"claim:{grant.claim}" if case is None else case.finding.key,
        grant.kind,
        amount,
        state,
        grant.clause,
        grant.policy_version,
        grant.cited,
        held,
        f"claim {grant.claim}: {grant.arithmetic}" if grant.arithmetic else f"claim {grant.claim}",
        membership=scene.membership.ref,
    )
