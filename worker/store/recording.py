"""Keeping deliveries: many in one statement, each once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import sqlite

from handlers.inbox import Envelope
from worker.crypt import Keyring
from worker.residence import country, nameless
from worker.schema import Row, deliveries
from worker.scrubbing import scrubbed_body

FORGED_NOTE = "its transmission id was seen with another body"

_log = structlog.get_logger(__name__)
_Key = tuple[str, str, str]
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
    def key(self) -> _Key:
        return self.provider, self.envelope.account, self.envelope.event_id


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where a delivery is kept. `new` is False for one known already; `suspect` when its transmission id came before
    with another body."""

    id: int
    new: bool
    suspect: bool = False


def record(conn: Connection, keyring: Keyring, rows: Sequence[NewDelivery]) -> list[Recorded]:
    """Keep the deliveries, in one statement; the answers stand in the order of `rows`. One known already, before or
    within `rows`, is only counted."""
    first: dict[_Key, NewDelivery] = {}
    times: dict[_Key, int] = {}
    for row in rows:
        first.setdefault(row.key, row)
        times[row.key] = times.get(row.key, 0) + 1
    if not first:
        return []
    # In key order, so that two writers with the same deliveries wait for each other instead of locking each other out.
    values = [_values(keyring, first[key], times[key]) for key in sorted(first)]
    upsert = _upsert_postgres if conn.dialect.name == "postgresql" else _upsert_sqlite
    # A row that was there has been seen more often than it came now.
    recorded = {key: Recorded(row_id, seen == times[key]) for key, row_id, seen in upsert(conn, values)}
    suspects = _suspects(conn, rows)
    _set_aside(conn, [recorded[key].id for key in suspects if recorded[key].new])
    answers = []
    for row in rows:
        known = recorded[row.key]
        answers.append(Recorded(known.id, known.new and first[row.key] is row, row.key in suspects))
    return answers


def place(provider: str, account: str, event_id: str) -> str:
    """Where a body is, for the cipher. The row's own id is not known before it is inserted; this is as unique."""
    return f"deliveries|body|{provider}/{account}/{event_id}"


# What a new row brings, with its type in Postgres; the other columns have the same value in every new row.
_COLUMNS = {
    "provider": "text",
    "account": "text",
    "event_id": "text",
    "event_type": "text",
    "live": "boolean",
    "occurred_at": "timestamptz",
    "received_at": "timestamptz",
    "source": "text",
    "transmission_id": "text",
    "body": "bytea",
    "body_sha256": "text",
    "abroad": "text",
    "seen": "integer",
}

# Arrays in the binary format: a twentieth of what a VALUES list with its thousands of parameters costs.
_POSTGRES = f"""
INSERT INTO deliveries ({", ".join(_COLUMNS)}, state, attempts)
SELECT *, 'new', 0 FROM unnest({", ".join(f"%b::{kind}[]" for kind in _COLUMNS.values())})
ON CONFLICT (provider, account, event_id) DO UPDATE SET seen = deliveries.seen + excluded.seen
RETURNING provider, account, event_id, id, seen
"""  # noqa: S608 - made of the names above

_insert = sqlite.insert(deliveries)
_SQLITE = _insert.on_conflict_do_update(
    index_elements=_KEY, set_={"seen": deliveries.c.seen + _insert.excluded.seen}
).returning(*_KEY, deliveries.c.id, deliveries.c.seen)


def _upsert_postgres(conn: Connection, values: Sequence[Row]) -> list[tuple[_Key, int, int]]:
    arrays = tuple([row[name] for row in values] for name in _COLUMNS)
    found = conn.exec_driver_sql(_POSTGRES, arrays)
    return [((provider, account, event_id), row_id, seen) for provider, account, event_id, row_id, seen in found]


def _upsert_sqlite(conn: Connection, values: Sequence[Row]) -> list[tuple[_Key, int, int]]:
    found = conn.execute(_SQLITE, [{**row, "state": "new", "attempts": 0} for row in values])
    return [((provider, account, event_id), row_id, seen) for provider, account, event_id, row_id, seen in found]


def _values(keyring: Keyring, row: NewDelivery, times: int) -> Row:
    told = row.envelope
    if told.occurred_at.tzinfo is None or row.received_at.tzinfo is None:
        raise ValueError("a naive datetime cannot be stored")
    # What is never kept is gone before the body is encrypted.
    body, abroad = scrubbed_body(row.body), country(row.body)
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
        "body": keyring.pack(body if abroad is None else nameless(body), place(*row.key)),
        "body_sha256": _sha256(row.body),
        "abroad": abroad,
        "seen": times,
    }


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _suspects(conn: Connection, rows: Sequence[NewDelivery]) -> set[_Key]:
    """PayPal signs a checksum of the body that is easily met: one transmission id with two bodies means that somebody
    else wrote one of them."""
    told = [row for row in rows if row.envelope.transmission_id is not None]
    if not told:
        return set()
    c = deliveries.c
    query = select(c.provider, c.transmission_id, c.body_sha256).where(
        c.provider.in_({row.provider for row in told}),
        c.transmission_id.in_({row.envelope.transmission_id for row in told}),
    )
    bodies: dict[tuple[str, str | None], str] = {}
    for provider, transmission_id, digest in conn.execute(query.order_by(c.id)):
        bodies.setdefault((provider, transmission_id), digest)
    found = set()
    for row in told:
        digest = _sha256(row.body)
        if bodies.get((row.provider, row.envelope.transmission_id), digest) != digest:
            _log.warning("transmission_with_another_body", provider=row.provider, event_id=row.envelope.event_id)
            found.add(row.key)
    return found


def _set_aside(conn: Connection, ids: Sequence[int]) -> None:
    if ids:
        conn.execute(update(deliveries).where(deliveries.c.id.in_(ids)).values(state="failed", note=FORGED_NOTE))
