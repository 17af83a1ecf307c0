"""The audit log: append-only, each entry chained to the one before it by its hash, so that nobody can change, drop or
reorder an entry without it being seen. Entries carry ids and hashes, never personal data.

A chain alone does not show that its end was cut off: the nightly report carries the `head`, and `verify` takes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, select

from worker.records import add
from worker.schema import audit

ACTOR = "makegood"  # who acts where no person does; nobody may have its name
GENESIS = "0" * 64
_CHAIN_LOCK = 0x6175646974  # "audit"
_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """Who did what to what. `detail` holds text, whole numbers, truth values, lists and mappings only: what both
    databases give back exactly as it was."""

    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]


def append(conn: Connection, actor: str, action: str, subject: str, detail: Mapping[str, Any], at: datetime) -> str:  # noqa: PLR0917 - the order of a sentence: who did what to what
    """Add one entry and return its hash. See `append_all`."""
    return append_all(conn, [Entry(actor, action, subject, detail)], at)


def append_all(conn: Connection, entries: Sequence[Entry], at: datetime) -> str:
    """Add entries and return the new head. Call it last in a transaction: from here to its end no other transaction can
    add to the chain, and one that waited here for rows that another holds would wait in a circle."""
    if conn.dialect.name == "postgresql":
        conn.execute(select(func.pg_advisory_xact_lock(_CHAIN_LOCK)))
    n, previous = head(conn)
    rows = []
    for entry in entries:
        n += 1
        row = {
            "n": n,
            "at": at,
            "actor": entry.actor,
            "action": entry.action,
            "subject": entry.subject,
            "detail": _plain(entry.detail),
            "prev_hash": previous,
        }
        previous = row["hash"] = _hash(row)
        rows.append(row)
    add(conn, audit, rows)
    return previous


def head(conn: Connection) -> tuple[int, str]:
    """The number and the hash of the last entry."""
    row = conn.execute(select(audit.c.n, audit.c.hash).order_by(audit.c.n.desc()).limit(1)).one_or_none()
    return (0, GENESIS) if row is None else (row.n, row.hash)


def verify(conn: Connection, expect: str | None = None) -> int | None:
    """The number of the first entry that does not fit the chain; None when all fit. With `expect`, a hash noted
    earlier, the chain must also contain it: a cut tail then shows as the number after the last entry."""
    n, previous, met = 0, GENESIS, expect in {None, GENESIS}
    query = select(audit).order_by(audit.c.n).execution_options(yield_per=1000)
    with conn.execute(query) as rows:
        for row in rows.mappings():
            n += 1
            if row["n"] != n or row["prev_hash"] != previous or row["hash"] != _hash(dict(row)):
                return n
            previous = row["hash"]
            met = met or previous == expect
    return None if met else n + 1


def _hash(row: Mapping[str, Any]) -> str:
    told = {name: row[name] for name in ("n", "actor", "action", "subject", "detail")}
    told["at"] = row["at"].astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(row["prev_hash"].encode() + _CANONICAL.encode(told).encode()).hexdigest()


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """`value` as JSON that survives both databases; a float, whose spelling they may change, is refused."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    raise TypeError(f"an audit entry cannot hold a {type(value).__name__}")
