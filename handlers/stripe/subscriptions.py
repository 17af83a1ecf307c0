"""Subscriptions, as facts."""

from __future__ import annotations

from datetime import datetime

from handlers.strict_json import JsonObject, child, children, flag, text
from handlers.stripe.charges import named
from handlers.stripe.reading import moment, ref, reference
from reconcile.facts import EndedBy, Subscription, SubscriptionState

_STATES = {
    "incomplete": SubscriptionState.PENDING,
    "incomplete_expired": SubscriptionState.ENDED,
    "trialing": SubscriptionState.LIVE,
    "active": SubscriptionState.LIVE,
    "past_due": SubscriptionState.LIVE,
    "unpaid": SubscriptionState.LIVE,
    "paused": SubscriptionState.PAUSED,
    "canceled": SubscriptionState.ENDED,
}
_PROVIDERS_REASONS = frozenset({"payment_failed", "payment_disputed", "canceled_by_retention_policy"})


def subscription_fact(subscription: JsonObject, told_at: datetime) -> Subscription:
    """The subscription. A cancellation that was withdrawn, and one by Stripe itself, was asked for by nobody."""
    state = _state(subscription)
    ended = state is SubscriptionState.ENDED
    by_provider = _by_provider(subscription)
    planned = None if ended else _planned_end(subscription)
    asked = (ended or planned is not None or flag(subscription, "cancel_at_period_end")) and not by_provider
    return Subscription(
        ref=ref(subscription),
        told_at=told_at,
        state=state,
        customer=reference(subscription, "customer"),
        named=named(subscription),
        started_at=moment(subscription, "start_date") or moment(subscription, "created"),
        cancel_requested_at=moment(subscription, "canceled_at") if asked else None,
        ends_at=planned,
        ended_at=moment(subscription, "ended_at") if ended else None,
        ended_by=(EndedBy.PROVIDER if by_provider else EndedBy.PERSON) if ended else None,
        live=flag(subscription, "livemode"),
    )


def _state(subscription: JsonObject) -> SubscriptionState | None:
    state = _STATES.get(text(subscription, "status") or "")
    # Collection can be paused without the status saying so; then nothing is charged either.
    if state is SubscriptionState.LIVE and child(subscription, "pause_collection"):
        return SubscriptionState.PAUSED
    return state


def _by_provider(subscription: JsonObject) -> bool:
    reason = text(subscription, "cancellation_details", "reason")
    return reason in _PROVIDERS_REASONS or text(subscription, "status") == "incomplete_expired"


def _planned_end(subscription: JsonObject) -> datetime | None:
    planned = moment(subscription, "cancel_at")
    if planned is not None or not flag(subscription, "cancel_at_period_end"):
        return planned
    # Before 2025-03-31 the subscription has one period, since then each of its items.
    ends = [moment(item, "current_period_end") for item in children(subscription, "items", "data")]
    ends.append(moment(subscription, "current_period_end"))
    return max((end for end in ends if end is not None), default=None)
