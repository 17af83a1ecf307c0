"""A fresh look at a charge, and the end of a subscription."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from openapi_schema_validator import OAS30Validator

from handlers.gateway import Done, Look, NoCredential, NotExecuted, RefundOrder, Refusal, Refused, Uncertain
from reconcile.facts import Charge, ChargeState, Dispute, DisputeState, Refund
from reconcile.money import Money
from tests.answering import Answered
from tests.handlers.paypal.fake import (
    CAPTURE_ID,
    ORDER_ID,
    SALE_ID,
    FakePayPal,
    answer,
    dispute,
    paypal,
    refused,
    world,
)

SUBSCRIPTION = "/v1/billing/subscriptions/I-AAAA"
AGREEMENT = "/v1/payments/billing-agreements/I-AAAA"


def look(fake: FakePayPal, charge: str = SALE_ID, api: str = "sale") -> object:
    with paypal(fake) as gateway:
        return gateway.look(charge, api)


def test_a_sale_is_read_with_its_disputes() -> None:
    fake = world()
    dispute(fake, SALE_ID)
    seen = look(fake)
    assert isinstance(seen, Look)
    charge, case = seen.facts
    assert isinstance(charge, Charge)
    assert isinstance(case, Dispute)
    assert (charge.state, charge.amount, charge.subscription) == (ChargeState.TAKEN, Money(9900, "USD"), "I-AAAA")
    assert (case.state, case.charge) == (DisputeState.OPEN, SALE_ID)
    assert seen.lists_refunds is False
    assert seen.missing == ()


def test_a_case_that_only_the_list_knows_still_holds() -> None:
    fake = world()
    dispute(fake, SALE_ID, dispute_life_cycle_stage="INQUIRY")
    del fake.objects["/v1/customer/disputes/PP-D-1"]
    seen = look(fake)
    assert isinstance(seen, Look)
    case = seen.facts[1]
    assert isinstance(case, Dispute)
    assert (case.state, case.charge) == (DisputeState.INQUIRY, SALE_ID)


def test_a_captures_refunds_are_listed_where_its_order_is_known() -> None:
    fake = world()
    order = RefundOrder(CAPTURE_ID, "capture", Money(100, "USD"), "remedy:1:1", "remedy:1")
    with paypal(fake) as gateway:
        done = gateway.refund(order)
        (made,) = fake.refunds.values()
        other = made | {"id": "R9", "links": []}
        payments = {"captures": [], "refunds": [made, other]}
        fake.objects[f"/v2/checkout/orders/{ORDER_ID}"] = {"id": ORDER_ID, "purchase_units": [{"payments": payments}]}
        seen = gateway.look(CAPTURE_ID, "capture")
    assert isinstance(done, Done)
    assert isinstance(seen, Look)
    assert seen.lists_refunds is True
    refunds = [fact for fact in seen.facts if isinstance(fact, Refund)]
    assert refunds == [done.fact]
    assert refunds[0].remedy == "remedy:1"


@pytest.mark.parametrize("gone", [refused(404, "RESOURCE_NOT_FOUND"), refused(403, "NOT_AUTHORIZED"), Answered(500)])
def test_an_order_that_cannot_be_read_proves_nothing(gone: Answered) -> None:
    fake = world()
    fake.say("/v2/checkout/orders", gone)
    seen = look(fake, CAPTURE_ID, "capture")
    assert isinstance(seen, Look)
    assert seen.lists_refunds is False
    assert len(seen.facts) == 1


@pytest.mark.parametrize(("api", "charge", "word"), [("sale", SALE_ID, "state"), ("capture", CAPTURE_ID, "status")])
def test_a_charge_of_which_part_went_back_says_so_where_nothing_says_how_much(api: str, charge: str, word: str) -> None:
    fake = world()
    path = {"sale": "/v1/payments/sale", "capture": "/v2/payments/captures"}[api]
    fake.objects[f"{path}/{charge}"][word] = "PARTIALLY_REFUNDED" if api == "capture" else "partially_refunded"
    fake.say("/v2/checkout/orders", refused(404, "RESOURCE_NOT_FOUND"))
    seen = look(fake, charge, api)
    assert isinstance(seen, Look)
    assert (seen.partly_back, seen.lists_refunds) == (True, False)


@pytest.mark.parametrize("api", ["sale", "capture"])
def test_one_refund_is_read_by_its_id(api: str) -> None:
    fake = world()
    charge = SALE_ID if api == "sale" else CAPTURE_ID
    with paypal(fake) as gateway:
        made = gateway.refund(RefundOrder(charge, api, Money(100, "USD"), "remedy:1:1", "remedy:1"))
        folder = "/v1/payments/refund" if api == "sale" else "/v2/payments/refunds"
        fake.objects[f"{folder}/R1"] = next(iter(fake.refunds.values()))
        seen = gateway.look_at_refund("R1", api)
        gone = gateway.look_at_refund("R2", api)
        fake.say(folder, Answered(500))
        assert isinstance(gateway.look_at_refund("R1", api), Uncertain)
    assert isinstance(made, Done)
    assert isinstance(seen, Look)
    assert [fact.ref.id for fact in seen.facts if isinstance(fact, Refund)] == ["R1"]
    assert gone == Look((), lists_refunds=False, missing=("R2",))


def test_a_charge_that_paypal_does_not_know_is_missing() -> None:
    for api in ("sale", "capture", "charge"):
        seen = look(world(), "8XY00000000000009", api)
        assert seen == Look((), lists_refunds=False, missing=("8XY00000000000009",))


def test_an_id_cannot_lead_elsewhere() -> None:
    fake = world()
    look(fake, "../../v2/x?y=", "sale")
    assert [each.path for each in fake.of("GET")] == ["/v1/payments/sale/..%2F..%2Fv2%2Fx%3Fy%3D"]


def test_no_list_of_disputes_is_no_dispute() -> None:
    fake = world()
    fake.say("/v1/customer/disputes", refused(404, "RESOURCE_NOT_FOUND"))
    seen = look(fake)
    assert isinstance(seen, Look)
    assert len(seen.facts) == 1


@pytest.mark.parametrize(
    ("where", "said", "expected"),
    [
        ("/sale/", Answered(hang_up=True), Uncertain),
        ("/sale/", Answered(500), Uncertain),
        ("/sale/", refused(400, "VALIDATION_ERROR"), Uncertain),
        ("/sale/", answer(200, {"id": SALE_ID, "state": "levitating"}), Uncertain),
        ("/sale/", refused(429, "RATE_LIMIT_REACHED"), NotExecuted),
        ("/sale/", refused(403, "NOT_AUTHORIZED", "PERMISSION_DENIED"), NoCredential),
        ("/disputes", Answered(500), Uncertain),
        ("/disputes", answer(200, {"items": [{}]}), Uncertain),
        ("/disputes", refused(403, "NOT_AUTHORIZED", "PERMISSION_DENIED"), NoCredential),
        ("oauth2", Answered(500), NotExecuted),
    ],
)
def test_a_look_that_fails_says_so(where: str, said: Answered, expected: type) -> None:
    fake = world()
    fake.say(where, said)
    assert isinstance(look(fake), expected)


def test_a_missing_right_names_the_place() -> None:
    fake = world()
    fake.say("/disputes", refused(403, "NOT_AUTHORIZED", "PERMISSION_DENIED"))
    assert look(fake) == NoCredential("PERMISSION_DENIED at /v1/customer/disputes")


def cancel(fake: FakePayPal) -> object:
    with paypal(fake) as gateway:
        return gateway.cancel("I-AAAA", "cancel:I-AAAA:1")


def test_a_subscription_is_cancelled(shared_dir: Path) -> None:
    fake = world()
    fake.objects[SUBSCRIPTION] = {"id": "I-AAAA", "status": "ACTIVE"}
    assert cancel(fake) == Done()
    (asked,) = fake.of("POST")
    assert asked.path == f"{SUBSCRIPTION}/cancel"
    described = json.loads((shared_dir / "specs" / "paypal" / "billing_subscriptions_v1.json").read_text())
    schema = {"$ref": "#/components/schemas/subscription_cancel_request", "components": described["components"]}
    OAS30Validator(schema).validate(json.loads(asked.body))


def test_an_agreement_of_v1_is_cancelled() -> None:
    fake = world()
    fake.objects[AGREEMENT] = {"id": "I-AAAA", "state": "Active"}
    assert cancel(fake) == Done()
    assert [each.path for each in fake.of("POST")] == [f"{SUBSCRIPTION}/cancel", f"{AGREEMENT}/cancel"]


@pytest.mark.parametrize(
    ("path", "kept", "said"),
    [
        (SUBSCRIPTION, {"status": "CANCELLED"}, refused(422, "UNPROCESSABLE_ENTITY", "SUBSCRIPTION_STATUS_INVALID")),
        (SUBSCRIPTION, {"status": "EXPIRED"}, refused(422, "UNPROCESSABLE_ENTITY", "SUBSCRIPTION_STATUS_INVALID")),
        (AGREEMENT, {"state": "Cancelled"}, refused(400, "STATUS_INVALID")),
        (AGREEMENT, {"state": "Cancelled"}, refused(400, "RP_INVALID_STATUS_TO_CANCEL")),
    ],
)
def test_what_has_ended_already_is_done(path: str, kept: dict[str, object], said: Answered) -> None:
    fake = world()
    fake.objects[path] = {"id": "I-AAAA"} | kept
    fake.say(f"{path}/cancel", said)
    assert cancel(fake) == Done()


def test_what_has_not_begun_cannot_be_cancelled() -> None:
    fake = world()
    fake.objects[SUBSCRIPTION] = {"id": "I-AAAA", "status": "APPROVAL_PENDING"}
    fake.say("/cancel", refused(422, "UNPROCESSABLE_ENTITY", "SUBSCRIPTION_STATUS_INVALID"))
    answered = cancel(fake)
    assert isinstance(answered, Refused)
    assert answered.refusal is Refusal.NOT_THIS_WAY


def test_a_cancellation_that_cannot_be_checked_is_uncertain() -> None:
    fake = world()
    fake.say("/cancel", refused(422, "UNPROCESSABLE_ENTITY", "SUBSCRIPTION_STATUS_INVALID"))
    assert isinstance(cancel(fake), Uncertain)


def test_a_subscription_that_nobody_knows_is_not_found() -> None:
    answered = cancel(world())
    assert isinstance(answered, Refused)
    assert answered.refusal is Refusal.NOT_FOUND


@pytest.mark.parametrize(("said", "expected"), [(Answered(500), Uncertain), (Answered(403), NoCredential)])
def test_a_cancellation_that_fails_says_so(said: Answered, expected: type) -> None:
    fake = world()
    fake.say("/cancel", said)
    assert isinstance(cancel(fake), expected)
