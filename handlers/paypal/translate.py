"""PayPal's events as facts: a table from event types to the readers of the objects that they carry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from handlers.inbox import MalformedDelivery, Translation
from handlers.paypal.agreements import failed_subscription, subscription
from handlers.paypal.charges import authorization, capture, sale
from handlers.paypal.disputes import dispute, risk_dispute
from handlers.paypal.envelope import occurred_at, read_envelope
from handlers.paypal.refunds import refund, reversal
from handlers.strict_json import JsonObject, child, needed
from reconcile.facts import Fact

_READERS: dict[str, Callable[[JsonObject, datetime, datetime | None], Sequence[Fact]]] = {
    "sale": sale,
    "capture": capture,
    "authorization": authorization,
    "refund": refund,
    "reversal": reversal,
    "subscription": subscription,
    "failed_subscription": failed_subscription,
    "dispute": dispute,
    "risk_dispute": risk_dispute,
}

_KINDS: dict[str, str] = {
    f"{family}.{happening}": kind
    for family, kind, happenings in (
        ("PAYMENT.SALE", "sale", "COMPLETED PENDING DENIED"),
        ("PAYMENT.SALE", "refund", "REFUNDED"),
        ("PAYMENT.SALE", "reversal", "REVERSED"),
        ("PAYMENT.CAPTURE", "capture", "COMPLETED PENDING DENIED DECLINED"),
        ("PAYMENT.CAPTURE", "refund", "REFUNDED"),
        ("PAYMENT.CAPTURE", "reversal", "REVERSED"),
        ("PAYMENT.REFUND", "refund", "PENDING COMPLETED FAILED CANCELLED"),
        ("PAYMENT.AUTHORIZATION", "authorization", "CREATED VOIDED DENIED"),
        ("BILLING.SUBSCRIPTION", "subscription", "CREATED UPDATED ACTIVATED RE-ACTIVATED SUSPENDED CANCELLED EXPIRED"),
        ("BILLING.SUBSCRIPTION.PAYMENT", "failed_subscription", "FAILED"),
        ("CUSTOMER.DISPUTE", "dispute", "CREATED UPDATED RESOLVED"),
        ("RISK.DISPUTE", "risk_dispute", "CREATED"),
    )
    for happening in happenings.split()
}

# Of these alone the time of the event is the time of the change. Where the agreement names no state, the event does.
_STATE_CHANGES = {
    "BILLING.SUBSCRIPTION.CANCELLED": "CANCELLED",
    "BILLING.SUBSCRIPTION.EXPIRED": "EXPIRED",
    "BILLING.SUBSCRIPTION.SUSPENDED": "SUSPENDED",
    "BILLING.SUBSCRIPTION.PAYMENT.FAILED": None,
}


def translate(event: JsonObject) -> Translation:
    """The facts of one parsed event. Raises MalformedDelivery with the place where it cannot be understood."""
    event_type = read_envelope(event).event_type
    kind = _KINDS.get(event_type)
    if kind is None:
        return Translation(passed_over=f"{event_type} tells nothing of charges, refunds or agreements")
    told_at = occurred_at(event)
    resource = needed(child(event, "resource"), "resource")
    happened_at = told_at if event_type in _STATE_CHANGES else None
    implied = _STATE_CHANGES.get(event_type)
    if implied and not (resource.get("status") or resource.get("state")):
        resource = {**resource, "status": implied}
    try:
        return Translation(facts_of(kind, resource, told_at, happened_at))
    except MalformedDelivery as error:
        raise MalformedDelivery(f"resource: {error}") from None


def facts_of(
    kind: str, resource: JsonObject, told_at: datetime, happened_at: datetime | None = None
) -> tuple[Fact, ...]:
    """The facts of one PayPal object: kind sale, capture, authorization, refund, reversal, subscription or dispute.

    `told_at` holds where the object has no sane `update_time`; `happened_at` is when an event changed it. Webhooks,
    reads of the API and back-fills all pass here. Raises MalformedDelivery.
    """
    return tuple(_READERS[kind](resource, told_at, happened_at))
