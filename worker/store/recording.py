"""Keeping deliveries: many in one statement, each once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Connection, make_url, select, update

from handlers.inbox import Envelope
from worker.crypt import Keyring
from worker.residence import country, nameless
from worker.schema import UtcDateTime, deliveries
from worker.scrubbing.bodies import scrubbed_body

FORGED_NOTE = "its transmission id was seen with another body"

_log = structlog.get_logger(__name__)
_Key = tuple[str, str, str]


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


class Recorded(NamedTuple):
    """Where a delivery is kept. `new` is False for one known already; `suspect` when its transmission id came before
    with another body."""

    id: int
    new: bool
    suspect: bool = False


class Ready(NamedTuple):
    """A delivery as it is stored: scrubbed, compressed, encrypted. `values` are those of `COLUMNS`."""

    key: _Key
    transmission_id: str | None
    sha256: str
    values: tuple[object, ...]


def ready(keyring: Keyring, row: NewDelivery) -> Ready:
    """Make a delivery ready to be stored. What is never kept is gone before its body is encrypted."""
    told = row.envelope
    if told.occurred_at.tzinfo is None or row.received_at.tzinfo is None:
        raise ValueError("a naive datetime cannot be stored")
    body, abroad = scrubbed_body(row.body), country(row.body)
    packed = keyring.pack(body if abroad is None else nameless(body), place(*row.key))
    sha256 = hashlib.sha256(row.body).hexdigest()
    values = (
        row.provider, told.account, told.event_id, told.event_type, told.live, told.occurred_at, row.received_at,
        row.source, told.transmission_id, packed, sha256, abroad,
    )  # fmt: skip
    return Ready(row.key, told.transmission_id, sha256, values)


def record(conn: Connection, keyring: Keyring, rows: Sequence[NewDelivery]) -> list[Recorded]:
    """Keep the deliveries, in one statement; the answers stand in the order of `rows`. One known already, before or
    within `rows`, is only counted."""
    return record_ready(conn, [ready(keyring, row) for row in rows])


def record_ready(conn: Connection, rows: Sequence[Ready]) -> list[Recorded]:
    """The same for deliveries that are ready."""
    if not rows:
        return []
    batch = Batch(rows)
    if conn.dialect.name == "postgresql":
        recorded = batch.recorded(conn.exec_driver_sql(_POSTGRES, batch.columns()))
    else:
        recorded = batch.recorded(_in_values(conn, batch.values()))
    suspects = _suspects(conn, rows)
    _set_aside(conn, [recorded[key].id for key in suspects if recorded[key].new])
    return batch.answers(recorded, suspects)


class Batch:
    """Deliveries for one statement: each once, with how often it came, in key order, so that two writers with the same
    deliveries wait for each other instead of locking each other out."""

    def __init__(self, rows: Sequence[Ready]) -> None:
        self._rows = rows
        self._first: dict[_Key, Ready] = {}
        self._times: dict[_Key, int] = {}
        for row in rows:
            self._first.setdefault(row.key, row)
            self._times[row.key] = self._times.get(row.key, 0) + 1

    def values(self) -> list[tuple[object, ...]]:
        return [(*self._first[key].values, self._times[key]) for key in sorted(self._first)]

    def columns(self) -> tuple[list[object], ...]:
        return tuple(list(column) for column in zip(*self.values(), strict=True))

    def recorded(self, found: Iterable[Sequence[Any]]) -> dict[_Key, Recorded]:
        # A row that was there has been seen more often than it came now.
        return {
            (key := (provider, account, event_id)): Recorded(row_id, seen == self._times[key])
            for provider, account, event_id, row_id, seen in found
        }

    def answers(self, recorded: Mapping[_Key, Recorded], suspects: Collection[_Key]) -> list[Recorded]:
        answers = []
        for row in self._rows:
            known = recorded[row.key]
            if row.key in suspects or self._first[row.key] is not row:
                known = Recorded(known.id, known.new and self._first[row.key] is row, row.key in suspects)
            answers.append(known)
        return answers


def place(provider: str, account: str, event_id: str) -> str:
    """Where a body is, for the cipher. The row's own id is not known before it is inserted; this is as unique."""
    return f"deliveries|body|{provider}/{account}/{event_id}"


# What a new row brings, with its type in Postgres; the other columns have the same value in every new row.
COLUMNS = {
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


_INSERT = f"INSERT INTO deliveries ({', '.join(COLUMNS)}, state, attempts) "
_ONCE = (
    " ON CONFLICT (provider, account, event_id) DO UPDATE SET seen = deliveries.seen + excluded.seen"
    " RETURNING provider, account, event_id, id, seen"
)


def statement(arrays: Iterable[str]) -> str:
    """The insert on Postgres, of one array for each of COLUMNS: in the binary format a twentieth of what a VALUES list
    with its thousands of parameters costs."""
    typed = ", ".join(f"{array}::{kind}[]" for array, kind in zip(arrays, COLUMNS.values(), strict=True))
    return f"{_INSERT}SELECT *, 'new', 0 FROM unnest({typed}){_ONCE}"  # noqa: S608 - made of the names above


_POSTGRES = statement("%b" for _ in COLUMNS)

# On SQLite the list is the quicker way, and its text made here: SQLAlchemy makes it of dictionaries, row by row.
_ROW = f"({', '.join('?' * len(COLUMNS))}, 'new', 0)"
_ROWS_MAX = 500  # SQLite takes 32,766 parameters
_SQLITE = make_url("sqlite://").get_dialect()()
_bound: Callable[[datetime], object] = UtcDateTime().dialect_impl(_SQLITE).bind_processor(_SQLITE) or str


def _in_values(conn: Connection, rows: Sequence[tuple[object, ...]]) -> Iterator[Sequence[Any]]:
    for first in range(0, len(rows), _ROWS_MAX):
        some = rows[first : first + _ROWS_MAX]
        values = [_bound(value) if isinstance(value, datetime) else value for row in some for value in row]
        yield from conn.exec_driver_sql(f"{_INSERT}VALUES {', '.join([_ROW] * len(some))}{_ONCE}", tuple(values))


def _suspects(conn: Connection, rows: Sequence[Ready]) -> set[_Key]:
    """PayPal signs a checksum of the body that is easily met: one transmission id with two bodies means that somebody
    else wrote one of them."""
    told = [row for row in rows if row.transmission_id is not None]
    if not told:
        return set()
    c = deliveries.c
    query = select(c.provider, c.transmission_id, c.body_sha256).where(
        c.provider.in_({row.key[0] for row in told}),
        c.transmission_id.in_({row.transmission_id for row in told}),
    )
    bodies: dict[tuple[str, str | None], str] = {}
    for provider, transmission_id, digest in conn.execute(query.order_by(c.id)):
        bodies.setdefault((provider, transmission_id), digest)
    found = set()
    for row in told:
        provider, _, event_id = row.key
        if bodies.get((provider, row.transmission_id), row.sha256) != row.sha256:
            _log.warning("transmission_with_another_body", provider=provider, event_id=event_id)
            found.add(row.key)
    return found


def _set_aside(conn: Connection, ids: Sequence[int]) -> None:
    if ids:
        conn.execute(update(deliveries).where(deliveries.c.id.in_(ids)).values(state="failed", note=FORGED_NOTE))
