"""Claims: what a member says is wrong, and what the policy answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from reconcile.claims_answers import ask, held, refuse
from reconcile.claims_bench import Bench, bench
from reconcile.claims_billing import billing_error
from reconcile.claims_clauses import Choice, Limited, choose, is_late, limits
from reconcile.claims_defects import Repair, clock
from reconcile.claims_grounds import missing
from reconcile.claims_paying import pay, recommend
from reconcile.claims_types import (
    ABOUT_SERVICES_RENDERED,
    Claim,
    ClaimDecision,
    ClaimKind,
    ClaimState,
)
from reconcile.facts import ChargeState
from reconcile.ledger import Ledger
from reconcile.outcome import HeldBecause
from reconcile.policy import Basis, Bundle, Clause, ClauseRemedy, Force, Rules
from reconcile.stints import local_date

__all__ = ["decide_claim"]


def decide_claim(claim: Claim, ledger: Ledger, rules: Rules, as_of: datetime) -> ClaimDecision:
    """What the policy says to a claim on everything known at `as_of`. The same claim on the same ledger gets the same
    answer; one that is pending gets another once its clock has run out or what was missing is there."""
    seat = bench(claim, ledger, rules, max(as_of, claim.received_at))
    if claim.kind is ClaimKind.BILLING_ERROR:
        return billing_error(seat)
    choice = choose(seat.case, seat.bundles)
    if choice.clause is None or choice.bundle is None:
        return _undecided(seat, choice)
    if choice.clause.force is Force.BAR or choice.clause.remedy is ClauseRemedy.NONE:
        return _barred(seat, choice, choice.bundle, choice.clause)
    return _heard(seat, choice, choice.bundle, choice.clause)


def _undecided(seat: Bench, choice: Choice) -> ClaimDecision:
    """No clause decides. An outer limit for every claim refuses all the same; everything else is for a person."""
    if choice.cited and seat.taking is None:
        # Without the purchase no window can be told from another.
        return ask(seat, choice, ("charge",)) if seat.claim.charge is None else _no_money(seat, choice)
    if choice.cited:
        return held(seat, HeldBecause.CLAUSES_DISAGREE, f"{' and '.join(choice.cited)} disagree", choice.cited)
    for bundle in seat.bundles:
        past = limits(bundle, seat.case).past
        if past is not None:
            return refuse(seat, Choice(bundle, past, (bundle.cite(past.id),)), _too_late(seat, past))
    return held(seat, HeldBecause.NO_CLAUSE, f"no clause of {_named(seat)} speaks to {_kind(seat)}")


def _barred(seat: Bench, choice: Choice, bundle: Bundle, clause: Clause) -> ClaimDecision:
    if clause.general and seat.claim.kind not in ABOUT_SERVICES_RENDERED:
        # The general sentence is about services rendered; what was not rendered is not what it speaks of.
        cited = (bundle.cite(clause.id),)
        why = f"no clause of {_named(seat)} speaks to {_kind(seat)}; {cited[0]} is about services rendered"
        return held(seat, HeldBecause.NO_CLAUSE, why, cited)
    if seat.claim.named:
        words = ", ".join(seat.claim.named)
        return held(seat, HeldBecause.APPROVAL, f"{choice.name} refuses, yet lists {words} as compatible", choice.cited)
    if seat.taking is None and clause.terms.after_days is not None:
        return ask(seat, choice, ("charge",)) if seat.claim.charge is None else _no_money(seat, choice)
    return refuse(seat, choice, clause.says)


def _heard(seat: Bench, choice: Choice, bundle: Bundle, clause: Clause) -> ClaimDecision:
    """A clause that grants: its window, its clock, its bundle's limits, what the claim has to bring, the amount."""
    limited = limits(bundle, seat.case)
    fees = clause.terms.bear_fees or limited.bear_fees
    early = (
        _window(seat, choice, clause)
        or _repair(seat, choice, clause, bear_fees=fees)
        or _limited(seat, choice, bundle, limited, bear_fees=fees)
    )
    if early is not None:
        return early
    lacking = missing(seat, (*clause.terms.needs, *limited.needs))
    if lacking.asked_for:
        return ask(seat, choice, lacking.asked_for)
    if lacking.unsure:
        return recommend(seat, choice, HeldBecause.LIKELY, lacking.unsure, choice.cited, bear_fees=fees)
    if clause.remedy is ClauseRemedy.REVIEW:
        return held(seat, HeldBecause.APPROVAL, clause.says, choice.cited, choice)
    return pay(seat, choice, bear_fees=fees)


def _window(seat: Bench, choice: Choice, clause: Clause) -> ClaimDecision | None:
    """The answer where no charge is known to count the days from, or the window is over."""
    if seat.claim.charge is not None and seat.taking is None:
        return _no_money(seat, choice)
    windowed = clause.terms.within_days is not None or clause.terms.after_days is not None
    if seat.taking is None and (windowed or clause.amount is not Basis.NOTHING):
        return ask(seat, choice, ("charge",))
    return refuse(seat, choice, _too_late(seat, clause)) if is_late(clause, seat.case) else None


def _limited(seat: Bench, choice: Choice, bundle: Bundle, limited: Limited, *, bear_fees: bool) -> ClaimDecision | None:
    """The answer where the bundle's limits for every claim are past, or disagree."""
    if limited.past is not None:
        past = Choice(bundle, limited.past, (bundle.cite(limited.past.id),))
        return refuse(seat, past, _too_late(seat, limited.past))
    if limited.disagree:
        cited = tuple(bundle.cite(c.id) for c in limited.disagree)
        why = f"on day {seat.case.day} after the purchase {' and '.join(cited)} disagree"
        return recommend(seat, choice, HeldBecause.CLAUSES_DISAGREE, why, cited, bear_fees=bear_fees)
    return None


def _repair(seat: Bench, choice: Choice, clause: Clause, *, bear_fees: bool) -> ClaimDecision | None:
    """The answer while the clock of a repair decides; None where there is none, or the merchant's time is over."""
    defect, hours = seat.claim.defect, clause.terms.repair_hours
    if hours is None:
        return None
    if defect is None:
        return ask(seat, choice, ("defect",))
    now = clock(defect, hours, seat.as_of)
    if now.repair is Repair.STOPPED:
        return ask(seat, choice, ("access",))
    if now.repair is Repair.RUNNING:
        reason = f"{choice.name}: the merchant may repair it until the deadline, {hours} hours from the complaint"
        return _pending(pay(seat, choice, bear_fees=bear_fees), reason, now.deadline)
    if now.repair is Repair.UNDECIDED:
        why = "the time to repair is over, and nobody has approved or rejected the defect"
        return recommend(seat, choice, HeldBecause.APPROVAL, why, choice.cited, bear_fees=bear_fees)
    why_not = {
        Repair.BARRED: "the member refused the access that the repair needs",
        Repair.REPAIRED: f"the defect was repaired within {hours} hours of the first complaint",
    }.get(now.repair)
    return None if why_not is None else refuse(seat, choice, why_not)


def _pending(decision: ClaimDecision, reason: str, deadline: datetime | None) -> ClaimDecision:
    return replace(
        decision, state=ClaimState.PENDING, reason=reason, deadline=deadline, held_because=None, granted=None
    )


def _no_money(seat: Bench, choice: Choice) -> ClaimDecision:
    """The claim names a charge that took nothing, or that is not of this membership."""
    state = seat.untaken
    if state is None:
        why = f"{seat.claim.charge} is not known as a charge of {seat.claim.membership}"
        return held(seat, HeldBecause.UNRECOGNISED, why, choice.cited, choice)
    if state in (ChargeState.FAILED, ChargeState.AUTHORISED):
        return refuse(seat, choice, f"{seat.claim.charge} took no money")
    return held(seat, HeldBecause.LIKELY, f"{seat.claim.charge} has not arrived yet", choice.cited, choice)


def _too_late(seat: Bench, clause: Clause) -> str:
    bought = "" if seat.taking is None else f" of {seat.taking.day}"
    received = local_date(seat.claim.received_at, seat.rules.zone)
    heard = clause.terms.within_days
    return f"it came on {received}, day {seat.case.day} after the purchase{bought}; it is heard up to day {heard}"


def _named(seat: Bench) -> str:
    return ", ".join(bundle.name for bundle in seat.bundles)


def _kind(seat: Bench) -> str:
    return str(seat.claim.kind).replace("_", " ")
