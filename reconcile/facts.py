"""Facts: what a provider told us, in our words. A fact is keyed by the provider's object id, never by the event's.

Several tellings of one object (a webhook, a later webhook, a back-fill, a line of a CSV) are the same fact: `merge` in
`reconcile.tellings` folds them. A field that a telling says nothing of is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reconcile.money import Money


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """A provider's object: prints as `stripe:ch_1`."""

    provider: str
    id: str

    def __str__(self) -> str:
        return f"{self.provider}:{self.id}"

    @staticmethod
    def parse(text: str) -> Ref:
        """The inverse of `str`. Raises ValueError where there is no colon or no id."""
        provider, colon, object_id = text.partition(":")
        if not (provider and colon and object_id):
            raise ValueError(f"{text!r} is no reference of the form provider:id")
        return Ref(provider, object_id)


class ChargeState(StrEnum):
    """Where a charge stands. Only a TAKEN charge moved money; PENDING money is not yet here (eCheck, bank debit)."""

    AUTHORISED = "authorised"
    PENDING = "pending"
    FAILED = "failed"
    TAKEN = "taken"


class RefundState(StrEnum):
    PENDING = "pending"
    SETTLED = "settled"
    FAILED = "failed"  # failed or cancelled: the money is with the merchant (again)


class DisputeState(StrEnum):
    """INQUIRY and OPEN hold remedies; LOST money is back with the member; WON money stays with the merchant."""

    INQUIRY = "inquiry"
    OPEN = "open"
    WON = "won"
    LOST = "lost"


class SubscriptionState(StrEnum):
    PENDING = "pending"  # not yet begun (incomplete, approval pending)
    LIVE = "live"  # can charge: active, trialing, past due, unpaid
    PAUSED = "paused"
    SUSPENDED = "suspended"  # by the provider, after failed payments
    ENDED = "ended"


class EndedBy(StrEnum):
    """Who ended a subscription: a person's cancellation is a notice, the provider's own ending is not."""

    PERSON = "person"
    PROVIDER = "provider"


class InvoiceReason(StrEnum):
    """Why the provider billed. Only RENEWAL and FIRST are reasons that a roster foresees."""

    RENEWAL = "renewal"
    FIRST = "first"
    CHANGE = "change"  # plan or quantity changed in mid-period
    MANUAL = "manual"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Charge:
    """Money taken, or an attempt at it. `amount` is what was captured; `refunded_minor` what the provider states as
    given back so far; `taken_at` the provider's own time of the charge (UTC)."""

    ref: Ref
    told_at: datetime
    state: ChargeState
    amount: Money
    taken_at: datetime
    subscription: str | None = None
    customer: str | None = None
    payer: str | None = None
    named: str | None = None  # membership reference that the merchant put on it (metadata, custom id)
    email: str | None = None  # in handlers an address, once stored a keyed hash: compared for equality only
    invoice: str | None = None
    intent: str | None = None  # Stripe's payment intent: the link to an invoice from 2025-03-31 on
    tax_minor: int | None = None
    period_start: datetime | None = None  # billing period stated on the charge itself
    period_end: datetime | None = None
    refunded_minor: int | None = None
    disputed: bool | None = None
    live: bool | None = None  # live mode or test mode
    kind: str | None = None  # which API refunds it: "charge", "sale", "capture"
    fee_minor: int | None = None  # what the provider kept of it, in the charge's currency
    detail: int = 2  # how much the telling knows: the object itself 2, another object's mention 1, a report's line 0


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line: the service period it bills (`[start, end)`, UTC, in advance) and its amount before tax."""

    period_start: datetime | None
    period_end: datetime | None
    amount_minor: int
    proration: bool = False
    subscription: str | None = None


@dataclass(frozen=True, slots=True)
class Invoice:
    """A provider's bill. Its lines name the period that a charge pays. `paid_minor` is what was paid by charges."""

    ref: Ref
    told_at: datetime
    status: str | None = None  # draft open paid void uncollectible
    currency: str | None = None
    total_minor: int | None = None
    paid_minor: int | None = None
    tax_minor: int | None = None
    reason: InvoiceReason | None = None
    subscription: str | None = None
    customer: str | None = None
    named: str | None = None
    email: str | None = None
    charge: str | None = None
    intent: str | None = None
    out_of_band: bool | None = None
    lines: tuple[InvoiceLine, ...] = ()
    detail: int = 2


@dataclass(frozen=True, slots=True)
class InvoicePayment:
    """The link between an invoice and the charge or payment intent that paid it (Stripe from 2025-03-31 on)."""

    ref: Ref
    told_at: datetime
    invoice: str
    charge: str | None = None
    intent: str | None = None
    amount_minor: int | None = None
    status: str | None = None
    detail: int = 2


@dataclass(frozen=True, slots=True)
class FailedPayment:
    """A failed attempt to take a payment, as the provider noticed it: the renewal may rightly be paid later."""

    ref: Ref
    told_at: datetime
    failed_at: datetime
    amount: Money | None = None
    outstanding: Money | None = None
    subscription: str | None = None
    customer: str | None = None
    invoice: str | None = None
    detail: int = 2


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back. `charge` is None where the provider did not say; `reversal` marks one forced by a dispute."""

    ref: Ref
    told_at: datetime
    state: RefundState
    amount: Money
    made_at: datetime
    charge: str | None = None
    intent: str | None = None
    reversal: bool | None = None
    remedy: str | None = None  # the remedy key that makegood put on it
    reason: str | None = None  # the provider's word why it failed
    detail: int = 2


@dataclass(frozen=True, slots=True)
class Dispute:
    """A chargeback or a provider's case about one charge."""

    ref: Ref
    told_at: datetime
    state: DisputeState
    amount: Money | None = None
    opened_at: datetime | None = None
    charge: str | None = None
    intent: str | None = None
    detail: int = 2


@dataclass(frozen=True, slots=True)
class Subscription:
    """The provider's agreement to charge. `cancel_requested_at` is when a person asked; None again when withdrawn."""

    ref: Ref
    told_at: datetime
    state: SubscriptionState | None = None
    customer: str | None = None
    payer: str | None = None
    named: str | None = None
    email: str | None = None
    started_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    ends_at: datetime | None = None  # an end that is planned
    ended_at: datetime | None = None
    ended_by: EndedBy | None = None
    live: bool | None = None
    detail: int = 2


@dataclass(frozen=True, slots=True)
class Credit:
    """A balance granted to the member at the provider or on our own books, instead of a refund. One that others made
    names the invoice that it takes something off (`invoice`), not the charge."""

    ref: Ref
    told_at: datetime
    amount: Money
    made_at: datetime
    charge: str | None = None
    charge_provider: str | None = None  # where the credit is on our own books: the provider of the charge
    customer: str | None = None
    invoice: str | None = None
    remedy: str | None = None
    detail: int = 2


Fact = Charge | Invoice | InvoicePayment | FailedPayment | Refund | Dispute | Subscription | Credit
