"""Agreements, failed payments and disputes, shape by shape."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from handlers.paypal.translate import facts_of
from reconcile.facts import Dispute, DisputeState, EndedBy, FailedPayment, Subscription, SubscriptionState
from reconcile.money import Money
from reconcile.tellings import merge
from tests.handlers.paypal.shapes import (
    DISPUTE,
    EVENT_TIME,
    SUBSCRIPTION,
    only,
    translated,
)


@pytest.mark.parametrize(
    ("status", "expected", "by"),
    [
        ("APPROVAL_PENDING", SubscriptionState.PENDING, None),
        ("APPROVED", SubscriptionState.PENDING, None),
        ("ACTIVE", SubscriptionState.LIVE, None),
        ("SUSPENDED", SubscriptionState.SUSPENDED, None),
        ("CANCELLED", SubscriptionState.ENDED, EndedBy.PERSON),
        ("EXPIRED", SubscriptionState.ENDED, EndedBy.PROVIDER),
    ],
)
def test_a_subscription_says_how_it_stands(status: str, expected: SubscriptionState, by: EndedBy | None) -> None:
    told = only(Subscription, "BILLING.SUBSCRIPTION.UPDATED", SUBSCRIPTION | {"status": status})
    assert (told.state, told.ended_by) == (expected, by)
    assert (told.payer, told.named, told.email) == ("PAYER1", "M-1001", "member@example.com")
    assert told.started_at == datetime(2025, 1, 31, 9, 0, tzinfo=UTC)
    changed = datetime(2025, 1, 31, 10, 0, tzinfo=UTC)
    assert told.ended_at == (changed if by else None)
    assert told.cancel_requested_at == (changed if by is EndedBy.PERSON else None)


def test_a_cancellation_without_its_time_was_when_its_event_was() -> None:
    agreement = {"id": "I-BBBB", "state": "Cancelled"}
    told = only(Subscription, "BILLING.SUBSCRIPTION.CANCELLED", agreement)
    assert told.cancel_requested_at == told.ended_at == EVENT_TIME
    assert only(Subscription, "BILLING.SUBSCRIPTION.CANCELLED", {"id": "I-BBBB"}).ended_by is EndedBy.PERSON
    # A later read knows that it ended and not when: the time told before stays.
    (read,) = facts_of("subscription", dict(agreement), datetime(2026, 5, 1, tzinfo=UTC))
    assert isinstance(read, Subscription)
    assert merge([told, read]).cancel_requested_at == EVENT_TIME


def test_a_failed_payment_is_told_with_what_is_outstanding() -> None:
    billing = {
        "outstanding_balance": {"value": "99.00", "currency_code": "USD"},
        "last_failed_payment": {
            "amount": {"value": "99.0", "currency_code": "USD"},
            "time": "2026-03-08T10:00:00Z",
            "reason_code": "PAYER_CANNOT_PAY",
            "next_payment_retry_date": "2026-03-13T10:00:00Z",
        },
    }
    facts = translated("BILLING.SUBSCRIPTION.PAYMENT.FAILED", SUBSCRIPTION | {"billing_info": billing}).facts
    again = translated("BILLING.SUBSCRIPTION.UPDATED", SUBSCRIPTION | {"billing_info": billing}).facts
    assert [type(fact) for fact in facts] == [Subscription, FailedPayment]
    assert facts[1] == again[1]
    failed = facts[1]
    assert isinstance(failed, FailedPayment)
    assert str(failed.ref) == "paypal:I-AAAA/failed/20260308T100000Z"
    assert failed.outstanding == failed.amount == Money(9900, "USD")
    assert failed.subscription == "I-AAAA"


def test_paid_arrears_do_not_unsay_that_there_were_some() -> None:
    failed = {"amount": {"value": "99.00", "currency_code": "USD"}, "time": "2026-03-08T10:00:00Z"}
    balances = ["99.00", "0.00"]
    told = [
        fact
        for day, balance in enumerate(balances, start=8)
        for fact in translated(
            "BILLING.SUBSCRIPTION.UPDATED",
            SUBSCRIPTION
            | {
                "update_time": f"2026-03-{day:02}T12:00:00Z",
                "billing_info": {
                    "outstanding_balance": {"value": balance, "currency_code": "USD"},
                    "last_failed_payment": failed,
                },
            },
        ).facts
        if isinstance(fact, FailedPayment)
    ]
    assert merge(told).outstanding == Money(9900, "USD")


def test_a_failed_payment_without_its_time_failed_when_its_event_was() -> None:
    facts = translated("BILLING.SUBSCRIPTION.PAYMENT.FAILED", {"id": "I-BBBB", "state": "Active"}).facts
    assert isinstance(facts[1], FailedPayment)
    assert facts[1].failed_at == EVENT_TIME


@pytest.mark.parametrize(
    ("case", "expected", "minor"),
    [
        ({}, DisputeState.OPEN, 9900),
        ({"status": "UNDER_REVIEW", "dispute_life_cycle_stage": "CHARGEBACK"}, DisputeState.OPEN, 9900),
        ({"dispute_life_cycle_stage": "INQUIRY"}, DisputeState.INQUIRY, 9900),
        (
            {
                "status": "RESOLVED",
                "dispute_outcome": {
                    "outcome_code": "RESOLVED_BUYER_FAVOUR",
                    "amount_refunded": {"value": "50.00", "currency_code": "USD"},
                },
            },
            DisputeState.LOST,
            5000,
        ),
        ({"status": "RESOLVED", "dispute_outcome": {"outcome_code": "ACCEPTED"}}, DisputeState.LOST, 9900),
        ({"status": "RESOLVED", "dispute_outcome": {"outcome_code": "RESOLVED_WITH_PAYOUT"}}, DisputeState.LOST, 9900),
        ({"status": "RESOLVED", "dispute_outcome": {"outcome_code": "RESOLVED_SELLER_FAVOUR"}}, DisputeState.WON, 9900),
        ({"status": "RESOLVED", "dispute_outcome": {"outcome_code": "CANCELED_BY_BUYER"}}, DisputeState.WON, 9900),
        ({"status": "RESOLVED", "dispute_outcome": {"outcome_code": "DENIED"}}, DisputeState.WON, 9900),
        ({"status": "RESOLVED", "dispute_outcome": {"outcome_code": "NONE"}}, DisputeState.OPEN, 9900),
        ({"status": "RESOLVED"}, DisputeState.OPEN, 9900),
    ],
)
def test_a_dispute_holds_until_it_is_decided(case: dict[str, object], expected: DisputeState, minor: int) -> None:
    told = only(Dispute, "CUSTOMER.DISPUTE.UPDATED", DISPUTE | case)
    assert (told.state, told.amount) == (expected, Money(minor, "USD"))
    assert (str(told.ref), told.charge) == ("paypal:PP-D-1", "8XY00000000000001")


def test_a_case_about_two_transactions_is_two_disputes() -> None:
    both = [{"seller_transaction_id": "8XY"}, {"seller_transaction_id": "9XY"}]
    facts = translated("CUSTOMER.DISPUTE.CREATED", DISPUTE | {"disputed_transactions": both}).facts
    disputes = [fact for fact in facts if isinstance(fact, Dispute)]
    assert [(str(each.ref), each.charge, each.amount) for each in disputes] == [
        ("paypal:PP-D-1/8XY", "8XY", None),
        ("paypal:PP-D-1/9XY", "9XY", None),
    ]
