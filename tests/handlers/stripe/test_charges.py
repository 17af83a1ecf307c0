"""Charges, refunds and disputes are told as they stand, in every API version."""

from typing import Any

import pytest

from handlers.inbox import MalformedDelivery
from handlers.stripe import facts_of
from handlers.stripe.charges import REMEDY
from reconcile.facts import (
    Charge,
    ChargeState,
    Credit,
    Dispute,
    DisputeState,
    FailedPayment,
    Ref,
    Refund,
    RefundState,
)
from reconcile.money import Money
from tests.handlers.stripe.bodies import CREATED, at, charge, dispute, refund, translated


def told_charge(event_type: str = "charge.succeeded", **said: object) -> Charge:
    fact = translated(event_type, charge(**said)).facts[0]
    assert isinstance(fact, Charge)
    return fact


def test_a_succeeded_charge_is_money_taken() -> None:
    assert told_charge() == Charge(
        ref=Ref("stripe", "ch_1"),
        told_at=at(CREATED),
        state=ChargeState.TAKEN,
        amount=Money(9900, "USD"),
        taken_at=at(CREATED),
        customer="cus_1",
        email="member@example.com",
        intent="pi_1",
        refunded_minor=0,
        disputed=False,
        live=True,
        kind="charge",
        detail=2,
    )


@pytest.mark.parametrize(
    ("booked", "fee_minor"),
    [
        ({"id": "txn_1", "currency": "usd", "fee": 317}, 317),
        ({"id": "txn_1", "currency": "eur", "fee": 290}, None),  # kept in another currency than the charge's
        ("txn_1", None),
        (None, None),
    ],
)
def test_the_fee_is_known_where_the_balance_transaction_is_told_whole(booked: object, fee_minor: int | None) -> None:
    assert told_charge(balance_transaction=booked).fee_minor == fee_minor


@pytest.mark.parametrize(
    ("said", "state", "minor"),
    [
        ({"captured": False, "amount_captured": 0}, ChargeState.AUTHORISED, 9900),
        ({"amount_captured": 5000}, ChargeState.TAKEN, 5000),
        ({"amount_captured": None}, ChargeState.TAKEN, 9900),
        ({"status": "pending", "captured": True}, ChargeState.PENDING, 9900),
        ({"status": "failed", "amount_captured": 0}, ChargeState.FAILED, 9900),
        ({"status": "a_word_of_tomorrow"}, ChargeState.PENDING, 9900),
    ],
)
def test_only_what_was_captured_is_money_taken(said: dict[str, Any], state: ChargeState, minor: int) -> None:
    fact = told_charge("charge.updated", **said)
    assert (fact.state, fact.amount) == (state, Money(minor, "USD"))


def test_a_charge_tells_who_paid_and_for_what() -> None:
    fact = told_charge(
        customer={"id": "cus_2", "object": "customer"},
        invoice={"id": "in_2", "object": "invoice"},
        metadata={"membership": "M-7"},
        billing_details={"email": None},
        receipt_email="receipts@example.com",
        amount_refunded=2500,
        disputed=True,
    )
    assert (fact.customer, fact.invoice, fact.named) == ("cus_2", "in_2", "M-7")
    assert (fact.email, fact.refunded_minor, fact.disputed) == ("receipts@example.com", 2500, True)


def test_a_charge_of_a_guest_names_nobody() -> None:
    fact = told_charge(customer=None, billing_details={}, metadata=None, invoice=None)
    assert (fact.customer, fact.email, fact.named, fact.invoice) == (None, None, None, None)


def test_the_refunds_inside_an_older_charge_are_facts_of_their_own() -> None:
    listed = {"object": "list", "data": [refund(), refund(id="re_2", status="failed")]}
    _, *refunds = translated("charge.refunded", charge(refunds=listed)).facts
    assert [(r.ref.id, r.state) for r in refunds if isinstance(r, Refund)] == [
        ("re_1", RefundState.SETTLED),
        ("re_2", RefundState.FAILED),
    ]


def test_a_failed_charge_is_a_failed_payment_too() -> None:
    _, failed = translated("charge.failed", charge(status="failed", invoice="in_1")).facts
    assert failed == FailedPayment(
        ref=Ref("stripe", "ch_1"),
        told_at=at(CREATED),
        failed_at=at(CREATED),
        amount=Money(9900, "USD"),
        customer="cus_1",
        invoice="in_1",
    )


def intent(**said: object) -> dict[str, Any]:
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount_received": 9900,
        "created": CREATED - 86_400,
        "currency": "usd",
        "customer": "cus_1",
        "latest_charge": "ch_1",
        "livemode": True,
        "status": "succeeded",
    } | said


def test_an_intent_that_succeeded_mentions_its_charge() -> None:
    (fact,) = translated("payment_intent.succeeded", intent()).facts
    assert isinstance(fact, Charge)
    assert (fact.ref.id, fact.intent, fact.detail) == ("ch_1", "pi_1", 1)
    assert (fact.state, fact.amount, fact.taken_at) == (ChargeState.TAKEN, Money(9900, "USD"), at(CREATED))


def test_the_charges_inside_an_older_intent_are_told_in_full() -> None:
    listed = {"object": "list", "data": [charge(id="ch_0", status="failed"), charge()]}
    facts = translated("payment_intent.succeeded", intent(charges=listed)).facts
    assert [(type(f).__name__, f.ref.id, f.detail) for f in facts] == [
        ("Charge", "ch_0", 2),
        ("FailedPayment", "ch_0", 2),
        ("Charge", "ch_1", 2),
    ]


def test_an_intent_that_has_not_succeeded_moved_no_money() -> None:
    for said in ({"status": "requires_payment_method"}, {"status": "processing"}, {"latest_charge": None}):
        assert translated("payment_intent.payment_failed", intent(**said)).facts == ()


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("succeeded", RefundState.SETTLED),
        ("pending", RefundState.PENDING),
        ("requires_action", RefundState.PENDING),
        ("failed", RefundState.FAILED),
        ("canceled", RefundState.FAILED),
        ("a_word_of_tomorrow", RefundState.PENDING),
        (None, RefundState.PENDING),
    ],
)
def test_a_refund_is_told_in_every_state(status: str | None, state: RefundState) -> None:
    for event_type in ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated"):
        (fact,) = translated(event_type, refund(status=status)).facts
        assert isinstance(fact, Refund)
        assert (fact.state, fact.amount, fact.charge, fact.intent) == (state, Money(2500, "USD"), "ch_1", "pi_1")


def test_a_refund_of_ours_carries_its_remedy_and_a_failed_one_its_reason() -> None:
    (fact,) = translated(
        "refund.failed",
        refund(status="failed", failure_reason="declined", metadata={"makegood_remedy": "remedy:stripe:ch_1"}),
    ).facts
    assert isinstance(fact, Refund)
    assert (fact.remedy, fact.reason) == ("remedy:stripe:ch_1", "declined")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("warning_needs_response", DisputeState.INQUIRY),
        ("warning_under_review", DisputeState.INQUIRY),
        ("warning_closed", DisputeState.WON),
        ("needs_response", DisputeState.OPEN),
        ("under_review", DisputeState.OPEN),
        ("appeal_needs_response", DisputeState.OPEN),
        ("appeal_under_review", DisputeState.OPEN),
        ("a_word_of_tomorrow", DisputeState.OPEN),
        ("prevented", DisputeState.WON),
        ("won", DisputeState.WON),
        ("lost", DisputeState.LOST),
    ],
)
def test_a_dispute_is_told_in_every_state(status: str, state: DisputeState) -> None:
    for event_type in ("charge.dispute.created", "charge.dispute.closed", "charge.dispute.funds_withdrawn"):
        assert translated(event_type, dispute(status=status)).facts == (
            Dispute(
                ref=Ref("stripe", "dp_1"),
                told_at=at(CREATED),
                state=state,
                amount=Money(9900, "USD"),
                opened_at=at(CREATED),
                charge="ch_1",
                intent="pi_1",
            ),
        )


def test_a_credit_note_tells_the_refunds_that_it_holds_in_full() -> None:
    note = {"id": "cn_1", "object": "credit_note", "refunds": [{"refund": refund()}, {"refund": "re_2"}]}
    assert [f.ref.id for f in translated("credit_note.created", note).facts] == ["re_1"]
    assert translated("credit_note.created", note | {"refunds": []}).passed_over is not None


@pytest.mark.parametrize(
    ("told", "minor"),
    [
        ({}, 5000),
        ({"refunds": [{"refund": "re_2", "amount_refunded": 1500}], "out_of_band_amount": 500}, 3000),
        ({"pre_payment_amount": 1000}, 4000),
        ({"status": "void"}, None),
        ({"customer_balance_transaction": None}, None),
    ],
)
def test_a_credit_note_of_ours_tells_what_it_put_on_the_balance(told: dict[str, Any], minor: int | None) -> None:
    note = {
        "id": "cn_1", "object": "credit_note", "amount": 5000, "currency": "usd", "created": CREATED,
        "customer": "cus_1", "customer_balance_transaction": "cbtxn_1", "refunds": [],
        "metadata": {REMEDY: "remedy:stripe:ch_1"},
    }  # fmt: skip
    credits_ = [fact for fact in translated("credit_note.created", note | told).facts if isinstance(fact, Credit)]
    expected = [] if minor is None else [("cbtxn_1", minor, "ch_1", "remedy:stripe:ch_1")]
    assert [(one.ref.id, one.amount.minor, one.charge, one.remedy) for one in credits_] == expected


def test_a_credit_note_of_others_names_the_invoice_that_it_takes_something_off() -> None:
    note = {
        "id": "cn_1", "object": "credit_note", "amount": 5000, "currency": "usd", "created": CREATED,
        "customer": "cus_1", "customer_balance_transaction": "cbtxn_1", "invoice": "in_1", "refunds": [],
    }  # fmt: skip
    (credit,) = translated("credit_note.created", note).facts

    assert credit == Credit(
        Ref("stripe", "cbtxn_1"),
        told_at=credit.told_at,
        amount=Money(5000, "USD"),
        made_at=at(CREATED),
        customer="cus_1",
        invoice="in_1",
    )


@pytest.mark.parametrize(
    "event_type", ["customer.updated", "payout.paid", "a.type.of.tomorrow", "radar.early_fraud_warning.created"]
)
def test_what_tells_nothing_of_money_is_passed_over_whatever_it_holds(event_type: str) -> None:
    translation = translated(event_type, {"object": "charge", "amount": "nonsense"})
    assert translation.facts == ()
    assert translation.passed_over


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({"id": None}, "id"),
        ({"id": "../refunds"}, "id"),
        ({"amount_captured": "9900"}, "amount_captured"),
        ({"amount_captured": True}, "amount_captured"),
        ({"amount_captured": 99.5}, "amount_captured"),
        ({"currency": "zzz"}, "ZZZ"),
        ({"currency": None}, "currency"),
        ({"created": 0}, "created"),
        ({"customer": 7}, "customer"),
        ({"customer": {"id": 7}}, "customer.id"),
        ({"refunds": {"data": "re_1"}}, "refunds.data"),
        ({"billing_details": "x"}, "billing_details"),
    ],
)
def test_a_charge_that_cannot_be_understood_is_set_aside_with_its_place(said: dict[str, Any], place: str) -> None:
    with pytest.raises(MalformedDelivery, match=place):
        translated("charge.succeeded", charge(**said))


def test_an_event_without_an_object_is_set_aside() -> None:
    absent: tuple[object, ...] = (None, {}, {"object": None}, [], {"object": "ch_1"})
    for data in absent:
        with pytest.raises(MalformedDelivery, match="data"):
            translated("charge.succeeded", {}, data=data)


def test_a_bare_object_tells_the_same_as_its_event() -> None:
    assert facts_of(charge(), at(CREATED)) == translated("charge.updated", charge()).facts
    assert facts_of({"object": "payout"}, at(CREATED)) == ()
    assert facts_of({}, at(CREATED)) == ()
