"""Deliveries: what was sent to us, kept before it is understood. The rows are the queue of record."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from handlers.inbox import Envelope
from worker.crypt import Keyring
from worker.schema import Row, deliveries

ATTEMPTS_MAX = 5
NOTE_MAX = 500
FORGED_NOTE = "its transmission id was seen with another body"

_log = structlog.get_logger(__name__)
_KEY = (deliveries.c.provider, deliveries.c.account, deliveries.c.event_id)


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """An authentic delivery: `source` is webhook, import, backfill or report; `body` the bytes as they came."""

    provider: str
    envelope: Envelope
    body: bytes
    source: str
    received_at: datetime

    @property
    def key(self) -> tuple[str, str, str]:
        return self.provider, self.envelope.account, self.envelope.event_id


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where a delivery is kept. `new` is False for one known already; `suspect` when its transmission id came before
    with another body."""

    id: int
    new: bool
    suspect: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """A stored delivery, its body still closed."""

    id: int
    provider: str
    account: str
    event_id: str
    event_type: str
    source: str
    occurred_at: datetime
    received_at: datetime
    attempts: int
    body: bytes | None


def record(conn: Connection, keyring: Keyring, rows: Sequence[NewDelivery]) -> list[Recorded]:
    """Keep the deliveries, in one statement; the answers stand in the order of `rows`. One known already, before or
    within `rows`, is only counted."""
    first: dict[tuple[str, str, str], NewDelivery] = {}
    times: dict[tuple[str, str, str], int] = {}
    for row in rows:
        first.setdefault(row.key, row)
        times[row.key] = times.get(row.key, 0) + 1
    if not first:
        return []
    # In key order, so that two writers with the same deliveries wait for each other instead of locking each other out.
    values = [_values(keyring, first[key], times[key]) for key in sorted(first)]
    upsert = (postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert)(deliveries)
    statement = upsert.on_conflict_do_update(
        index_elements=_KEY, set_={"seen": deliveries.c.seen + upsert.excluded.seen}
    ).returning(deliveries.c.id, *_KEY, deliveries.c.seen)
    kept = {(r.provider, r.account, r.event_id): r for r in conn.execute(statement, values)}
    # A row that was there has been seen more often than it came now.
    recorded = {key: Recorded(row.id, row.seen == times[key]) for key, row in kept.items()}
    suspects = _suspects(conn, rows)
    _set_aside(conn, [recorded[key].id for key in suspects if recorded[key].new])
    answers = []
    for row in rows:
        known = recorded[row.key]
        new = known.new and first[row.key] is row
        answers.append(Recorded(known.id, new, row.key in suspects))
    return answers


def claim(conn: Connection, limit: int, now: datetime) -> list[Delivery]:
    """The oldest unhandled deliveries that are due, locked until the end of the transaction on Postgres (others skip
    them); on SQLite the transaction itself is alone."""
    query = select(*_columns()).where(_due(now)).order_by(deliveries.c.id).limit(limit)
    return [Delivery(**row) for row in conn.execute(query.with_for_update(skip_locked=True)).mappings()]


def by_id(conn: Connection, delivery_id: int) -> Delivery | None:
    """One stored delivery in whatever state."""
    row = conn.execute(select(*_columns()).where(deliveries.c.id == delivery_id)).mappings().one_or_none()
    return None if row is None else Delivery(**row)


def open_body(keyring: Keyring, delivery: Delivery) -> bytes | None:
    """The bytes as they came; None once retention has removed them."""
    if delivery.body is None:
        return None
    return keyring.unpack(delivery.body, _place((delivery.provider, delivery.account, delivery.event_id)))


def close(conn: Connection, ids: Iterable[int], state: str, note: str | None, handled_at: datetime) -> None:
    """Mark deliveries `done` or `passed_over`. `note` carries no personal data."""
    values = {"state": state, "note": _cut(note), "handled_at": handled_at, "next_at": None}
    conn.execute(update(deliveries).where(deliveries.c.id.in_(list(ids))).values(values))


def fail(conn: Connection, delivery_id: int, note: str, next_at: datetime) -> str:
    """Count a failed attempt: the delivery is tried again at `next_at`, or set aside as `failed` after the fifth.
    Returns the state it is in then."""
    attempts = deliveries.c.attempts + 1
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


def reopen(conn: Connection, ids: Iterable[int] = (), *, failed: bool = False) -> int:
    """Have deliveries handled again: those named, and with `failed` all that were set aside. One whose body is gone
    stays as it is. Returns how many are open now."""
    named = deliveries.c.id.in_(list(ids))
    chosen = or_(named, deliveries.c.state == "failed") if failed else named
    values = {"state": "new", "note": None, "attempts": 0, "next_at": None, "handled_at": None}
    return conn.execute(update(deliveries).where(chosen, deliveries.c.body.is_not(None)).values(values)).rowcount


def purge(conn: Connection, before: datetime) -> int:
    """Remove the bodies of handled deliveries that came before; ids and hashes stay, so a repeat is still known."""
    handled = deliveries.c.state.in_(("done", "passed_over"))
    old = and_(handled, deliveries.c.received_at < before, deliveries.c.body.is_not(None))
    return conn.execute(update(deliveries).where(old).values(body=None)).rowcount


def waiting(conn: Connection, now: datetime) -> int:
    """How many deliveries are due to be handled."""
    return conn.execute(select(func.count()).select_from(deliveries).where(_due(now))).scalar_one()


def oldest_waiting(conn: Connection, now: datetime) -> datetime | None:
    """When the oldest due delivery came: the figure to alert on."""
    oldest: datetime | None = conn.scalar(select(func.min(deliveries.c.received_at)).where(_due(now)))
    return oldest


def counts(conn: Connection) -> list[tuple[str, str, int]]:
    """How many deliveries are held, by provider and state."""
    c = deliveries.c
    query = select(c.provider, c.state, func.count()).group_by(c.provider, c.state).order_by(c.provider, c.state)
    return [(provider, state, count) for provider, state, count in conn.execute(query)]


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
    for row in conn.execute(query.execution_options(yield_per=500)).mappings():
        yield dict(row)


def _columns() -> tuple[ColumnElement[Any], ...]:
    return tuple(deliveries.c[name] for name in Delivery.__dataclass_fields__)


def _due(now: datetime) -> ColumnElement[bool]:
    return and_(deliveries.c.state == "new", or_(deliveries.c.next_at.is_(None), deliveries.c.next_at <= now))


def _place(key: tuple[str, str, str]) -> str:
    # The row's own id is not known before it is inserted; this key is as unique, and never changes.
    return f"deliveries|body|{'/'.join(key)}"


def _values(keyring: Keyring, row: NewDelivery, times: int) -> Row:
    told = row.envelope
    return {
        "provider": row.provider,
        "account": told.account,
        "event_id": told.event_id,
        "event_type": told.event_type,
        "live": told.live,
        "occurred_at": told.occurred_at,
        "received_at": row.received_at,
        "source": row.source,
        "transmission_id": told.transmission_id,
        "body": keyring.pack(row.body, _place(row.key)),
        "body_sha256": _sha256(row.body),
        "seen": times,
        "state": "new",
        "attempts": 0,
    }


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _cut(note: str | None) -> str | None:
    return note if note is None else note[:NOTE_MAX]


def _suspects(conn: Connection, rows: Sequence[NewDelivery]) -> set[tuple[str, str, str]]:
    """PayPal signs a checksum of the body that is easily met: one transmission id with two bodies means that somebody
    else wrote one of them."""
    told = [row for row in rows if row.envelope.transmission_id is not None]
    if not told:
        return set()
    c = deliveries.c
    ids = {row.envelope.transmission_id for row in told}
    query = select(c.provider, c.transmission_id, c.body_sha256).where(
        c.provider.in_({row.provider for row in told}), c.transmission_id.in_(ids)
    )
    bodies: dict[tuple[str, str | None], str] = {}
    for provider, transmission_id, digest in conn.execute(query.order_by(c.id)):
        bodies.setdefault((provider, transmission_id), digest)
    found = set()
    for row in told:
        digest = _sha256(row.body)
        transmission = (row.provider, row.envelope.transmission_id)
        if bodies.get(transmission, digest) != digest:
            _log.warning("transmission_with_another_body", provider=row.provider, event_id=row.envelope.event_id)
            found.add(row.key)
    return found


def _set_aside(conn: Connection, ids: Sequence[int]) -> None:
    if ids:
        conn.execute(update(deliveries).where(deliveries.c.id.in_(ids)).values(state="failed", note=FORGED_NOTE))
