"""Remedies: what a finding obliges the merchant to, by which clause, and whether a person has to agree first."""

from __future__ import annotations

from dataclasses import replace

from reconcile.clauses import Decision, decide
from reconcile.facts import Ref
from reconcile.ledger import Ledger
from reconcile.membership import Membership
from reconcile.money import Money
from reconcile.outcome import (
    BILLING_ERRORS,
    Confidence,
    Finding,
    FindingKind,
    FindingStatus,
    HeldBecause,
    Remedy,
    RemedyKind,
    RemedyState,
)
from reconcile.policy import ClauseRemedy, Force, Rules
from reconcile.scene import Judged


def remedy_key(ref: Ref) -> str:
    """One charge, one automatic remedy: for ever, under any finding or policy."""
    return f"remedy:{ref}"


def charge_of_remedy(key: str) -> Ref | None:
    """The charge that the remedy of this key makes good; None for a key of another kind."""
    kind, _, ref = key.partition(":")
    return Ref.parse(ref) if kind == "remedy" and ":" in ref else None


def prescribe(judged: Judged, ledger: Ledger, rules: Rules) -> Remedy | None:
    """The remedy for a finding about a charge; None where nothing is owed and nobody has to decide anything."""
    finding, membership = judged.finding, ledger.membership
    if finding.kind is FindingKind.WRONG_CURRENCY:
        return review(finding, None, HeldBecause.OTHER_CURRENCY, "no sum is compared across currencies")
    if finding.kind not in BILLING_ERRORS or finding.excess is None or finding.charge is None:
        return None
    back = judged.taking.given_back
    if finding.status is FindingStatus.SETTLED or back.total >= finding.excess.minor:
        return _given(judged, membership, rules)
    owed = Money(min(finding.excess.minor - back.total, _left(judged)), finding.excess.currency)
    decision = decide(finding.kind, rules.policy.bundles(membership.policy, judged.taking.day), breach=judged.breach)
    remedy = _decided(judged, decision, owed, rules)
    if remedy.state is RemedyState.QUEUED and (waits := waiting(ledger)) is not None:
        remedy = replace(remedy, state=RemedyState.HELD, held_because=waits)
    return _held_while_disputed(judged, remedy)


def waiting(ledger: Ledger) -> HeldBecause | None:
    """Why nothing on this ledger goes by itself now; None where it may."""
    if ledger.restricted:
        return HeldBecause.RESTRICTED
    return HeldBecause.STALE_ROSTER if ledger.roster_stale else None


def review(finding: Finding, amount: Money | None, held: HeldBecause, arithmetic: str) -> Remedy:
    """No clause decides: a person must. `amount` is the recommended one. The finding is about a charge."""
    if finding.charge is None:
        raise ValueError(f"{finding.key} is about no charge: nothing can be given back for it")
    return Remedy(
        remedy_key(finding.charge),
        finding.key,
        RemedyKind.REVIEW,
        amount,
        RemedyState.HELD,
        None,
        None,
        (),
        held,
        arithmetic,
    )


def _left(judged: Judged) -> int:
    """What the charge still holds after everything that went back."""
    return max(judged.taking.charge.amount.minor - judged.taking.given_back.total, 0)


def _given(judged: Judged, membership: Membership, rules: Rules) -> Remedy | None:
    """The remedy that makegood's own refunds already were; None where it sent none."""
    back, finding = judged.taking.given_back, judged.finding
    if back.ours == 0 or finding.charge is None:
        return None
    amount = Money(back.ours, judged.taking.charge.amount.currency)
    decision = decide(finding.kind, rules.policy.bundles(membership.policy, judged.taking.day), breach=judged.breach)
    remedy = replace(_decided(judged, decision, amount, rules), kind=RemedyKind.REFUND, held_because=None)
    state = RemedyState.SUBMITTED if back.ours_pending else RemedyState.SETTLED
    return replace(remedy, state=state)


def _decided(judged: Judged, decision: Decision, owed: Money, rules: Rules) -> Remedy:
    arithmetic = _arithmetic(judged, owed)
    cited = tuple(dict.fromkeys((*decision.cited, *judged.cites)))
    clause = decision.clause
    if clause is None or decision.bundle is None or clause.remedy is ClauseRemedy.REVIEW:
        why = HeldBecause.CLAUSES_DISAGREE if len(decision.cited) > 1 else HeldBecause.NO_CLAUSE
        return replace(review(judged.finding, owed, why, arithmetic), cited=cited)
    if clause.force is Force.BAR or clause.remedy is ClauseRemedy.NONE:
        # A general refusal is about services rendered; it never bars the correction of a billing error.
        return replace(review(judged.finding, owed, HeldBecause.NO_CLAUSE, arithmetic), cited=cited)
    held = _held(judged.finding, clause.force, owed, rules)
    return Remedy(
        remedy_key(judged.taking.ref),
        judged.finding.key,
        kind_granted(clause.remedy, rules),
        owed,
        RemedyState.QUEUED if held is None else RemedyState.HELD,
        decision.name,
        decision.bundle.version,
        cited,
        held,
        arithmetic,
    )


def kind_granted(remedy: ClauseRemedy, rules: Rules) -> RemedyKind:
    """What a clause's words come to under the merchant's setting."""
    match remedy:
        case ClauseRemedy.REFUND:
            return RemedyKind.REFUND
        case ClauseRemedy.CREDIT:
            return RemedyKind.CREDIT
        case ClauseRemedy.REPLACE:
            return RemedyKind.REPLACE
        case _:
            return RemedyKind.CREDIT if rules.credit_instead else RemedyKind.REFUND


def _held(finding: Finding, force: Force, owed: Money, rules: Rules) -> HeldBecause | None:
    """Why a person has to agree first; None where the clause obliges, the finding is certain and the amount small."""
    if finding.confidence is Confidence.LIKELY:
        return HeldBecause.LIKELY
    if force is Force.MAY:
        return HeldBecause.APPROVAL
    return capped(owed, rules)


def capped(owed: Money, rules: Rules) -> HeldBecause | None:
    """Why an amount is too large to go without a person; None for a small one."""
    if rules.refund_max_minor is not None and owed.minor > rules.refund_max_minor:
        return HeldBecause.ABOVE_CAP
    if rules.approve_above_minor is not None and owed.minor > rules.approve_above_minor:
        return HeldBecause.FOUR_EYES
    return None


def _held_while_disputed(judged: Judged, remedy: Remedy) -> Remedy:
    if judged.contested:
        return replace(remedy, state=RemedyState.HELD, held_because=HeldBecause.DISPUTED)
    return remedy


def _arithmetic(judged: Judged, owed: Money) -> str:
    finding, back = judged.finding, judged.taking.given_back
    if finding.excess is None:
        raise ValueError(f"{finding.key} has no excess: there is nothing to reckon")
    steps = [f"excess {finding.excess}"]
    if finding.kind is FindingKind.OVERCHARGE and finding.expected is not None:
        steps = [f"{judged.taking.net} taken - {finding.expected} owed = {finding.excess}"]
    if back.total and owed.minor != back.ours:
        steps.append(f"- {Money(back.total, owed.currency)} already given back = {owed}")
    return " ".join(steps)
