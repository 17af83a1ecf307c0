"""Subscriptions (today's API) and billing agreements (API v1), and the failed payments that they tell of."""

from __future__ import annotations

from datetime import datetime

from handlers.paypal.envelope import is_live
from handlers.paypal.reading import PROVIDER, moment, money, needed_id, told, words
from handlers.strict_json import JsonObject
from reconcile.facts import EndedBy, FailedPayment, Ref, Subscription, SubscriptionState
from reconcile.money import Money

_STATES = {
    "approval_pending": SubscriptionState.PENDING,
    "approved": SubscriptionState.PENDING,
    "created": SubscriptionState.PENDING,
    "pending": SubscriptionState.PENDING,
    "active": SubscriptionState.LIVE,
    "reactivated": SubscriptionState.LIVE,
    "suspended": SubscriptionState.SUSPENDED,
    "cancelled": SubscriptionState.ENDED,
    "canceled": SubscriptionState.ENDED,
    "expired": SubscriptionState.ENDED,
    "completed": SubscriptionState.ENDED,
}
_BY_A_PERSON = frozenset({"cancelled", "canceled"})


def subscription(
    resource: JsonObject, told_at: datetime, happened_at: datetime | None
) -> tuple[Subscription | FailedPayment, ...]:
    """The agreement, and its last failed payment where one is told of. `happened_at` is the time of an event that
    changed the agreement's state; a read, and any other event, has none."""
    return (_subscription(resource, told_at, happened_at), *_last_failed_payment(resource, told_at))


def failed_subscription(
    resource: JsonObject, told_at: datetime, happened_at: datetime | None
) -> tuple[Subscription | FailedPayment, ...]:
    """The same for an event that a payment failed: where the agreement does not say when, the event does."""
    failed = _last_failed_payment(resource, told_at)
    if not failed and happened_at:
        failed = (_failed_payment(resource, told_at, happened_at, None),)
    return (_subscription(resource, told_at, None), *failed)


def _subscription(resource: JsonObject, told_at: datetime, happened_at: datetime | None) -> Subscription:
    word = (words(resource, "status") or words(resource, "state") or "").lower()
    state = _STATES.get(word)
    ended_at = None
    if state is SubscriptionState.ENDED:
        ended_at = moment(resource, "status_update_time") or happened_at
    by_a_person = word in _BY_A_PERSON
    # An ended v1 agreement does not say when it ended. To say so in full would withdraw the time that its own event
    # told before; as a mention it fills a gap only.
    unknown_end = state is SubscriptionState.ENDED and ended_at is None
    return Subscription(
        ref=Ref(PROVIDER, needed_id(resource)),
        told_at=told(resource, told_at),
        state=state,
        payer=words(resource, "subscriber", "payer_id") or words(resource, "payer", "payer_info", "payer_id"),
        named=words(resource, "custom_id"),
        email=words(resource, "subscriber", "email_address") or words(resource, "payer", "payer_info", "email"),
        started_at=moment(resource, "start_time") or moment(resource, "start_date"),
        cancel_requested_at=ended_at if by_a_person else None,
        ended_at=ended_at,
        ended_by=_ended_by(state, by_a_person=by_a_person),
        live=is_live(resource),
        detail=1 if unknown_end else 2,
    )


def _ended_by(state: SubscriptionState | None, *, by_a_person: bool) -> EndedBy | None:
    if state is not SubscriptionState.ENDED:
        return None
    return EndedBy.PERSON if by_a_person else EndedBy.PROVIDER


def _last_failed_payment(resource: JsonObject, told_at: datetime) -> tuple[FailedPayment, ...]:
    failed_at = moment(resource, "billing_info", "last_failed_payment", "time")
    if failed_at is None:
        return ()
    amount = money(resource, "billing_info", "last_failed_payment", "amount")
    return (_failed_payment(resource, told_at, failed_at, amount),)


def _failed_payment(
    resource: JsonObject, told_at: datetime, failed_at: datetime, amount: Money | None
) -> FailedPayment:
    agreement = needed_id(resource)
    outstanding = money(resource, "billing_info", "outstanding_balance") or money(
        resource, "agreement_details", "outstanding_balance"
    )
    return FailedPayment(
        # PayPal gives a failed payment no id; of one agreement no two fail in the same second.
        ref=Ref(PROVIDER, f"{agreement}/failed/{failed_at:%Y%m%dT%H%M%SZ}"),
        told_at=told(resource, told_at),
        failed_at=failed_at,
        amount=amount,
        # A balance of nothing is silence: once the arrears are paid it must not unsay that there were some.
        outstanding=outstanding if outstanding and outstanding.minor > 0 else None,
        subscription=agreement,
    )
