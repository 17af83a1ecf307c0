"""Each right of a member, with what it leaves standing; and the chain that none of them breaks."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select

from reconcile.membership import Agreement, Membership, Plan
from reconcile.outcome import HeldBecause
from tests.worker.world import PRICE, START, at, charge, take_in, told
from worker import claims
from worker.audit import verify
from worker.claims import read
from worker.judging import reconcile_all
from worker.privacy import rights
from worker.privacy.rights import NobodyError
from worker.runtime import Runtime
from worker.schema import audit, deliveries, members, memberships
from worker.store import listings, roster
from worker.store import members as keys
from worker.store.facts import store_facts
from worker.store.recording import place
from worker.store.roster import RosterRow

EMAIL = "ann@example.test"
PERSONAL = {"name": "Ann Other", "email": EMAIL, "country": "US"}


def member(**personal: str) -> RosterRow:
    agreement = Agreement("stripe", "sub_1", "cus_1")
    made = Membership("M-1", START, Plan(PRICE), ("smartcalls", "voip-fulfillment"), agreements=(agreement,))
    return RosterRow(made, {**PERSONAL, **personal})


def world(runtime: Runtime) -> None:
    """Ann, charged twice on one day."""
    take_in(runtime, member())
    with runtime.engine.begin() as conn:
        twice = [charge(name, START, customer="cus_1", email=EMAIL) for name in ("ch_1", "ch_2")]
        store_facts(conn, runtime.keyring, told(*twice))
    reconcile_all(runtime, date(2026, 1, 20))


def remedies(runtime: Runtime) -> list[tuple[str, int, str | None]]:
    with runtime.engine.connect() as conn:
        return [(one["state"], one["amount"], one["held_because"]) for one in listings.remedies(conn)]


def acts(engine: Engine) -> list[tuple[str, str, str]]:
    with engine.connect() as conn:
        found = select(audit.c.actor, audit.c.action, audit.c.subject).where(audit.c.subject == "M-1")
        assert verify(conn) is None
        return [tuple(row) for row in conn.execute(found.order_by(audit.c.n))]


def test_what_is_kept_is_handed_over_and_the_look_is_noted(runtime: Runtime) -> None:
    world(runtime)
    (told,) = rights.export(runtime, " Ann@Example.TEST", "Jo")
    assert told["member"] == PERSONAL
    assert {one["object_id"] for one in told["facts"]} == {"ch_1", "ch_2"}
    assert [one["kind"] for one in told["findings"]] == ["duplicate_charge"]
    assert acts(runtime.engine) == [("Jo", "member_exported", "M-1")]


def test_a_correction_changes_what_is_kept_and_looked_up(runtime: Runtime) -> None:
    world(runtime)
    rights.correct(runtime, "M-1", "Jo", {"email": "new@example.test", "country": ""})
    (told,) = rights.export(runtime, "new@example.test", "Jo")
    assert told["member"] == {"name": "Ann Other", "email": "new@example.test"}
    with pytest.raises(NobodyError):
        rights.export(runtime, EMAIL, "Jo")
    assert [act for _, act, _ in acts(runtime.engine)] == ["member_corrected", "member_exported"]


def test_nothing_goes_by_itself_of_a_member_who_restricted_it(runtime: Runtime) -> None:
    world(runtime)
    assert remedies(runtime) == [("queued", 9900, None)]
    rights.restrict(runtime, "M-1", "Jo")
    assert remedies(runtime) == [("held", 9900, HeldBecause.RESTRICTED)]
    reconcile_all(runtime, date(2026, 12, 20), everything=True)
    assert ("held", 9900, HeldBecause.RESTRICTED) in remedies(runtime)
    rights.restrict(runtime, "M-1", "Jo", lift=True)
    assert ("queued", 9900, None) in remedies(runtime)


def test_an_erasure_destroys_the_key_and_leaves_the_books(runtime: Runtime) -> None:
    world(runtime)
    _deliver(runtime, 'customer "cus_1" moved')
    before = remedies(runtime)
    (said,) = rights.erase(runtime, EMAIL, "Jo")
    assert (said["erased"], said["bodies_removed"]) == (True, 1)
    assert any("2 facts" in line for line in said["left"])
    assert remedies(runtime) == before
    with runtime.engine.begin() as conn:
        assert roster.personal(conn, runtime.keyring, "M-1") == {}
        row = conn.execute(select(members)).mappings().one()
        assert (row["wrapped"], row["erased_at"]) == (None, runtime.clock())
        assert conn.scalars(select(memberships.c.email)).all() == [None]
    assert acts(runtime.engine) == [("Jo", "member_erased", "M-1")]
    with pytest.raises(NobodyError):
        rights.erase(runtime, EMAIL, "Jo")
    rights.erase(runtime, "M-1", "Jo")


def test_a_later_import_does_not_revive_an_erased_member(runtime: Runtime) -> None:
    world(runtime)
    rights.erase(runtime, "M-1", "Jo")
    take_in(runtime, member())
    with runtime.engine.begin() as conn:
        assert roster.personal(conn, runtime.keyring, "M-1") == {}
    with pytest.raises(NobodyError):
        rights.export(runtime, EMAIL, "Jo")


def test_a_claim_of_an_erased_member_keeps_its_decision_only(runtime: Runtime) -> None:
    world(runtime)
    given: dict[str, Any] = {
        "claim": "C-1",
        "membership": "M-1",
        "kind": "billing_error",
        "charge": "stripe:ch_2",
        "received_at": at(START).isoformat(),
        "explanation": "Twice!",
        "from_email": EMAIL,
    }
    answer = claims.take(runtime, read(given), at(START))
    rights.erase(runtime, "M-1", "Jo")
    (told,) = rights.export(runtime, "M-1", "Jo")
    (kept,) = told["claims"]
    assert (kept["wrote"], kept["state"], kept["clause"]) == (None, answer["state"], answer["clause"])
    assert "Twice!" not in json.dumps(told, default=str)


def test_of_who_lives_in_the_union_nothing_personal_is_kept(runtime: Runtime) -> None:
    take_in(runtime, member(country="FR"))
    with runtime.engine.begin() as conn:
        assert roster.personal(conn, runtime.keyring, "M-1") == {}
        assert conn.scalars(select(memberships.c.email)).all() == [None]
        assert keys.abroad(conn) == [{"membership": "M-1", "country": "FR"}]
        assert keys.outside(conn, "M-1")


def test_other_countries_are_listed_and_handled_as_usual(runtime: Runtime) -> None:
    take_in(runtime, member(country="JP"))
    with runtime.engine.begin() as conn:
        assert roster.personal(conn, runtime.keyring, "M-1") == {**PERSONAL, "country": "JP"}
        assert keys.abroad(conn) == [{"membership": "M-1", "country": "JP"}]
        assert not keys.outside(conn, "M-1")


def test_each_member_has_a_key_of_their_own(runtime: Runtime) -> None:
    with runtime.engine.begin() as conn:
        found = keys.keys_of(conn, runtime.keyring, ["M-1", "M-2"])
        again = keys.keys_of(conn, runtime.keyring, ["M-2", "M-1"])
    sealed = found["M-1"].seal(b"x", "p")
    assert again["M-1"].open(sealed, "p") == b"x"
    with pytest.raises(ValueError, match="no key opens"):
        found["M-2"].open(sealed, "p")


def _deliver(runtime: Runtime, text: str) -> None:
    """A webhook that told no fact and names the member's customer."""
    body = runtime.keyring.pack(text.encode(), place("stripe", "", "evt_9"))
    row = {
        "provider": "stripe",
        "account": "",
        "event_id": "evt_9",
        "event_type": "customer.updated",
        "occurred_at": at(START),
        "received_at": at(START),
        "source": "webhook",
        "body": body,
        "body_sha256": "",
        "seen": 1,
        "state": "passed_over",
        "attempts": 0,
    }
    with runtime.engine.begin() as conn:
        conn.execute(insert(deliveries).values(row))
