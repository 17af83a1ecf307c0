"""The answers that pay nothing now: refused with its reason, waiting for what is missing, held for a person."""

from __future__ import annotations

from reconcile.claims_bench import Bench
from reconcile.claims_clauses import Choice
from reconcile.claims_types import ClaimDecision, ClaimState, Granted
from reconcile.facts import Ref
from reconcile.money import Money
from reconcile.outcome import HeldBecause, RemedyKind
from reconcile.policy import Force

_NOTHING = Choice()


def refuse(seat: Bench, choice: Choice, why: str, force: Force = Force.BAR) -> ClaimDecision:
    """Nothing is paid, and the reason is said."""
    heading = f" ({choice.clause.heading})" if choice.clause is not None else ""
    return ClaimDecision(
        seat.claim.id,
        RemedyKind.NONE,
        Money(0, _currency(seat)),
        None if choice.clause is None else force,
        ClaimState.REFUSED,
        choice.name,
        _version(choice),
        f"{choice.name}{heading}: {why}" if choice.name else why,
        cited=choice.cited,
        charge=_charge(seat),
    )


def ask(seat: Bench, choice: Choice, asked_for: tuple[str, ...]) -> ClaimDecision:
    """What is missing is asked for, not held against the member."""
    return ClaimDecision(
        seat.claim.id,
        RemedyKind.REVIEW,
        None,
        None if choice.clause is None else choice.clause.force,
        ClaimState.PENDING,
        choice.name,
        _version(choice),
        f"{choice.name or 'the claim'} cannot be decided without {', '.join(asked_for)}",
        asked_for=asked_for,
        cited=choice.cited,
        charge=_charge(seat),
    )


def held(  # noqa: PLR0917 - the order of a sentence: which claim waits, why, by which clauses, for how much
    seat: Bench,
    because: HeldBecause,
    why: str,
    cited: tuple[str, ...] = (),
    choice: Choice = _NOTHING,
    amount: Money | None = None,
    gross: Money | None = None,
    arithmetic: str = "",
) -> ClaimDecision:
    """A person decides; `amount` is the recommended one."""
    charge = None if seat.taking is None else seat.taking.ref
    granted = None
    if charge is not None:
        granted = Granted(
            seat.claim.id,
            charge,
            RemedyKind.REVIEW,
            gross,
            because,
            choice.name,
            _version(choice),
            cited,
            arithmetic or why,
        )
    return ClaimDecision(
        seat.claim.id,
        RemedyKind.REVIEW,
        amount,
        None if choice.clause is None else choice.clause.force,
        ClaimState.HELD,
        choice.name,
        _version(choice),
        f"{why}; {arithmetic}" if arithmetic else why,
        cited=cited,
        charge=_charge(seat),
        held_because=because,
        granted=granted,
    )


def _version(choice: Choice) -> str | None:
    return choice.bundle.version if choice.clause is not None and choice.bundle is not None else None


def _charge(seat: Bench) -> Ref | None:
    return seat.claim.charge if seat.taking is None else seat.taking.ref


def _currency(seat: Bench) -> str:
    plan = seat.scene.membership.plan.price.currency
    return plan if seat.taking is None else seat.taking.charge.amount.currency
