"""Only what Stripe signed, over these very bytes and just now, comes in."""

import dataclasses
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.inbox import Envelope, ForgedDelivery, Inbox, MalformedDelivery
from handlers.stripe import StripeInbox
from tests.handlers.stripe.bodies import CREATED, NOW, SECRET, body, charge, event, signed

T = int(NOW.timestamp())
BODY = body("charge.succeeded", charge())


def authenticate(header: str, delivery: bytes = BODY, *secrets: str) -> Envelope:
    return StripeInbox(secrets or [SECRET]).authenticate({"stripe-signature": header}, delivery, NOW)


def test_a_signed_delivery_says_what_it_is() -> None:
    inbox: Inbox = StripeInbox([SECRET])
    envelope = inbox.authenticate({"stripe-signature": signed(BODY, T)}, BODY, NOW)
    assert dataclasses.astuple(envelope)[:2] == ("evt_1", "charge.succeeded")
    assert envelope.occurred_at.timestamp() == CREATED
    assert envelope.live is False
    assert envelope.account == ""


def test_while_a_secret_is_rotated_either_passes() -> None:
    for ours in (["whsec_old", "whsec_new"], ["whsec_new"], ["whsec_old"]):
        authenticate(signed(BODY, T, "whsec_old", "whsec_new"), BODY, *ours)
    with pytest.raises(ForgedDelivery):
        authenticate(signed(BODY, T, "whsec_older"), BODY, "whsec_old", "whsec_new")


@pytest.mark.parametrize("age_s", [300, -300, 0])
def test_five_minutes_either_way_are_of_this_time(age_s: int) -> None:
    authenticate(signed(BODY, T - age_s))


@pytest.mark.parametrize("age_s", [301, -301, -3600])
def test_older_is_a_replay_and_later_a_forgery(age_s: int) -> None:
    with pytest.raises(ForgedDelivery, match="time"):
        authenticate(signed(BODY, T - age_s))


GOOD = signed(BODY, T)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "garbage",
        ",,,",
        f"t={T}",
        f"t={T},v1=",
        GOOD.replace("v1=", "v0="),
        GOOD.replace(f"t={T}", f"t={T - 1}"),
        GOOD.replace(f"t={T}", f"t={T},t={T}"),
        GOOD.replace(f"t={T}", "t="),
        GOOD.replace(f"t={T}", f"t=-{T}"),
        GOOD.replace(f"t={T}", "t=٣"),
        GOOD.replace(f"t={T}", "t=" + "9" * 5000),
        GOOD.removeprefix(f"t={T},"),
        GOOD + "é",
        GOOD.upper(),
        GOOD + ",v1=aa" * 8,
        GOOD + ",v1=" + "a" * 5000,
    ],
)
def test_a_header_that_is_not_stripes_is_a_forgery(header: str) -> None:
    with pytest.raises(ForgedDelivery):
        authenticate(header)


def test_a_missing_header_is_a_forgery() -> None:
    with pytest.raises(ForgedDelivery, match="missing"):
        StripeInbox([SECRET]).authenticate({}, BODY, NOW)


def test_test_modes_extra_v0_and_unknown_schemes_do_no_harm() -> None:
    authenticate(GOOD + ",v0=aa,v2=bb")


def test_eight_signatures_are_tried_and_no_more() -> None:
    authenticate(signed(BODY, T, *["whsec_other"] * 7, SECRET))


def test_a_flipped_byte_is_a_forgery() -> None:
    for place in range(0, len(BODY), 37):
        flipped = bytearray(BODY)
        flipped[place] ^= 1
        with pytest.raises(ForgedDelivery):
            authenticate(GOOD, bytes(flipped))


def test_the_same_json_in_other_bytes_is_a_forgery() -> None:
    with pytest.raises(ForgedDelivery):
        authenticate(GOOD, json.dumps(json.loads(BODY), indent=1).encode())


def test_without_a_secret_the_receiver_does_not_start() -> None:
    for secrets in ([], [""], [SECRET, ""], SECRET):
        with pytest.raises(ValueError, match="signing secret"):
            StripeInbox(secrets)


def test_the_secret_is_in_no_repr_and_no_refusal() -> None:
    assert SECRET not in repr(StripeInbox([SECRET]))
    with pytest.raises(ForgedDelivery) as refused:
        authenticate(signed(BODY, T, "whsec_wrong"))
    assert SECRET not in str(refused.value)


def test_signed_garbage_is_malformed_not_forged() -> None:
    for delivery in (b"", b"\xff\xfe", b"[" * 5000, b"[]", b"{}", body("charge.succeeded", charge(), created=-1)):
        with pytest.raises(MalformedDelivery):
            authenticate(signed(delivery, T), delivery)


@pytest.mark.parametrize(
    "said",
    [
        {"object": "charge"},
        {"id": None},
        {"id": "evt_1\n"},
        {"id": "é"},
        {"id": "e" * 129},
        {"id": 7},
        {"type": ""},
        {"type": "charge succeeded"},
        {"created": None},
        {"created": "2024-06-01"},
        {"created": True},
        {"created": 10**15},
        {"created": 0},
        {"livemode": "no"},
        {"account": "acct 1"},
    ],
)
def test_an_envelope_that_does_not_say_what_it_is_is_malformed(said: dict[str, object]) -> None:
    with pytest.raises(MalformedDelivery):
        StripeInbox([SECRET]).envelope(body("charge.succeeded", charge(), **said))


def test_a_connected_account_is_told() -> None:
    assert StripeInbox([SECRET]).envelope(body("charge.succeeded", charge(), account="acct_1")).account == "acct_1"


def test_a_thin_event_is_accepted_and_passed_over() -> None:
    thin = {
        "id": "evt_test_1",
        "object": "v2.core.event",
        "type": "v1.billing.meter.error_report_triggered",
        "created": "2024-06-01T00:00:30.123Z",
        "livemode": False,
        "related_object": {"id": "mtr_1", "type": "billing.meter"},
    }
    delivery = json.dumps(thin).encode()
    assert authenticate(signed(delivery, T), delivery).occurred_at == NOW - timedelta(seconds=29, milliseconds=877)
    translation = StripeInbox([SECRET]).translate(delivery)
    assert translation.facts == ()
    assert translation.passed_over is not None
    for created in ("2024-13-01T00:00:00Z", "yesterday", 7):
        with pytest.raises(MalformedDelivery):
            StripeInbox([SECRET]).envelope(json.dumps(thin | {"created": created}).encode())


@given(st.text(), st.binary())
def test_any_header_over_any_bytes_is_a_forgery(header: str, delivery: bytes) -> None:
    with pytest.raises(ForgedDelivery):
        authenticate(header, delivery)


@given(st.binary())
def test_any_signed_bytes_are_an_event_or_malformed(delivery: bytes) -> None:
    with pytest.raises(MalformedDelivery):
        authenticate(signed(delivery, T), delivery)


def test_the_event_of_the_tests_is_one() -> None:
    assert event("charge.succeeded", charge())["object"] == "event"
