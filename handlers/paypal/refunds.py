"""Refunds and reversals of either API."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from handlers.inbox import MalformedDelivery
from handlers.paypal.charges import capture, sale
from handlers.paypal.reading import (
    PROVIDER,
    identity,
    linked,
    marked_remedy,
    moment,
    money,
    needed_id,
    told,
    words,
)
from handlers.strict_json import JsonObject, needed
from reconcile.facts import Charge, Ref, Refund, RefundState
from reconcile.money import Money

_STATES = {
    "completed": RefundState.SETTLED,
    "pending": RefundState.PENDING,
    "failed": RefundState.FAILED,
    "cancelled": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}


def refund(resource: JsonObject, told_at: datetime, happened_at: datetime | None) -> tuple[Charge | Refund, ...]:
    """A refund. Its amount is positive here; PayPal writes either sign."""
    charge = _charge_itself(resource, told_at, happened_at)
    return charge or (_refund(resource, told_at),)


def reversal(resource: JsonObject, told_at: datetime, happened_at: datetime | None) -> tuple[Charge | Refund, ...]:
    """A refund that a dispute or the bank forced. Of sales, PayPal does not say which charge it was of."""
    charge = _charge_itself(resource, told_at, happened_at)
    return charge or (replace(_refund(resource, told_at), reversal=True),)


def _charge_itself(resource: JsonObject, told_at: datetime, happened_at: datetime | None) -> tuple[Charge, ...]:
    # An event about a refund may carry the charge instead: its link to itself tells.
    if linked(resource, "self", "sale"):
        return sale(resource, told_at, happened_at)
    if linked(resource, "self", "captures?"):
        return capture(resource, told_at, happened_at)
    return ()


def _refund(resource: JsonObject, told_at: datetime) -> Refund:
    told_then = told(resource, told_at)
    amount = needed(money(resource, "amount") or money(resource, "seller_payable_breakdown", "gross_amount"), "amount")
    state = needed(words(resource, "status") or words(resource, "state"), "state").lower()
    if state not in _STATES:
        raise MalformedDelivery("the state of a refund is not known")
    return Refund(
        ref=Ref(PROVIDER, needed_id(resource)),
        told_at=told_then,
        state=_STATES[state],
        amount=Money(abs(amount.minor), amount.currency),
        made_at=moment(resource, "create_time") or told_then,
        charge=_charge_id(resource),
        remedy=marked_remedy(words(resource, "custom_id")) or marked_remedy(words(resource, "invoice_number")),
        reason=words(resource, "status_details", "reason"),
    )


def _charge_id(resource: JsonObject) -> str | None:
    return (
        identity(resource, "sale_id")
        or identity(resource, "capture_id")
        or linked(resource, "up", "captures?")
        or linked(resource, "sale", "sale")
        or linked(resource, "capture", "captures?")
        or identity(resource, "supplementary_data", "related_ids", "capture_id")
    )
