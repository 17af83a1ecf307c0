"""The answers that pay, or would: the amount of a clause weighed against everything else on the charge."""

from __future__ import annotations

from reconcile.claims_amounts import Reckoned, less_fees, reckon
from reconcile.claims_answers import ask, held, refuse
from reconcile.claims_bench import Bench
from reconcile.claims_clauses import Choice
from reconcile.claims_grants import Weighed, owed_on, weigh
from reconcile.claims_types import ClaimDecision, ClaimState, Granted, Prefers
from reconcile.outcome import HeldBecause, Remedy, RemedyKind, RemedyState
from reconcile.policy import Clause, Force
from reconcile.remedies import kind_granted, remedy_key
from reconcile.scene import Judged
from reconcile.takings import Taking


def pay(seat: Bench, choice: Choice, *, bear_fees: bool) -> ClaimDecision:
    """The clause grants: the amount, less what went back already, and whether it goes by itself."""
    taking, clause = seat.taking, choice.clause
    if taking is None or clause is None or seat.at is None:
        return ask(seat, choice, ("charge",))
    reckoned = reckon(seat, clause.amount, taking)
    if reckoned.missing is not None:
        return ask(seat, choice, (reckoned.missing,))
    if reckoned.amount is None:
        return held(seat, HeldBecause.LIKELY, reckoned.arithmetic, choice.cited, choice)
    reckoned, fee_unknown = _after_fees(reckoned, taking, bear_fees=bear_fees)
    granted = _granted(seat, choice, clause, taking, reckoned, fee_unknown=fee_unknown)
    return _weighed(seat, choice, clause, taking, granted)


def _after_fees(reckoned: Reckoned, taking: Taking, *, bear_fees: bool) -> tuple[Reckoned, bool]:
    """The amount after the provider's fee, where the clause bears it; whether that fee is not known."""
    after = less_fees(reckoned, taking) if bear_fees else reckoned
    return after or reckoned, after is None


def recommend(
    seat: Bench, choice: Choice, because: HeldBecause, why: str, cited: tuple[str, ...], *, bear_fees: bool
) -> ClaimDecision:
    """A person decides; the amount that the clause would give is recommended."""
    taking, clause = seat.taking, choice.clause
    reckoned = None if taking is None or clause is None else reckon(seat, clause.amount, taking)
    if taking is None or reckoned is None or reckoned.amount is None:
        return held(seat, because, why, cited)
    reckoned, fee_unknown = _after_fees(reckoned, taking, bear_fees=bear_fees)
    if reckoned.amount is None or fee_unknown:
        return held(seat, because, f"{why}; the provider's fee on it is not known", cited)
    owed = owed_on(taking, reckoned.amount)
    return held(seat, because, why, cited, amount=owed, gross=reckoned.amount, arithmetic=reckoned.arithmetic)


def _granted(
    seat: Bench, choice: Choice, clause: Clause, taking: Taking, reckoned: Reckoned, *, fee_unknown: bool
) -> Granted:
    kind, because = kind_granted(clause.remedy, seat.rules), None
    defect = seat.claim.defect
    gross, arithmetic = reckoned.amount, reckoned.arithmetic
    if clause.terms.repair_hours is not None and defect is not None and defect.prefers is Prefers.REPLACEMENT:
        kind, gross, because = RemedyKind.REPLACE, None, HeldBecause.APPROVAL  # a person hands it out
        arithmetic = "a replacement of about the same value"
    elif clause.force is Force.MAY:
        because = HeldBecause.APPROVAL
    elif fee_unknown:
        because, arithmetic = HeldBecause.LIKELY, f"{arithmetic}; the provider's fee on it is not known"
    version = None if choice.bundle is None else choice.bundle.version
    return Granted(seat.claim.id, taking.ref, kind, gross, because, choice.name, version, choice.cited, arithmetic)


def _weighed(seat: Bench, choice: Choice, clause: Clause, taking: Taking, granted: Granted) -> ClaimDecision:
    """What comes of a grant beside the findings and the other claims on its charge."""
    at = seat.at or 0
    found = next((r for r in seat.outcome.remedies if r.key == remedy_key(taking.ref)), None)
    case = _case(seat, taking)
    alone = weigh(seat.scene, at, case, None, (granted,))
    if granted.gross is not None and granted.gross.minor == 0:
        return refuse(seat, choice, f"{granted.arithmetic}: nothing is left to pay", clause.force)
    if alone is None or alone.remedy.state in (RemedyState.SUBMITTED, RemedyState.SETTLED):
        back = taking.given_back.total
        return refuse(seat, choice, f"{back} of {taking.charge.amount.minor} went back already", clause.force)
    if found is not None and _covers(found, taking, alone, case):
        return _covered(seat, found, taking, granted)
    remedy = alone.remedy
    reason = f"{choice.name} ({clause.heading}): {granted.arithmetic}"
    if taking.given_back.total and remedy.amount is not None:
        reason += f", {taking.given_back.total} of it went back already: {remedy.amount.minor}"
    return _answer(seat, remedy, clause.force, reason, granted)


def _covers(found: Remedy, taking: Taking, alone: Weighed, case: Judged | None) -> bool:
    """Whether what is on its way for this charge already is as much as the claim is granted; what waits for a person is
    on no way, and keeps back nothing that goes by itself."""
    if found.amount is None or found.state in (RemedyState.FAILED, RemedyState.WAIVED):
        return False
    excess = case.finding.excess.minor if case is not None and case.finding.excess is not None else 0
    gross = max(excess, found.amount.minor + taking.given_back.total)
    by_itself = found.state is RemedyState.QUEUED or alone.remedy.state is RemedyState.HELD
    return gross >= alone.gross and by_itself


def _covered(seat: Bench, found: Remedy, taking: Taking, granted: Granted) -> ClaimDecision:
    reason = f"{found.key} gives back as much or more: one payment a charge, the larger, not the sum"
    force = _force(seat, found.clause)
    return _answer(seat, found, force, f"{reason} ({found.arithmetic})", granted, charge=taking)


def _answer(  # noqa: PLR0917 - what an answer is made of
    seat: Bench,
    remedy: Remedy,
    force: Force | None,
    reason: str,
    granted: Granted | None,
    charge: Taking | None = None,
) -> ClaimDecision:
    taking = charge or seat.taking
    return ClaimDecision(
        seat.claim.id,
        remedy.kind,
        remedy.amount,
        force,
        ClaimState.HELD if remedy.state is RemedyState.HELD else ClaimState.QUEUED,
        remedy.clause,
        remedy.policy_version,
        reason,
        cited=remedy.cited,
        charge=None if taking is None else taking.ref,
        held_because=remedy.held_because,
        granted=granted,
    )


def mirrored(seat: Bench, found: Remedy, taking: Taking, reason: str) -> ClaimDecision:
    """The claim says what the records prove: the finding's remedy is its answer."""
    return _answer(seat, found, _force(seat, found.clause), reason, None, charge=taking)


def _force(seat: Bench, cited: str | None) -> Force | None:
    for bundle in seat.bundles:
        for clause in bundle.clauses:
            if bundle.cite(clause.id) == cited:
                return clause.force
    return None


def _case(seat: Bench, taking: Taking) -> Judged | None:
    return next((case for case in seat.judged if case.taking.ref == taking.ref), None)
