"""Deliveries: what was sent to us, kept before it is understood. The rows are the queue of record."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update

from worker.crypt import Keyring
from worker.engine import AS_BYTES
from worker.schema import Row, deliveries
from worker.store.recording import NewDelivery, Recorded, place, record
from worker.store.sql import in_index_order, numbered

__all__ = [
    "ATTEMPTS_MAX", "Delivery", "NewDelivery", "Recorded", "by_id", "claim", "close", "count", "counted", "fail",
    "listing", "oldest_waiting", "open_body", "purge", "record", "reopen", "set_aside", "waiting",
]  # fmt: skip

ATTEMPTS_MAX = 5
NOTE_MAX = 500
_HANDLED = frozenset({"done", "passed_over"})


@dataclass(frozen=True, slots=True)
class Delivery:
    """A stored delivery, its body still closed."""

    id: int
    provider: str
    account: str
    event_id: str
    event_type: str
    source: str
    received_at: datetime
    attempts: int
    body: bytes | None


def claim(conn: Connection, limit: int, now: datetime, among: Collection[int] = ()) -> list[Delivery]:
    """The oldest unhandled deliveries that are due, of those that nobody has tried or `among` these, locked until the
    end of the transaction on Postgres (others skip them); on SQLite the transaction itself is alone."""
    chosen = numbered(conn, deliveries.c.id, sorted(among)) if among else deliveries.c.attempts == 0
    query = select(*_columns()).where(_due(now), chosen).order_by(deliveries.c.id).limit(limit)
    with in_index_order(conn):
        found = conn.execute(query.with_for_update(skip_locked=True), execution_options={AS_BYTES: True})
    return [Delivery(*row) for row in found.all()]


def count(conn: Connection, taken: Iterable[Delivery]) -> None:
    """Count an attempt before it is made: whoever makes it may not live to say how it ended."""
    ids = [one.id for one in taken]
    conn.execute(update(deliveries).where(deliveries.c.id.in_(ids)).values(attempts=deliveries.c.attempts + 1))


def tried(conn: Connection, now: datetime, most: int) -> list[int]:
    """Of the oldest `most` that are due, those that were tried before, and that nobody has just now."""
    c = deliveries.c
    with in_index_order(conn):
        oldest = conn.execute(select(c.id, c.attempts).where(_due(now)).order_by(c.id).limit(most)).all()
    ids = [row.id for row in oldest if row.attempts]
    free = select(c.id).where(numbered(conn, c.id, ids)).order_by(c.id).with_for_update(skip_locked=True)
    return list(conn.scalars(free)) if ids else []


def by_id(conn: Connection, delivery_id: int) -> Delivery | None:
    """One stored delivery in whatever state."""
    row = conn.execute(select(*_columns()).where(deliveries.c.id == delivery_id)).mappings().one_or_none()
    return None if row is None else Delivery(**row)


def open_body(keyring: Keyring, delivery: Delivery) -> bytes | None:
    """The bytes as they came; None once retention has removed them."""
    if delivery.body is None:
        return None
    return keyring.unpack(delivery.body, place(delivery.provider, delivery.account, delivery.event_id))


def close(conn: Connection, ids: Iterable[int], state: str, note: str | None, handled_at: datetime) -> None:
    """Mark deliveries `done` or `passed_over`. `note` carries no personal data."""
    values = {"state": state, "note": _cut(note), "handled_at": handled_at, "next_at": None, "attempts": 0}
    conn.execute(update(deliveries).where(numbered(conn, deliveries.c.id, list(ids))).values(values))


def fail(conn: Connection, delivery_id: int, note: str, next_at: datetime, *, counted: bool = False) -> str:
    """Count a failed attempt, unless it was `counted` before: the delivery is tried again at `next_at`, or set aside
    as `failed` after the fifth. Returns the state it is in then."""
    attempts = deliveries.c.attempts + (0 if counted else 1)
    kept = conn.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id)
        .values(attempts=attempts, note=_cut(note), next_at=next_at)
        .returning(deliveries.c.attempts)
    ).scalar_one()
    if kept < ATTEMPTS_MAX:
        return "new"
    conn.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(state="failed", next_at=None))
    return "failed"


def set_aside(conn: Connection, delivery_id: int, note: str, *, counted: bool = False) -> None:
    """Mark a delivery `failed` at once: trying it again without a change of the program would end the same way."""
    attempts = deliveries.c.attempts + (0 if counted else 1)
    values = {"state": "failed", "note": _cut(note), "attempts": attempts, "next_at": None}
    conn.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(values))


def reopen(conn: Connection, ids: Iterable[int] = (), *, failed: bool = False) -> int:
    """Have deliveries handled again: those named, and with `failed` all that were set aside. One whose body is gone
    stays as it is. Returns how many are open now."""
    named = deliveries.c.id.in_(list(ids))
    chosen = or_(named, deliveries.c.state == "failed") if failed else named
    values = {"state": "new", "note": None, "attempts": 0, "next_at": None, "handled_at": None}
    return conn.execute(update(deliveries).where(chosen, deliveries.c.body.is_not(None)).values(values)).rowcount


@dataclass(frozen=True, slots=True)
class Purged:
    """One step of removing bodies: how many, the number of the last delivery that was looked at (None: there was none),
    and up to which number nothing is left to come back for."""

    bodies: int
    last: int | None
    done_up_to: int | None


def purge(conn: Connection, after: int, limit: int, before: datetime) -> Purged:
    """Remove the bodies of handled deliveries that came before, of the next `limit` beyond number `after`; ids and
    hashes stay, so a repeat is still known. What is not handled keeps its body, and is to be come back for."""
    d = deliveries.c
    rows = conn.execute(select(d.id, d.state, d.received_at).where(d.id > after).order_by(d.id).limit(limit)).all()
    old = list(takewhile(lambda row: row.received_at < before, rows))
    ids = [row.id for row in old if row.state in _HANDLED]
    bodies = conn.execute(update(deliveries).where(d.id.in_(ids), d.body.is_not(None)).values(body=None)).rowcount
    through = [row.id for row in takewhile(lambda row: row.state in _HANDLED, old)]
    return Purged(bodies, old[-1].id if old else None, through[-1] if through else None)


def waiting(conn: Connection, now: datetime) -> int:
    """How many deliveries are due to be handled."""
    return conn.execute(select(func.count()).select_from(deliveries).where(_due(now))).scalar_one()


def oldest_waiting(conn: Connection, now: datetime) -> datetime | None:
    """When the oldest due delivery came: the figure to alert on. The first by number, which a long backlog costs
    nothing."""
    with in_index_order(conn):
        oldest: datetime | None = conn.scalar(
            select(deliveries.c.received_at).where(_due(now)).order_by(deliveries.c.id).limit(1)
        )
    return oldest


def counted(conn: Connection, now: datetime, most: int) -> tuple[int, int]:
    """How many deliveries are due to be handled and how many are set aside, neither beyond `most`: off the indexes that
    hold only those."""
    due = select(deliveries.c.id).where(_due(now)).limit(most).subquery()
    failed = select(deliveries.c.id).where(deliveries.c.state == "failed").limit(most).subquery()
    waiting_, failed_ = (conn.scalar(select(func.count()).select_from(rows)) or 0 for rows in (due, failed))
    return waiting_, failed_


def listing(
    conn: Connection,
    *,
    states: Sequence[str] = (),
    provider: str | None = None,
    since: datetime | None = None,
) -> Iterator[Row]:
    """What `makegood deliveries` shows, oldest first: the keys are those of its JSON."""
    c = deliveries.c
    query = select(
        c.id, c.provider, c.event_id, c.event_type, c.source, c.state, c.seen, c.received_at, c.handled_at, c.note
    ).order_by(c.id)
    if states:
        query = query.where(c.state.in_(list(states)))
    if provider is not None:
        query = query.where(c.provider == provider)
    if since is not None:
        query = query.where(c.received_at >= since)
    with conn.execute(query.execution_options(yield_per=500)) as rows:
        for row in rows.mappings():
            yield dict(row)


def _columns() -> tuple[ColumnElement[Any], ...]:
    return tuple(deliveries.c[name] for name in Delivery.__dataclass_fields__)


def _due(now: datetime) -> ColumnElement[bool]:
    return and_(deliveries.c.state == "new", or_(deliveries.c.next_at.is_(None), deliveries.c.next_at <= now))


def _cut(note: str | None) -> str | None:
    return note if note is None else note[:NOTE_MAX]
