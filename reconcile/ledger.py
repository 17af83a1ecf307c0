"""The ledger: all we know of one membership, across both providers. What the shell loads and the core judges."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconcile.claims_types import Granted, Returned
from reconcile.facts import Charge, Credit, Dispute, FailedPayment, Invoice, InvoicePayment, Refund, Subscription
from reconcile.membership import Membership


class BoundBy(StrEnum):
    """By what a charge found its membership, most exact first. EMAIL alone is never certain."""

    SUBSCRIPTION = "subscription"
    CUSTOMER = "customer"
    PAYER = "payer"
    NAMED = "named"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class BoundCharge:
    """A charge and by what it belongs to the ledger's membership."""

    charge: Charge
    by: BoundBy


@dataclass(frozen=True, slots=True)
class Ledger:
    """One membership with every fact that bears on it: merged, each once.

    `complete` is False where the shell knows that facts are missing (an incomplete night): findings are then `likely`
    at most. `roster_stale` is True where the roster is older than the merchant allows: what it does not know yet (a
    cancellation, a price) could make a right charge look wrong, so automatic remedies wait. `granted` and
    `returned` come from claims.
    """

    membership: Membership
    charges: tuple[BoundCharge, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    invoice_payments: tuple[InvoicePayment, ...] = ()
    failed_payments: tuple[FailedPayment, ...] = ()
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    credits: tuple[Credit, ...] = ()
    complete: bool = True
    roster_stale: bool = False
    restricted: bool = False  # the member has restricted the processing: nothing goes by itself
    granted: tuple[Granted, ...] = ()  # what claims on these charges were granted
    returned: tuple[Returned, ...] = ()  # refunds to this customer after which no new subscription is open


@dataclass(frozen=True, slots=True)
class StrayCharge:
    """A charge with no membership that it could belong to, or several (`fits`)."""

    charge: Charge
    fits: tuple[str, ...] = ()
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()
