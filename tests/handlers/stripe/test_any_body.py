"""Whatever stands in a body: facts, knowingly passed over, or malformed. Never another exception."""

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.inbox import MalformedDelivery
from handlers.strict_json import parse
from handlers.stripe import StripeInbox, facts_of
from tests.handlers.stripe import bodies
from tests.handlers.stripe.bodies import CREATED, SECRET, Json, at, body, event

INBOX = StripeInbox([SECRET])

# What each official object of the newest API tells, once it is paid, taken, or otherwise of interest.
NEWEST: dict[str, tuple[str, Json, list[str]]] = {
    "charge": ("charge.succeeded", {"captured": True, "amount_captured": 100}, ["Charge"]),
    "refund": ("refund.created", {}, ["Refund"]),
    "dispute": ("charge.dispute.created", {}, ["Dispute"]),
    "subscription": ("customer.subscription.updated", {}, ["Subscription"]),
    "invoice": ("invoice.paid", {"status": "paid", "amount_paid": 1000}, ["Invoice"]),
    "invoice_payment": ("invoice_payment.paid", {"currency": "usd"}, ["InvoicePayment"]),
    "payment_intent": ("payment_intent.succeeded", {"status": "succeeded", "latest_charge": "ch_1"}, ["Charge"]),
    "credit_note": ("credit_note.created", {}, []),
}


def test_every_sample_gives_facts_or_is_knowingly_passed_over(shared_dir: Path) -> None:
    samples = sorted((shared_dir / "samples" / "stripe").glob("*.json"))
    assert samples
    for sample in samples:
        delivery = sample.read_bytes()
        assert INBOX.envelope(delivery).event_id
        translation = INBOX.translate(delivery)
        assert bool(translation.facts) != bool(translation.passed_over), sample.name


@pytest.fixture(scope="module")
def official(shared_dir: Path) -> dict[str, Json]:
    fixtures = parse((shared_dir / "specs" / "stripe-fixtures3.json").read_bytes())["resources"]
    assert isinstance(fixtures, dict)
    return fixtures


@pytest.mark.parametrize("kind", sorted(NEWEST))
def test_every_official_object_of_the_newest_shape_is_understood(kind: str, official: dict[str, Json]) -> None:
    event_type, said, told = NEWEST[kind]
    translation = INBOX.translate(body(event_type, official[kind] | said))
    assert [type(fact).__name__ for fact in translation.facts] == told


def test_no_official_object_of_any_kind_raises_anything_else(official: dict[str, Json]) -> None:
    assert len(official) > 150
    for told in official.values():
        try:
            facts_of(told, at(CREATED))
        except MalformedDelivery:
            # invoice_payment's own fixture has the currency "currency".
            assert told["object"] == "invoice_payment"


OBJECTS: list[tuple[str, Json]] = [
    ("charge.refunded", bodies.charge(refunds={"data": [bodies.refund()]})),
    ("charge.failed", bodies.charge(status="failed")),
    ("refund.updated", bodies.refund()),
    ("charge.dispute.created", bodies.dispute()),
    ("invoice.paid", bodies.old_invoice()),
    ("invoice.payment_failed", bodies.new_invoice(payments={"data": [bodies.invoice_payment()]})),
    ("invoice_payment.paid", bodies.invoice_payment()),
    ("customer.subscription.updated", bodies.subscription()),
    ("payment_intent.succeeded", {"id": "pi_1", "object": "payment_intent", "charges": {"data": [bodies.charge()]}}),
    ("credit_note.created", {"object": "credit_note", "refunds": [{"refund": bodies.refund()}]}),
]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**19), 10**19) | st.text(max_size=20) | st.decimals(-9, 9).map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside `value`."""
    inside: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    return [path, *(place for key, item in inside for place in places(item, (*path, key)))]


@given(st.data())
def test_a_body_with_anything_anywhere_is_understood_or_malformed(data: st.DataObject) -> None:
    event_type, told = data.draw(st.sampled_from(OBJECTS))
    mutated = {"": copy.deepcopy(event(event_type, told))}
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(places(mutated)[1:]))
        holder: Any = mutated
        for step in way:
            holder = holder[step]
        holder[last] = data.draw(JSON_VALUES)
    delivery = json.dumps(mutated[""]).encode()
    for read in (INBOX.envelope, INBOX.translate):
        with contextlib.suppress(MalformedDelivery):
            read(delivery)


@given(st.binary(max_size=200))
def test_any_bytes_are_malformed(delivery: bytes) -> None:
    with pytest.raises(MalformedDelivery):
        INBOX.translate(delivery)


@given(st.data())
def test_a_body_cut_or_flipped_anywhere_is_understood_or_malformed(data: st.DataObject) -> None:
    event_type, told = data.draw(st.sampled_from(OBJECTS))
    delivery = bytearray(body(event_type, told))
    place = data.draw(st.integers(0, len(delivery) - 1))
    if data.draw(st.booleans()):
        del delivery[place:]
    else:
        delivery[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MalformedDelivery):
        INBOX.translate(bytes(delivery))
