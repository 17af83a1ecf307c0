"""What the core decides: findings, remedies, and why the rest is fine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from reconcile.facts import Ref
from reconcile.money import Money


class FindingKind(StrEnum):
    DUPLICATE_CHARGE = "duplicate_charge"
    OVERCHARGE = "overcharge"
    POST_CANCELLATION_CHARGE = "post_cancellation_charge"
    UNSCHEDULED_CHARGE = "unscheduled_charge"
    WRONG_CURRENCY = "wrong_currency"
    UNRECOGNISED_CHARGE = "unrecognised_charge"
    UNDERCHARGE = "undercharge"
    MISSED_RENEWAL = "missed_renewal"
    LIVE_AFTER_CANCELLATION = "live_after_cancellation"
    UNWRITTEN_NOTICE = "unwritten_notice"
    CORRECTED_ELSEWHERE = "corrected_elsewhere"
    REFUND_OVERDUE = "refund_overdue"
    REFUND_FAILED = "refund_failed"
    OVER_REFUNDED = "over_refunded"
    INELIGIBLE_RESUBSCRIPTION = "ineligible_resubscription"
    MISSED_WEBHOOK = "missed_webhook"


BILLING_ERRORS = frozenset(
    {
        FindingKind.DUPLICATE_CHARGE,
        FindingKind.OVERCHARGE,
        FindingKind.POST_CANCELLATION_CHARGE,
        FindingKind.UNSCHEDULED_CHARGE,
    }
)
# What is only reported: nobody is paid, and there is nothing to decide.
REPORTED = frozenset({FindingKind.MISSED_RENEWAL, FindingKind.UNDERCHARGE, FindingKind.MISSED_WEBHOOK})


class Confidence(StrEnum):
    """Only CERTAIN findings are corrected without a person."""

    CERTAIN = "certain"
    LIKELY = "likely"


class FindingStatus(StrEnum):
    OPEN = "open"
    SETTLED = "settled"
    WAIVED = "waived"
    CLEARED = "cleared"


class RemedyKind(StrEnum):
    REFUND = "refund"
    CREDIT = "credit"
    REPLACE = "replace"
    CANCEL_AGREEMENT = "cancel_agreement"
    NONE = "none"
    REVIEW = "review"


class RemedyState(StrEnum):
    QUEUED = "queued"
    HELD = "held"
    SUBMITTED = "submitted"
    SETTLED = "settled"
    FAILED = "failed"
    WAIVED = "waived"


# A remedy in one of these waits for a person; in any other it goes its way, or is over, unless it `owes_more`.
WAITING = frozenset({RemedyState.HELD, RemedyState.FAILED})
SENT = frozenset({RemedyState.SUBMITTED, RemedyState.SETTLED})


def owes_more(state: str, held_because: str | None) -> bool:
    """Whether a remedy is less than is owed since it was sent: nothing more is sent for that, and a person gives the
    difference."""
    return state in SENT and held_because == HeldBecause.CHANGED


def needs_a_person(kind: FindingKind, status: FindingStatus, remedies: Iterable[RemedyState]) -> bool:
    """Whether a finding waits for somebody: a remedy of it does, or it has none and is of a kind that is not only
    reported. All that counts what waits goes by this."""
    if status is not FindingStatus.OPEN:
        return False
    states = set(remedies)
    return bool(states & WAITING) if states else kind not in REPORTED


class LookAlike(StrEnum):
    """Why a charge that looks wrong is fine."""

    LATE_PAYMENT = "late_payment"
    OUTSTANDING_BALANCE = "outstanding_balance"
    FIRST_CHARGE_WITH_SETUP = "first_charge_with_setup"
    AGREED_CHARGE = "agreed_charge"
    STATED_TAX = "stated_tax"
    RESENT_WEBHOOK = "resent_webhook"
    RECEIPT_ONLY = "receipt_only"
    AUTHORISATION_ONLY = "authorisation_only"
    OVERLAP_ON_SWITCH = "overlap_on_switch"
    CUSTOMER_BALANCE = "customer_balance"


class HeldBecause(StrEnum):
    """Why a remedy waits for a person."""

    LIKELY = "likely"  # the finding is not certain
    APPROVAL = "approval"  # the clause says `may`
    DISPUTED = "disputed"
    ABOVE_CAP = "above_cap"
    FOUR_EYES = "four_eyes"
    NO_CLAUSE = "no_clause"
    CLAUSES_DISAGREE = "clauses_disagree"
    OTHER_CURRENCY = "other_currency"
    UNRECOGNISED = "unrecognised"
    STALE_ROSTER = "stale_roster"
    UNTOLD_REFUND = "untold_refund"  # part of the charge went back, and nobody told how much
    RESTRICTED = "restricted"  # the member asked that their data be left alone
    BREAKER = "breaker"
    CHANGED = "changed"  # judged differently after a person decided or money was sent


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong that the records prove. `excess` is gross: before what went back."""

    key: str
    kind: FindingKind
    membership: str | None
    charge: Ref | None
    renewal: date | None
    charged: Money | None
    expected: Money | None
    excess: Money | None
    confidence: Confidence
    because: tuple[str, ...]
    first_seen: date
    status: FindingStatus = FindingStatus.OPEN
    agreement: Ref | None = None


@dataclass(frozen=True, slots=True)
class Remedy:
    """What is owed because a clause says so. `amount` is what is still owed, given-back money taken off."""

    key: str
    finding: str
    kind: RemedyKind
    amount: Money | None
    state: RemedyState
    clause: str | None
    policy_version: str | None
    cited: tuple[str, ...] = ()
    held_because: HeldBecause | None = None
    arithmetic: str = ""
    membership: str | None = None  # set where the remedy hangs on a claim: no finding says whose it is


@dataclass(frozen=True, slots=True)
class Explained:
    """One charge and what it pays: for `explain`. `pays` are due dates; `notes` say why a look-alike is fine."""

    charge: Ref
    pays: tuple[date, ...]
    notes: tuple[LookAlike, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The judgement of one membership. `next_change` is the first date on which time alone can change it."""

    membership: str
    findings: tuple[Finding, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    explained: tuple[Explained, ...] = ()
    next_change: date | None = None
