"""Whatever is sent, only the declared exceptions come out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from handlers.inbox import CertificateUnavailable, ForgedDelivery, MalformedDelivery
from handlers.paypal.certificates import Roots
from handlers.paypal.inbox import PayPalInbox
from handlers.paypal.instants import epoch_instant, instant
from handlers.paypal.translate import _KINDS
from tests.handlers.paypal import shapes
from tests.handlers.paypal.authority import NOW, WEBHOOK_ID, Authority, Signer, rsa_key

PEM = Authority().certificate(rsa_key("signer"))
INBOX = PayPalInbox([WEBHOOK_ID], roots=Roots.from_pem(Authority().pem), fetch=lambda _url: PEM)
DECLARED = (ForgedDelivery, MalformedDelivery, CertificateUnavailable)
GOOD = Signer().headers(b"{}")
WHOLE = [shapes.SALE, shapes.CAPTURE, shapes.CAPTURE_REFUND, shapes.SUBSCRIPTION, shapes.DISPUTE]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["1.00", "USD", "RESOLVED"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def _paths(value: object, *way: str | int) -> list[tuple[str | int, ...]]:
    inside: Iterable[tuple[str | int, object]] = ()
    if isinstance(value, dict | list):
        inside = value.items() if isinstance(value, dict) else enumerate(value)
    return [way, *(path for step, child in inside for path in _paths(child, *way, step))]


@st.composite
def damaged_resources(draw: st.DrawFn) -> object:
    """A resource with something else put anywhere in it."""
    resource = json.loads(json.dumps(draw(st.sampled_from(WHOLE))))
    way = draw(st.sampled_from(_paths(resource)))
    if not way:
        return draw(json_values)
    place: Any = resource
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = draw(json_values)
    return resource


@given(st.binary(max_size=200), st.dictionaries(st.sampled_from(sorted(GOOD)), st.text(max_size=60)))
def test_any_headers_and_bytes(body: bytes, changes: dict[str, str]) -> None:
    try:
        INBOX.authenticate(GOOD | changes, body, NOW)
    except DECLARED:
        return
    raise AssertionError("nothing of this was signed")


@given(st.binary(max_size=300) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_signed_bytes(body: bytes) -> None:
    headers = Signer().headers(body)
    for call in (
        lambda: INBOX.authenticate(headers, body, NOW + timedelta(hours=1)),
        lambda: INBOX.envelope(body),
        lambda: INBOX.translate(body),
    ):
        try:
            call()
        except MalformedDelivery:
            continue


@given(st.sampled_from(sorted(_KINDS)), damaged_resources(), json_values)
def test_any_damage_to_an_event(event_type: str, resource: object, create_time: object) -> None:
    event = {"id": "WH-1", "event_type": event_type, "create_time": create_time, "resource": resource}
    body = json.dumps(event).encode()
    try:
        translation = INBOX.translate(body)
    except MalformedDelivery:
        return
    for fact in translation.facts:
        assert fact.told_at.tzinfo is not None
        str(fact.ref).encode()


@given(st.text(max_size=40) | st.from_regex(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?\Z"))
def test_any_text_names_a_sane_moment_or_none(text: str) -> None:
    moment = instant(text)
    assert moment is None or (moment.tzinfo is not None and 1998 <= moment.year < 2200)


@given(st.integers())
def test_any_number_names_a_sane_moment_or_none(milliseconds: int) -> None:
    moment = epoch_instant(milliseconds)
    assert moment is None or moment.year >= 1998
