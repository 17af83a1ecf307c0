"""A cancellation that a person asked for is told with the time of asking, one that Stripe made is told as Stripe's."""

from typing import Any

import pytest

from reconcile.facts import EndedBy, Ref, Subscription, SubscriptionState
from reconcile.tellings import merge
from tests.handlers.stripe.bodies import CREATED, PERIOD_END, at, subscription, translated

ASKED = CREATED + 1000


def told(event_type: str = "customer.subscription.updated", *, created: int = CREATED, **said: object) -> Subscription:
    (fact,) = translated(event_type, subscription(**said), created=created).facts
    assert isinstance(fact, Subscription)
    return fact


def test_a_live_subscription_is_told_in_full() -> None:
    assert told() == Subscription(
        ref=Ref("stripe", "sub_1"),
        told_at=at(CREATED),
        state=SubscriptionState.LIVE,
        customer="cus_1",
        named="M-1",
        started_at=at(CREATED),
        live=True,
    )


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("incomplete", SubscriptionState.PENDING),
        ("incomplete_expired", SubscriptionState.ENDED),
        ("trialing", SubscriptionState.LIVE),
        ("active", SubscriptionState.LIVE),
        ("past_due", SubscriptionState.LIVE),
        ("unpaid", SubscriptionState.LIVE),
        ("paused", SubscriptionState.PAUSED),
        ("canceled", SubscriptionState.ENDED),
        ("a_word_of_tomorrow", None),
        (None, None),
    ],
)
def test_a_subscription_is_told_in_every_state(status: str | None, state: SubscriptionState | None) -> None:
    assert told(status=status).state is state


def test_paused_collection_charges_nothing_although_the_status_stays() -> None:
    assert told(pause_collection={"behavior": "void", "resumes_at": None}).state is SubscriptionState.PAUSED


@pytest.mark.parametrize(
    "period",
    [
        {"items": {"data": [{"current_period_end": PERIOD_END - 9}, {"current_period_end": PERIOD_END}]}},
        {"items": {"data": [{}]}, "current_period_end": PERIOD_END},
    ],
)
def test_a_cancellation_at_the_periods_end_counts_from_the_asking(period: dict[str, Any]) -> None:
    fact = told(cancel_at_period_end=True, canceled_at=ASKED, **period)
    assert (fact.cancel_requested_at, fact.ends_at) == (at(ASKED), at(PERIOD_END))
    assert (fact.state, fact.ended_at, fact.ended_by) == (SubscriptionState.LIVE, None, None)


def test_a_cancellation_for_a_date_is_planned_for_it() -> None:
    fact = told(cancel_at=PERIOD_END + 5, canceled_at=ASKED)
    assert (fact.cancel_requested_at, fact.ends_at) == (at(ASKED), at(PERIOD_END + 5))


def test_a_cancellation_that_is_unset_is_withdrawn() -> None:
    asked = told(cancel_at_period_end=True, canceled_at=ASKED, created=ASKED)
    unset = told(canceled_at=ASKED, created=ASKED + 1)
    assert unset.cancel_requested_at is None
    fact = merge([unset, asked])
    assert (fact.cancel_requested_at, fact.ends_at) == (None, None)


def test_a_person_who_ended_it_gave_notice() -> None:
    fact = told(
        "customer.subscription.deleted",
        status="canceled",
        canceled_at=ASKED,
        cancel_at=PERIOD_END,
        ended_at=PERIOD_END,
        cancellation_details={"reason": "cancellation_requested"},
    )
    assert (fact.cancel_requested_at, fact.ended_at, fact.ended_by) == (at(ASKED), at(PERIOD_END), EndedBy.PERSON)
    assert fact.ends_at is None  # nothing is planned any more


def test_an_older_subscription_that_gives_no_reason_was_ended_by_a_person() -> None:
    older = subscription(status="canceled", canceled_at=ASKED, ended_at=ASKED)
    del older["cancellation_details"]
    (fact,) = translated("customer.subscription.deleted", older).facts
    assert isinstance(fact, Subscription)
    assert (fact.cancel_requested_at, fact.ended_by) == (at(ASKED), EndedBy.PERSON)


@pytest.mark.parametrize("reason", ["payment_failed", "payment_disputed", "canceled_by_retention_policy"])
def test_stripes_own_ending_is_no_notice(reason: str) -> None:
    fact = told(
        "customer.subscription.deleted",
        status="canceled",
        canceled_at=ASKED,
        ended_at=ASKED,
        cancellation_details={"reason": reason},
    )
    assert (fact.cancel_requested_at, fact.ended_at, fact.ended_by) == (None, at(ASKED), EndedBy.PROVIDER)


def test_a_first_payment_that_never_came_is_no_notice() -> None:
    fact = told(status="incomplete_expired", canceled_at=ASKED, ended_at=ASKED)
    assert (fact.cancel_requested_at, fact.ended_by) == (None, EndedBy.PROVIDER)


def test_a_schedule_of_subscriptions_is_passed_over() -> None:
    assert translated("subscription_schedule.canceled", {"object": "subscription_schedule"}).passed_over
