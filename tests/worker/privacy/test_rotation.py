"""Master keys change: nothing is left under an older one, everything opens as before, and stopping costs nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from tests.worker.conftest import MASTER_KEY
from tests.worker.privacy.test_rights import EMAIL, PERSONAL, member
from tests.worker.world import START, at, charge, take_in, told
from worker import claims, rotation
from worker.audit import verify
from worker.claims import read
from worker.crypt import Keyring
from worker.privacy import rights
from worker.runtime import Runtime
from worker.schema import audit, deliveries
from worker.store import members, roster
from worker.store.deliveries import by_id, open_body
from worker.store.facts import store_facts
from worker.store.recording import place

NEW, LOST = bytes(range(1, 33)), bytes(range(2, 34))
BODIES = 5


def world(runtime: Runtime) -> None:
    """Ann, her claim, and webhooks that named her."""
    take_in(runtime, member())
    with runtime.engine.begin() as conn:
        store_facts(conn, runtime.keyring, told(charge("ch_1", START, customer="cus_1", email=EMAIL)))
    claims.take(runtime, read(CLAIM), at(START))
    for n in range(BODIES):
        deliver(runtime, n, runtime.keyring)


CLAIM = {
    "claim": "C-1",
    "membership": "M-1",
    "kind": "unauthorised",
    "received_at": "2026-01-12T10:00:00-06:00",
    "explanation": "I never agreed to it.",
}


def deliver(runtime: Runtime, n: int, keyring: Keyring) -> None:
    row: dict[str, Any] = {
        "provider": "stripe",
        "account": "",
        "event_id": f"evt_{n}",
        "event_type": "customer.updated",
        "occurred_at": at(START),
        "received_at": at(START),
        "source": "webhook",
        "body": keyring.pack(f"body {n}".encode(), place("stripe", "", f"evt_{n}")),
        "body_sha256": "",
        "seen": 1,
        "state": "passed_over",
        "attempts": 0,
    }
    with runtime.engine.begin() as conn:
        conn.execute(insert(deliveries).values(row))


def under(runtime: Runtime, *keys: bytes) -> Runtime:
    """The same database, opened with other master keys."""
    ring = Keyring(keys)
    ring.ready(runtime.engine)
    return replace(runtime, keyring=ring)


def counted(rows: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["key_is"], {})[row["store"]] = row["rows"]
    return found


ALL = {"index key": 1, "member keys": 1, "stored bodies": BODIES}


def test_nothing_is_left_under_an_old_key_and_everything_opens(runtime: Runtime) -> None:
    world(runtime)
    both = under(runtime, NEW, MASTER_KEY)
    assert counted(rotation.status(both)) == {"older": ALL}
    after = rotation.rotate(both, "Jo")
    assert counted(after) == {"newest": ALL}
    assert rotation.left(after) == 0

    only = under(runtime, NEW)  # the old key is gone for good
    (whole,) = rights.export(only, EMAIL, "Jo")
    assert whole["member"] == PERSONAL
    assert whole["claims"][0]["wrote"] == {"explanation": "I never agreed to it."}
    with only.engine.begin() as conn:
        kept = [by_id(conn, n) for n in conn.scalars(select(deliveries.c.id).order_by(deliveries.c.id))]
        assert [open_body(only.keyring, one) for one in kept if one] == [f"body {n}".encode() for n in range(BODIES)]
        assert only.keyring.email_key(EMAIL) == runtime.keyring.email_key(EMAIL)
        noted = select(audit.c.actor, audit.c.detail).where(audit.c.action == "keys_rotated")
        assert [tuple(row) for row in conn.execute(noted)] == [("Jo", {"newest": only.keyring.newest, "left": 0})]
        assert verify(conn) is None


def test_a_rotation_that_was_stopped_goes_on_where_it_was(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    world(runtime)
    both = under(runtime, NEW, MASTER_KEY)
    monkeypatch.setattr(rotation, "PART", 2)
    sealed = 0
    real = both.keyring.seal

    def stopping(plain: bytes, where: str) -> bytes:
        nonlocal sealed
        sealed += 1
        if sealed == 6:
            raise KeyboardInterrupt
        return real(plain, where)

    monkeypatch.setattr(both.keyring, "seal", stopping)
    with pytest.raises(KeyboardInterrupt):
        rotation.rotate(both, "Jo")
    # The part that was stopped is undone, those before it stay done.
    half = counted(rotation.status(both))
    assert half["newest"] == {"index key": 1, "member keys": 1, "stored bodies": 2}
    assert half["older"] == {"stored bodies": BODIES - 2}
    assert counted(rotation.rotate(both, "Jo")) == {"newest": ALL}
    assert sealed == 6 + BODIES - 2


def test_what_no_key_opens_is_said_and_left_as_it_is(runtime: Runtime) -> None:
    world(runtime)
    deliver(runtime, 99, Keyring((LOST,)))
    both = under(runtime, NEW, MASTER_KEY)
    after = rotation.rotate(both, "Jo")
    assert counted(after) == {"newest": ALL, "missing": {"stored bodies": 1}}
    assert rotation.left(after) == 1
    found = under(runtime, NEW, LOST)
    assert counted(rotation.rotate(found, "Jo")) == {"newest": ALL | {"stored bodies": BODIES + 1}}


def test_a_key_that_was_destroyed_does_not_come_back(runtime: Runtime) -> None:
    world(runtime)
    rights.erase(runtime, "M-1", "Jo")
    both = under(runtime, NEW, MASTER_KEY)
    assert "member keys" not in counted(rotation.rotate(both, "Jo"))["newest"]
    with both.engine.begin() as conn:
        assert members.keys_of(conn, both.keyring, ["M-1"]) == {}
        assert roster.personal(conn, both.keyring, "M-1") == {}


def test_purged_bodies_count_for_nothing(runtime: Runtime) -> None:
    world(runtime)
    with runtime.engine.begin() as conn:
        conn.execute(deliveries.update().values(body=None))
        assert conn.scalar(select(func.count()).select_from(deliveries)) == BODIES
    assert counted(rotation.rotate(under(runtime, NEW, MASTER_KEY), "Jo")) == {
        "newest": {"index key": 1, "member keys": 1}
    }
