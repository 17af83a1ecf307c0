"""Markers are planted in every field that comes in, and looked for in everything that stays or goes out."""

from __future__ import annotations

import json
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from config import logging
from reconcile.facts import Ref
from tests.worker.world import START, at
from worker import claims, handling, tables
from worker.claims import ClaimError, read
from worker.events_file import read as read_events
from worker.explaining import explain, page
from worker.fields import BadFieldError
from worker.judging import reconcile_all
from worker.privacy import rights
from worker.roster.files import RosterError
from worker.roster.files import read as read_roster
from worker.roster.row import Bundles
from worker.runtime import Runtime
from worker.schema import deliveries, metadata
from worker.store import listings
from worker.store.claims import listing
from worker.store.deliveries import by_id, open_body
from worker.store.listings import Filter
from worker.store.recording import record
from worker.store.roster import import_memberships

NAME = "Zebulon Quimby-Marker"
EMAIL = "zebulon.marker@example.test"
CARD = "4242424242424242"
CARD_SPACED = "4242 4242 4242 4242"
SSN = "078-05-1120"
EIN = "12-3456789"
BANK = "000123456789"
NUMBERS = (CARD, CARD_SPACED, SSN, EIN, BANK)
MARKERS = (NAME, EMAIL, *NUMBERS)
WORDS = f"{NAME} <{EMAIL}> card {CARD} or {CARD_SPACED}, ssn {SSN}, ein {EIN}, account number {BANK}"

ROSTER = {
    "membership": "M-1",
    "member": {"name": NAME, "email": EMAIL, "country": "US"},
    "started_on": START.isoformat(),
    "policy": ["iptv"],
    "plan": {"code": f"{CARD} {NAME}", "price": 9900, "currency": "USD"},
    "changes": [{"kind": "agreed", "on": "2026-03-02", "amount": 2500, "what": WORDS[:200]}],
    "notices": [{"kind": "terminate", "on": "2026-06-01", "reason": WORDS[:200]}],
    "agreements": [
        {"provider": "stripe", "customer": "cus_1"},
        {"provider": "paypal", "subscription": "I-1", "payer": "P1"},
    ],
}
STRIPE = {
    "id": "evt_1",
    "object": "event",
    "api_version": "2024-06-20",
    "created": int(at(START).timestamp()),
    "livemode": False,
    "type": "charge.succeeded",
    "data": {
        "object": {
            "id": "ch_1",
            "object": "charge",
            "amount": 9900,
            "amount_captured": 9900,
            "amount_refunded": 0,
            "captured": True,
            "created": int(at(START).timestamp()),
            "currency": "usd",
            "customer": "cus_1",
            "description": WORDS,
            "statement_descriptor": CARD,
            "receipt_email": EMAIL,
            "billing_details": {
                "name": NAME,
                "email": EMAIL,
                "phone": CARD,
                "address": {"line1": WORDS, "country": "US"},
            },
            "metadata": {"membership": f"x {CARD}", "note": WORDS, CARD: SSN, "ssn": "078051120", "number": int(CARD)},
            "disputed": False,
            "livemode": False,
            "paid": True,
            "refunded": False,
            "status": "succeeded",
        }
    },
}
PAYPAL = {
    "id": "WH-1",
    "event_version": "1.0",
    "create_time": at(START).isoformat().replace("+00:00", "Z"),
    "resource_type": "sale",
    "event_type": "PAYMENT.SALE.COMPLETED",
    "summary": WORDS,
    "resource": {
        "id": "8XY1",
        "state": "completed",
        "amount": {"total": "99.00", "currency": "USD"},
        "billing_agreement_id": "I-1",
        "custom": f"x {CARD}",
        "invoice_number": CARD_SPACED,
        "note_to_payer": WORDS,
        "payer": {"payer_info": {"email": EMAIL, "first_name": NAME, "payer_id": "P1", "country_code": "US"}},
        "create_time": at(START).isoformat().replace("+00:00", "Z"),
        "update_time": at(START).isoformat().replace("+00:00", "Z"),
    },
}
CLAIM = {
    "claim": "C-1",
    "membership": "M-1",
    "charge": "stripe:ch_1",
    "kind": "money_back",
    "received_at": at(date(2026, 1, 12)).isoformat(),
    "channel": "email",
    "from_email": EMAIL,
    "invoice": f"in {CARD}",
    "explanation": WORDS,
    "contacted_support_at": at(START).isoformat(),
    "evidence": [f"{NAME} {SSN}.png"],
}


def tell(runtime: Runtime, tmp_path: Path) -> str:
    """Everything comes in, and is judged; what was logged meanwhile."""
    log = StringIO()
    logging.configure("DEBUG", log)
    roster = tmp_path / "roster.jsonl"
    roster.write_text(json.dumps(ROSTER))
    with runtime.engine.begin() as conn:
        rows = list(read_roster(roster, Bundles(runtime.rules.policy.versions.keys(), ("iptv",))))
        import_memberships(conn, runtime.keyring, rows, runtime.clock(), "2019-11-27")
    for provider, body in (("stripe", STRIPE), ("paypal", PAYPAL)):
        events = tmp_path / f"{provider}.jsonl"
        events.write_text(json.dumps(body))
        with runtime.engine.begin() as conn:
            record(conn, runtime.keyring, list(read_events(events, runtime.inboxes[provider], runtime.clock())))
    handling.drain(runtime)
    claims.take(runtime, read(CLAIM), at(date(2026, 1, 12)))
    reconcile_all(runtime, date(2026, 4, 20))
    return log.getvalue()


def everything(engine: Engine) -> str:
    """Every value of every row, as text."""
    with engine.connect() as conn:
        rows = [repr(tuple(row)) for table in metadata.sorted_tables for row in conn.execute(select(table))]
    return "\n".join(rows)


def clear(text: str, markers: tuple[str, ...] = MARKERS) -> list[str]:
    """The markers that stand in a text, however they are written."""
    lowered, closed = text.lower(), text.replace(" ", "").replace("-", "")
    return [
        marker
        for marker in markers
        if marker.lower() in lowered or (marker[0].isdigit() and marker.replace(" ", "").replace("-", "") in closed)
    ]


def bodies(runtime: Runtime) -> str:
    with runtime.engine.connect() as conn:
        ids = conn.scalars(select(deliveries.c.id)).all()
        kept = [one for row_id in ids if (one := by_id(conn, row_id)) is not None]
        return "\n".join((open_body(runtime.keyring, one) or b"").decode() for one in kept)


def outputs(runtime: Runtime) -> str:
    """What people and programs see."""
    with runtime.engine.connect() as conn:
        found: list[Any] = [*listings.findings(conn), *listings.remedies(conn)]
        found += listing(conn, Filter(), runtime.rules.zone)
    told = explain(runtime, "M-1")
    assert told is not None
    return "\n".join([*(tables.as_json(one) for one in found), tables.as_json(told), page(told)])


def test_no_marker_is_in_any_table_log_or_output(runtime: Runtime, tmp_path: Path) -> None:
    logged = tell(runtime, tmp_path)
    assert clear(everything(runtime.engine)) == []
    assert clear(outputs(runtime)) == []
    assert clear(logged) == []


def test_the_facts_are_there_all_the_same(runtime: Runtime, tmp_path: Path) -> None:
    tell(runtime, tmp_path)
    told = explain(runtime, "M-1")
    assert told is not None
    assert {one["charge"] for one in told["came"]} == {str(Ref("stripe", "ch_1")), str(Ref("paypal", "8XY1"))}


def test_no_number_is_in_a_kept_body_not_even_encrypted(runtime: Runtime, tmp_path: Path) -> None:
    tell(runtime, tmp_path)
    kept = bodies(runtime)
    assert "ch_1" in kept
    assert "8XY1" in kept
    assert clear(kept, (CARD, CARD_SPACED, SSN, EIN, BANK, "078051120")) == []


def test_what_is_handed_over_holds_no_such_number_either(runtime: Runtime, tmp_path: Path) -> None:
    tell(runtime, tmp_path)
    (told,) = rights.export(runtime, EMAIL, "Jo")
    text = tables.as_json(told)
    assert told["member"] == {"name": NAME, "email": EMAIL, "country": "US"}
    assert NAME in told["claims"][0]["wrote"]["explanation"]
    assert clear(text, NUMBERS) == []


def test_after_the_erasure_no_key_opens_anything(runtime: Runtime, tmp_path: Path) -> None:
    tell(runtime, tmp_path)
    hashed = runtime.keyring.email_key(EMAIL)
    assert hashed in everything(runtime.engine)
    rights.erase(runtime, "M-1", "Jo")
    assert hashed not in everything(runtime.engine)
    assert clear(bodies(runtime)) == []
    # Whatever is still sealed is opened with every key there is.
    opened = _opened(runtime)
    assert clear(opened) == []


def _opened(runtime: Runtime) -> str:
    told = rights.export(runtime, "M-1", "Jo")
    return tables.as_json(told[0])


@pytest.mark.parametrize("field", ["claim", "membership", "charge", "kind", "received_at", "channel", "from_email"])
def test_no_error_repeats_what_a_claim_says(runtime: Runtime, field: str) -> None:
    for marker in MARKERS:
        with pytest.raises((BadFieldError, ClaimError)) as raised:
            claims.take(runtime, read({**CLAIM, field: f"{marker} {marker}"}))
        assert clear(str(raised.value)) == []


def test_no_error_repeats_a_members_fields(tmp_path: Path) -> None:
    file = tmp_path / "roster.jsonl"
    for field, text in (("email", WORDS), ("country", NAME), ("name", f" {NAME}")):
        file.write_text(json.dumps({**ROSTER, "member": {field: text}}))
        with pytest.raises(RosterError) as raised:
            list(read_roster(file, Bundles(("iptv",), ("iptv",))))
        assert clear(str(raised.value)) == []


def test_a_payer_in_the_union_leaves_nothing_personal(runtime: Runtime, tmp_path: Path) -> None:
    abroad = json.loads(json.dumps(STRIPE))
    abroad["data"]["object"]["billing_details"]["address"]["country"] = "DE"
    events = tmp_path / "events.jsonl"
    events.write_text(json.dumps(abroad))
    with runtime.engine.begin() as conn:
        record(conn, runtime.keyring, list(read_events(events, runtime.inboxes["stripe"], runtime.clock())))
    # Of the named fields nothing is left; free text under other names rests encrypted.
    kept = json.loads(bodies(runtime))["data"]["object"]
    assert kept["billing_details"] | {"address": {}} == {"name": None, "email": None, "phone": None, "address": {}}
    assert (kept["receipt_email"], kept["description"], kept["amount"]) == (None, None, 9900)
    handling.drain(runtime)
    with runtime.engine.connect() as conn:
        assert conn.scalars(select(deliveries.c.abroad)).all() == ["DE"]
    assert runtime.keyring.email_key(EMAIL) not in everything(runtime.engine)


def test_the_country_of_a_card_says_nothing_of_where_somebody_lives(runtime: Runtime, tmp_path: Path) -> None:
    here = json.loads(json.dumps(STRIPE))
    here["data"]["object"]["payment_method_details"] = {"card": {"brand": "visa", "country": "DE", "last4": "4242"}}
    events = tmp_path / "events.jsonl"
    events.write_text(json.dumps(here))
    with runtime.engine.begin() as conn:
        record(conn, runtime.keyring, list(read_events(events, runtime.inboxes["stripe"], runtime.clock())))
        assert conn.scalars(select(deliveries.c.abroad)).all() == [None]


def test_the_test_finds_what_is_there() -> None:
    """A search that finds nothing proves something only if it would find it."""
    assert clear(f"x {NAME.upper()} y") == [NAME]
    assert clear("ssn 078 05 1120") == [SSN]
