"""What came how, by object: the charges, refunds and disputes of some days with the ways in which they were told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select

from worker.schema import deliveries, facts, findings, tellings
from worker.store.sql import listed

KINDS = ("charge", "dispute", "refund")
PART = 2000

# States of which a provider tells in its lists and by webhook alike: an attempt that failed, or money that is not here
# yet, is told of by some webhooks and in some lists only.
_MOVED = {"charge": ("taken",), "refund": ("settled",), "dispute": ("inquiry", "open", "won", "lost")}


@dataclass(frozen=True, slots=True)
class Came:
    """One object that moved money, when, and whence it was told: webhook, import, backfill, report."""

    kind: str
    object_id: str
    at: datetime
    sources: frozenset[str]


def came(conn: Connection, provider: str, since: datetime, until: datetime) -> Iterator[Came]:
    """The objects of `[since, until)`, in order of time."""
    f = facts.c
    query = (
        select(f.kind, f.object_id, f.at, f.state)
        .where(f.kind.in_(KINDS), f.provider == provider, f.at >= since, f.at < until)
        .order_by(f.at, f.kind, f.object_id)
    )
    with conn.execute(query.execution_options(yield_per=PART)) as rows:
        for part in rows.partitions(PART):
            found = [(kind, object_id, at) for kind, object_id, at, state in part if state in _MOVED[kind]]
            told = _sources(conn, provider, [(kind, object_id) for kind, object_id, _ in found])
            for kind, object_id, at in found:
                yield Came(kind, object_id, at, frozenset(told.get((kind, object_id), ())))


def anything_of(conn: Connection, provider: str) -> bool:
    """Whether anything at all is known of the provider, be it from a file."""
    return conn.scalar(select(facts.c.object_id).where(facts.c.provider == provider).limit(1)) is not None


def first_webhook(conn: Connection, provider: str) -> datetime | None:
    """When the provider's first webhook came; None where none ever did."""
    d = deliveries.c
    ours = select(d.received_at).where(d.provider == provider, d.source == "webhook")
    first: datetime | None = conn.scalar(ours.order_by(d.id).limit(1))
    return first


def finding_keys(conn: Connection, kind: str, provider: str, first: date, last: date) -> list[str]:
    """The keys `missed:…` of this kind of finding whose day, the last part of the key, is among these days."""
    query = select(findings.c.key).where(findings.c.kind == kind, findings.c.key.like(f"missed:{provider}:%"))
    return sorted(key for key in conn.scalars(query) if first.isoformat() <= key.rpartition(":")[2] <= last.isoformat())


def _sources(conn: Connection, provider: str, keys: list[tuple[str, str]]) -> dict[tuple[str, str], set[str]]:
    t = tellings.c
    named = listed(conn, ["kind", "id"], keys)
    same = (t.provider == provider) & (t.kind == named.c.kind) & (t.object_id == named.c.id)
    told: dict[tuple[str, str], set[str]] = {}
    for kind, object_id, source in conn.execute(select(t.kind, t.object_id, t.source).join(named, same).distinct()):
        told.setdefault((kind, object_id), set()).add(source)
    return told
