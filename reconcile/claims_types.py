"""A claim, what the policy says to it, and what stays of it on the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reconcile.facts import Ref
from reconcile.money import Money
from reconcile.outcome import HeldBecause, RemedyKind
from reconcile.policy import Force


class ClaimKind(StrEnum):
    """What a member says is wrong."""

    BILLING_ERROR = "billing_error"
    SERVICE_DISRUPTION = "service_disruption"
    UNUSED_PERIOD = "unused_period"
    NON_RECEIPT = "non_receipt"
    INVALID_NUMBER = "invalid_number"
    MAJOR_DEFECT = "major_defect"
    MONEY_BACK = "money_back"
    TECHNICAL_FAILURE = "technical_failure"
    UNAUTHORISED = "unauthorised"
    THIRD_PARTY_INCOMPATIBILITY = "third_party_incompatibility"
    UNLAWFUL_USE = "unlawful_use"
    CHANGE_OF_MIND = "change_of_mind"


# Kinds about a service that was rendered as agreed: only these a general "non-refundable" refuses.
ABOUT_SERVICES_RENDERED = frozenset(
    {
        ClaimKind.UNUSED_PERIOD,
        ClaimKind.MONEY_BACK,
        ClaimKind.CHANGE_OF_MIND,
        ClaimKind.THIRD_PARTY_INCOMPATIBILITY,
        ClaimKind.UNLAWFUL_USE,
    }
)


class ClaimState(StrEnum):
    """HELD: a person decides. PENDING: a clock runs, or something is missing."""

    QUEUED = "queued"
    HELD = "held"
    PENDING = "pending"
    REFUSED = "refused"


class Prefers(StrEnum):
    REFUND = "refund"
    REPLACEMENT = "replacement"


@dataclass(frozen=True, slots=True)
class Disruption:
    """When the service was down; `until` None: it still was when the claim came."""

    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Defect:
    """A defect and its repair. The merchant's clock runs from the first complaint, and stands still from when access
    was asked for until it was given."""

    complained_at: datetime
    approved_at: datetime | None = None
    repaired_at: datetime | None = None
    access_refused: bool = False
    access_asked_at: datetime | None = None
    access_given_at: datetime | None = None
    prefers: Prefers = Prefers.REFUND


@dataclass(frozen=True, slots=True)
class Claim:
    """What a member asks for. `from_email` is a keyed hash, compared for equality only. `explained` says that there is
    an explanation; `named` are the words of it that a clause of the policy lists. The text itself stays outside."""

    id: str
    membership: str
    kind: ClaimKind
    received_at: datetime
    charge: Ref | None = None
    channel: str | None = None
    from_email: str | None = None
    invoice: str | None = None
    explained: bool = False
    named: tuple[str, ...] = ()
    contacted_support_at: datetime | None = None
    evidence: tuple[str, ...] = ()
    disruption: Disruption | None = None
    defect: Defect | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """What a claim was granted on a charge, before anything that went back. A fact of the ledger from then on: the
    judgement weighs it against what the records prove. `held` None: it is paid without a person."""

    claim: str
    charge: Ref
    kind: RemedyKind
    gross: Money | None
    held: HeldBecause | None
    clause: str | None
    policy_version: str | None
    cited: tuple[str, ...] = ()
    arithmetic: str = ""


@dataclass(frozen=True, slots=True)
class Returned:
    """A refund under a clause that another clause follows: the customer may not subscribe again after it."""

    clause: str
    at: datetime
    membership: str
    charge: Ref


@dataclass(frozen=True, slots=True)
class ClaimDecision:
    """The answer. `amount` is what is paid (or waits, or is recommended) after what went back already."""

    claim: str
    remedy: RemedyKind
    amount: Money | None
    force: Force | None
    state: ClaimState
    clause: str | None
    policy_version: str | None
    reason: str
    asked_for: tuple[str, ...] = ()
    deadline: datetime | None = None
    cited: tuple[str, ...] = ()
    charge: Ref | None = None
    held_because: HeldBecause | None = None
    granted: Granted | None = None
