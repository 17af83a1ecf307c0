"""What a claim has to bring, and whether it does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconcile.claims_bench import Bench
from reconcile.claims_types import ClaimKind
from reconcile.policy import Need

# These name their ground by what they are.
_NAMED_GROUNDS = frozenset({ClaimKind.NON_RECEIPT, ClaimKind.INVALID_NUMBER, ClaimKind.MAJOR_DEFECT})


@dataclass(frozen=True, slots=True)
class Lacking:
    """What is asked for, by the names of the claim's fields; or why the records cannot confirm what was given."""

    asked_for: tuple[str, ...] = ()
    unsure: str = ""


def missing(seat: Bench, needs: Iterable[Need]) -> Lacking:
    """What the claim lacks of `needs`, each named once, in their order."""
    wanted = tuple(dict.fromkeys(needs))
    asked_for = tuple(need.value for need in wanted if not _given(seat, need))
    if Need.FROM_EMAIL in wanted and not asked_for and not _addresses(seat):
        return Lacking(unsure="the address that was used to buy is not on record, so it cannot be compared")
    return Lacking(asked_for)


def _given(seat: Bench, need: Need) -> bool:
    claim, known = seat.claim, _addresses(seat)
    support = claim.contacted_support_at
    return {
        Need.EVIDENCE: bool(claim.evidence),
        Need.INVOICE: claim.invoice is not None,
        Need.EXPLANATION: claim.explained,
        Need.SUPPORT: support is not None and support <= claim.received_at,
        Need.BY_EMAIL: claim.channel in (None, "email"),
        Need.GROUNDS: claim.explained or bool(claim.evidence) or claim.kind in _NAMED_GROUNDS,
        Need.FROM_EMAIL: claim.from_email is not None and (not known or claim.from_email in known),
    }[need]


def _addresses(seat: Bench) -> frozenset[str]:
    """The addresses (hashed) that the purchase and the membership are known by."""
    told = [seat.scene.membership.email, None if seat.taking is None else seat.taking.charge.email]
    return frozenset(address for address in told if address is not None)
