"""What the latest telling leaves out: silence, or "not any more"."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

from reconcile.facts import Ref, Subscription, SubscriptionState
from reconcile.tellings import merge

NOON = datetime(2024, 3, 20, 12, tzinfo=UTC)
ASKED = Subscription(
    Ref("stripe", "sub_1"),
    NOON,
    SubscriptionState.LIVE,
    customer="cus_1",
    cancel_requested_at=NOON,
    ends_at=NOON + timedelta(days=19),
)


def test_a_cancellation_that_is_unset_is_withdrawn_and_an_older_telling_does_not_bring_it_back() -> None:
    unset = replace(ASKED, told_at=NOON + timedelta(hours=1), cancel_requested_at=None, ends_at=None, customer=None)

    for order in permutations([ASKED, unset, replace(ASKED, told_at=NOON - timedelta(hours=1))]):
        told = merge(order)
        assert (told.cancel_requested_at, told.ends_at, told.customer) == (None, None, "cus_1")


def test_a_mention_that_says_nothing_of_a_cancellation_leaves_it() -> None:
    mention = Subscription(ASKED.ref, NOON + timedelta(hours=1), detail=1)

    assert merge([ASKED, mention]).cancel_requested_at == NOON
