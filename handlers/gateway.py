"""What goes out to a provider: a charge read afresh, refunds, credits, cancellations. One call, one classified answer.

A gateway never retries and never raises for what a provider or the network does: the money protocol in `worker.money`
decides from the answer. Every call has a time-out and is made outside any transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from reconcile.facts import Credit, Fact, Refund
from reconcile.money import Money


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """A refund to make: `amount` is always explicit. `key` is the idempotency key, `remedy` goes into the metadata.

    `api` tells which of the provider's ways refunds this charge (`Charge.kind`: charge, sale, capture).
    """

    charge: str
    api: str
    amount: Money
    key: str
    remedy: str
    duplicate: bool = False  # the reason told to the provider: a duplicate, else requested by the customer


@dataclass(frozen=True, slots=True)
class CreditOrder:
    """A credit against coming renewals on the customer's balance at the provider. With `invoice` it is made by a credit
    note on that invoice, which was itself wrong: so its taxes are put right too."""

    customer: str
    amount: Money
    key: str
    remedy: str
    invoice: str | None = None
    duplicate: bool = False


class Refusal(StrEnum):
    """Why a provider refuses for good."""

    ALREADY_REFUNDED = "already_refunded"
    EXCEEDS_CHARGE = "exceeds_charge"
    DISPUTED = "disputed"
    TOO_OLD = "too_old"  # the provider's refund window is over: credit instead
    NO_FUNDS = "no_funds"  # the merchant's balance: try again daily
    NOT_THIS_WAY = "not_this_way"  # account closed, partial refund not allowed, restricted
    NOT_FOUND = "not_found"
    KEY_REUSED = "key_reused"  # our mistake: other parameters under a used key
    UNKNOWN = "unknown"  # a refusal with a name that we do not know


@dataclass(frozen=True, slots=True)
class Done:
    """Executed: the provider's own record, equal in charge, amount and currency to the order."""

    fact: Refund | Credit | None = None


@dataclass(frozen=True, slots=True)
class NotExecuted:
    """Known not to have been executed (no connection, 429): repeat with the same key, not before `retry_after_s`."""

    why: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Uncertain:
    """May or may not have been executed (time-out, 5xx, 409, unreadable answer): look before any repeat."""

    why: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A final no, with the provider's own code."""

    refusal: Refusal
    code: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class NoCredential:
    """401 or 403: the key is wrong or lacks the right. Outgoing money stops until someone mends it."""

    why: str


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The provider answered success with another amount, currency or charge: a person must look at once."""

    why: str
    fact: Refund | Credit | None = None


Answer = Done | NotExecuted | Uncertain | Refused | NoCredential | Mismatch


@dataclass(frozen=True, slots=True)
class Look:
    """What the provider says now of one charge: the charge, its refunds and its disputes, as facts.

    `lists_refunds` is False where the provider has no list of a charge's refunds (PayPal sales): absence then proves
    nothing. `missing` names resources that the provider does not know. `partly_back`: it says that part of the charge
    went back, and neither how much nor by whom.
    """

    facts: tuple[Fact, ...]
    lists_refunds: bool = True
    missing: tuple[str, ...] = ()
    partly_back: bool = False


Looked = Look | NotExecuted | Uncertain | NoCredential


class Gateway(Protocol):
    """One provider's outgoing side."""

    name: str
    key_lifetime_s: dict[str, int]  # by api: how long the provider remembers an idempotency key
    repeats_are_lookups: bool  # repeating the identical call within the lifetime returns the first result (PayPal)

    def look(self, charge: str, api: str) -> Looked:
        """Read the charge, its refunds and its disputes afresh."""
        ...

    def refund(self, order: RefundOrder) -> Answer: ...

    def credit(self, order: CreditOrder) -> Answer: ...

    def cancel(self, subscription: str, key: str) -> Answer: ...
