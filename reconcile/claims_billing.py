"""Claims of a billing error: they say what the records prove, or do not prove."""

from __future__ import annotations

from dataclasses import replace

from reconcile.claims_answers import ask, held, refuse
from reconcile.claims_bench import Bench
from reconcile.claims_clauses import Choice
from reconcile.claims_paying import mirrored
from reconcile.claims_types import ClaimDecision
from reconcile.outcome import (
    BILLING_ERRORS,
    Finding,
    FindingKind,
    FindingStatus,
    HeldBecause,
    Remedy,
    RemedyState,
)
from reconcile.policy import Bundle, Clause
from reconcile.remedies import remedy_key
from reconcile.takings import Taking

_DISPUTABLE = BILLING_ERRORS | {FindingKind.WRONG_CURRENCY, FindingKind.CORRECTED_ELSEWHERE}


def billing_error(seat: Bench) -> ClaimDecision:
    """What is proved is answered by the finding's own remedy; what is not is looked into by a person. It is never
    refused for being late."""
    found = _found(seat)
    if found is None:
        return _unproved(seat)
    finding, taking = found
    remedy = next((r for r in seat.outcome.remedies if r.key == remedy_key(taking.ref)), None)
    said = f"{finding.kind}: {'; '.join(finding.because)}"
    if finding.status is not FindingStatus.OPEN or _paid(remedy):
        answer = refuse(seat, Choice(), f"it went back already ({said})")
        return replace(answer, charge=taking.ref)
    if remedy is None:
        return replace(held(seat, HeldBecause.LIKELY, said), charge=taking.ref)
    # The finding's remedy is the row that a person decides on: the claim adds none of its own.
    return mirrored(seat, remedy, taking, f"{said}; {remedy.arithmetic}" if remedy.arithmetic else said)


def _paid(remedy: Remedy | None) -> bool:
    return remedy is not None and remedy.state is RemedyState.SETTLED


def _found(seat: Bench) -> tuple[Finding, Taking] | None:
    """The finding about the claimed charge; without one named, the only open one of the membership."""
    cases = [case for case in seat.judged if case.finding.kind in _DISPUTABLE]
    if seat.claim.charge is not None:
        cases = [case for case in cases if case.taking.ref == seat.claim.charge]
    else:
        cases = [case for case in cases if case.finding.status is FindingStatus.OPEN]
    return (cases[0].finding, cases[0].taking) if len(cases) == 1 else None


def _unproved(seat: Bench) -> ClaimDecision:
    clause = _clause(seat)
    choice = Choice() if clause is None else Choice(clause[0], clause[1], (clause[0].cite(clause[1].id),))
    if seat.claim.charge is None and seat.taking is None:
        return ask(seat, choice, ("charge",))
    if seat.taking is None:
        why = f"{seat.claim.charge} is not known as a charge of {seat.claim.membership} that took money"
        return held(seat, HeldBecause.UNRECOGNISED, why, choice.cited, choice)
    why = f"the records show {seat.taking.ref} as owed: a person looks into it"
    return held(seat, HeldBecause.LIKELY if clause else HeldBecause.NO_CLAUSE, why, choice.cited, choice)


def _clause(seat: Bench) -> tuple[Bundle, Clause] | None:
    """The first clause that speaks to billing errors."""
    for bundle in seat.bundles:
        for clause in bundle.clauses:
            if clause.covers & {*BILLING_ERRORS, "billing_error"} and clause.when == "always":
                return bundle, clause
    return None
