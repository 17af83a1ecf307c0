"""Deliveries in the store: each once, claimed by one, tried five times, kept for replay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select, update
from structlog.testing import capture_logs

from handlers.inbox import Envelope
from worker import schema
from worker.crypt import CannotOpenError, Keyring
from worker.store import deliveries
from worker.store.deliveries import NewDelivery, Recorded

AT = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def made(n: int, body: bytes = b"{}", transmission_id: str | None = None, provider: str = "stripe") -> NewDelivery:
    envelope = Envelope(f"evt_{n:03}", "charge.succeeded", AT, transmission_id=transmission_id, live=None)
    return NewDelivery(provider, envelope, body, "webhook", AT + timedelta(seconds=n))


def record(engine: Engine, keyring: Keyring, rows: Sequence[NewDelivery]) -> list[Recorded]:
    with engine.begin() as conn:
        return deliveries.record(conn, keyring, rows)


def states(engine: Engine) -> dict[str, tuple[str, int]]:
    c = schema.deliveries.c
    with engine.connect() as conn:
        return {row.event_id: (row.state, row.seen) for row in conn.execute(select(c.event_id, c.state, c.seen))}


def test_answers_stand_in_the_order_of_the_rows(engine: Engine, keyring: Keyring) -> None:
    rows = [made(n) for n in (5, 1, 9, 3)]
    first = record(engine, keyring, rows)
    assert all(answer.new and not answer.suspect for answer in first)
    again = record(engine, keyring, [made(9), made(7), made(1)])
    assert [answer.new for answer in again] == [False, True, False]
    assert (again[0].id, again[2].id) == (first[2].id, first[1].id)
    assert record(engine, keyring, []) == []


def test_a_repeat_within_one_batch_counts_once(engine: Engine, keyring: Keyring) -> None:
    answers = record(engine, keyring, [made(1), made(2), made(1), made(1)])
    assert [answer.new for answer in answers] == [True, True, False, False]
    assert len({answer.id for answer in answers}) == 2
    record(engine, keyring, [made(1), made(1)])
    assert states(engine) == {"evt_001": ("new", 5), "evt_002": ("new", 1)}


def test_a_batch_may_have_more_rows_than_one_statement_takes(engine: Engine, keyring: Keyring) -> None:
    told = record(engine, keyring, [made(n % 1100) for n in range(1101)])
    assert sum(answer.new for answer in told) == 1100
    assert len({answer.id for answer in told}) == 1100
    assert told[0].id == told[1100].id


def test_providers_and_accounts_are_apart(engine: Engine, keyring: Keyring) -> None:
    connected = replace(made(1), envelope=replace(made(1).envelope, account="acct_1"))
    answers = record(engine, keyring, [made(1), made(1, provider="paypal"), connected])
    assert [answer.new for answer in answers] == [True, True, True]


def test_many_writers_of_the_same_deliveries(engine: Engine, keyring: Keyring) -> None:
    orders = [[*range(40)], [*range(39, -1, -1)], [*range(20, 40), *range(20)]] * 3
    with ThreadPoolExecutor(6) as pool:
        batches = list(pool.map(lambda order: record(engine, keyring, [made(n) for n in order]), orders))
    assert sum(answer.new for batch in batches for answer in batch) == 40
    assert set(states(engine).values()) == {("new", 9)}


def test_one_transmission_with_two_bodies_is_set_aside(engine: Engine, keyring: Keyring) -> None:
    record(engine, keyring, [made(1, b'{"a":1}', "t-1", "paypal"), made(2, b"{}", "t-2", "paypal")])
    with capture_logs() as logs:
        answers = record(engine, keyring, [made(3, b'{"a":9}', "t-1", "paypal"), made(2, b"{}", "t-2", "paypal")])
    assert [(answer.new, answer.suspect) for answer in answers] == [(True, True), (False, False)]
    assert [(line["event"], line["event_id"]) for line in logs] == [("transmission_with_another_body", "evt_003")]
    assert states(engine)["evt_003"] == ("failed", 1)
    with capture_logs() as logs:
        (answer,) = record(engine, keyring, [made(1, b'{"a":2}', "t-1", "paypal")])
    assert answer.suspect
    assert len(logs) == 1
    assert states(engine)["evt_001"] == ("new", 2)


def test_a_claimed_delivery_opens_and_no_other(engine: Engine, keyring: Keyring) -> None:
    body = json.dumps({"name": "ünï" * 500}).encode()
    record(engine, keyring, [made(1, body), made(2, b"\x00\xff")])
    with engine.begin() as conn:
        first, second = deliveries.claim(conn, 10, AT)
    assert deliveries.open_body(keyring, first) == body
    assert deliveries.open_body(keyring, second) == b"\x00\xff"
    with pytest.raises(CannotOpenError):
        deliveries.open_body(keyring, replace(first, body=second.body))


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_two_workers_claim_apart(engine: Engine, keyring: Keyring) -> None:
    record(engine, keyring, [made(n) for n in range(6)])
    with engine.begin() as one, engine.begin() as two:
        first = [row.event_id for row in deliveries.claim(one, 4, AT)]
        second = [row.event_id for row in deliveries.claim(two, 4, AT)]
    assert (first, second) == ([f"evt_{n:03}" for n in range(4)], ["evt_004", "evt_005"])


def test_done_and_passed_over_are_not_claimed(engine: Engine, keyring: Keyring) -> None:
    ids = [answer.id for answer in record(engine, keyring, [made(n) for n in range(3)])]
    with engine.begin() as conn:
        deliveries.close(conn, ids[:1], "done", None, AT)
        deliveries.close(conn, ids[1:2], "passed_over", "an event that tells nothing", AT)
        assert [row.id for row in deliveries.claim(conn, 10, AT)] == ids[2:]
        assert (deliveries.waiting(conn, AT), deliveries.oldest_waiting(conn, AT)) == (1, AT + timedelta(seconds=2))
        assert deliveries.counted(conn, AT, 10) == (1, 0)


def test_the_fifth_failure_sets_aside(engine: Engine, keyring: Keyring) -> None:
    (answer,) = record(engine, keyring, [made(1)])
    later = AT + timedelta(minutes=1)
    with engine.begin() as conn:
        assert [deliveries.fail(conn, answer.id, "why", later) for _ in range(4)] == ["new"] * 4
        assert deliveries.tried(conn, AT, 10) == []
        assert deliveries.tried(conn, later, 10) == [answer.id]
        assert deliveries.claim(conn, 10, later) == []  # for it is tried alone
        assert [row.attempts for row in deliveries.claim(conn, 10, later, [answer.id])] == [4]
        assert deliveries.fail(conn, answer.id, "why" * 500, later) == "failed"
        assert deliveries.tried(conn, later + timedelta(days=9), 10) == []
    (listed,) = _listed(engine, states=["failed"])
    assert len(str(listed["note"])) == deliveries.NOTE_MAX


def test_replay(engine: Engine, keyring: Keyring) -> None:
    ids = [answer.id for answer in record(engine, keyring, [made(n) for n in range(4)])]
    with engine.begin() as conn:
        deliveries.close(conn, ids[:2], "done", None, AT)
        for delivery_id in ids[2:]:
            deliveries.set_aside(conn, delivery_id, "no such currency")
        assert deliveries.reopen(conn, ids[:1]) == 1
        assert [row.id for row in deliveries.claim(conn, 10, AT)] == ids[:1]
        assert deliveries.reopen(conn, failed=True) == 2
        assert [(row.id, row.attempts) for row in deliveries.claim(conn, 10, AT)] == [
            (ids[0], 0),
            (ids[2], 0),
            (ids[3], 0),
        ]


def test_retention_removes_bodies_and_nothing_else(engine: Engine, keyring: Keyring) -> None:
    ids = [answer.id for answer in record(engine, keyring, [made(n) for n in range(3)])]
    with engine.begin() as conn:
        deliveries.close(conn, ids[:2], "done", None, AT)
        assert deliveries.purge(conn, 0, 10, AT + timedelta(seconds=1)).bodies == 1
        gone = deliveries.by_id(conn, ids[0])
        assert gone is not None
        assert deliveries.open_body(keyring, gone) is None
        assert deliveries.reopen(conn, ids[:1]) == 0
    assert not record(engine, keyring, [made(0)])[0].new
    with engine.begin() as conn:
        assert deliveries.by_id(conn, 999) is None


def _listed(engine: Engine, **chosen: object) -> list[dict[str, object]]:
    with engine.connect() as conn:
        return list(deliveries.listing(conn, **chosen))  # type: ignore[arg-type]


def test_listing(engine: Engine, keyring: Keyring) -> None:
    record(engine, keyring, [made(1)])
    record(engine, keyring, [made(2, provider="paypal")])
    with engine.begin() as conn:
        conn.execute(update(schema.deliveries).where(schema.deliveries.c.provider == "paypal").values(state="done"))
    first, second = _listed(engine)
    assert first == {
        "id": first["id"],
        "provider": "stripe",
        "event_id": "evt_001",
        "event_type": "charge.succeeded",
        "source": "webhook",
        "state": "new",
        "seen": 1,
        "received_at": AT + timedelta(seconds=1),
        "handled_at": None,
        "note": None,
    }
    assert _listed(engine, states=["done"]) == _listed(engine, provider="paypal") == [second]
    assert _listed(engine, since=AT + timedelta(seconds=2)) == [second]
