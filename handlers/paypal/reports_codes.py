"""PayPal's transactions as reports and Transaction Search list them: what their codes of five signs tell.

Only codes that are known to move a customer's payment are read; fees, conversions, holds, payouts and withdrawals are
passed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from handlers.paypal.reading import PROVIDER, marked_remedy
from handlers.reports import Row, shown
from reconcile.facts import Charge, ChargeState, Fact, Ref, Refund, RefundState
from reconcile.money import Money

SUBSCRIPTION_PAYMENT = "T0002"
PREAPPROVED_PAYMENT = "T0003"
PAYMENT = "T0000"
REVERSAL = "T1106"
REFUND = "T1107"
CHARGEBACK = "T1201"

# T0001 is a payout, whichever way it goes.
_PAYMENT = re.compile(r"T00(?!01)[0-9]{2}", re.ASCII)
_GIVEN_BACK = frozenset({REVERSAL, REFUND, CHARGEBACK})
# Both are sales of API v1, also where the agreement is one of today's subscriptions.
_SALES = frozenset({SUBSCRIPTION_PAYMENT, PREAPPROVED_PAYMENT})
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_AGREEMENT = re.compile(r"[IBS]-[A-Z0-9]{6,24}", re.ASCII)

_CHARGE_STATES = {
    "S": ChargeState.TAKEN,
    "V": ChargeState.TAKEN,  # given back since: what took it back is a transaction of its own
    "P": ChargeState.PENDING,
    "D": ChargeState.FAILED,
}
_REFUND_STATES = {
    "S": RefundState.SETTLED,
    "V": RefundState.FAILED,
    "P": RefundState.PENDING,
    "D": RefundState.FAILED,
}
STATES = frozenset(_CHARGE_STATES)


@dataclass(frozen=True, slots=True)
class Entry:
    """One transaction. `amount` has PayPal's sign (negative: from the merchant), `state` is S, V, P or D."""

    id: str
    code: str
    at: datetime
    told_at: datetime
    amount: Money
    state: str
    detail: int
    reference: str | None = None
    payer: str | None = None
    email: str | None = None
    custom: str | None = None
    invoice: str | None = None
    tax_minor: int | None = None
    fee_minor: int | None = None  # in the currency of `amount`


def transaction_id(row: Row, name: str) -> str | None:
    """The id of a transaction, or None for an empty cell."""
    value = row.maybe(name)
    if value is not None and _ID.fullmatch(value) is None:
        raise row.bad(name, f"a transaction id is expected, not {shown(value)}")
    return value


def tells(code: str) -> bool:
    """Whether transactions of this code are charges, refunds or reversals."""
    return code in _GIVEN_BACK or _PAYMENT.fullmatch(code) is not None


def is_agreement(reference: str | None) -> bool:
    """Whether a reference is a subscription or billing agreement, and not another transaction."""
    return reference is not None and _AGREEMENT.fullmatch(reference) is not None


def facts_of_entry(entry: Entry) -> tuple[Fact, ...]:
    """The charge or refund that the entry is; none for money that goes the other way: what the merchant paid, and what
    others gave back to it."""
    if entry.code in _GIVEN_BACK:
        return (_refund(entry),) if entry.amount.minor < 0 else ()
    return (_charge(entry),) if _PAYMENT.fullmatch(entry.code) and entry.amount.minor > 0 else ()


def _charge(entry: Entry) -> Charge:
    return Charge(
        ref=Ref(PROVIDER, entry.id),
        told_at=entry.told_at,
        state=_CHARGE_STATES[entry.state],
        amount=entry.amount,
        taken_at=entry.at,
        subscription=entry.reference if is_agreement(entry.reference) else None,
        payer=entry.payer,
        named=entry.custom,
        email=entry.email,
        tax_minor=entry.tax_minor,
        # Which API refunds any other payment, the transaction does not tell.
        kind="sale" if entry.code in _SALES else None,
        fee_minor=entry.fee_minor,
        detail=entry.detail,
    )


def _refund(entry: Entry) -> Refund:
    return Refund(
        ref=Ref(PROVIDER, entry.id),
        told_at=entry.told_at,
        state=_REFUND_STATES[entry.state],
        amount=Money(-entry.amount.minor, entry.amount.currency),
        made_at=entry.at,
        charge=None if is_agreement(entry.reference) else entry.reference,
        # A chargeback has a dispute, and they are one and the same money: as a reversal it counts once.
        reversal=True if entry.code != REFUND else None,
        remedy=marked_remedy(entry.custom) or marked_remedy(entry.invoice),
        detail=entry.detail,
    )
