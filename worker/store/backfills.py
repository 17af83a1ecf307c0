"""Where facts come from that no webhook brought: one row in `deliveries` for each report file and each page of a
back-fill, without its body; and how far each back-fill has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

from worker.schema import deliveries
from worker.store.sql import put


@dataclass(frozen=True, slots=True)
class Origin:
    """What tellings of a report or a back-fill were read from. `name` is the same for the same content."""

    provider: str
    source: str  # report, backfill
    name: str
    kind: str
    sha256: str
    note: str


def note_origin(conn: Connection, origin: Origin, at: datetime) -> int:
    """The delivery row that tellings of this origin name; one row however often it comes. It holds no body: the row is
    handled already, and nothing personal is kept beside the facts."""
    c = deliveries.c
    row = {
        "provider": origin.provider,
        "account": "",
        "event_id": origin.name,
        "event_type": origin.kind,
        "occurred_at": at,
        "received_at": at,
        "source": origin.source,
        "body_sha256": origin.sha256,
        "seen": 0,
        "state": "done",
        "note": origin.note,
        "attempts": 0,
        "handled_at": at,
    }
    put(conn, deliveries, [row], key=["provider", "account", "event_id"], replacing=False)
    same = (c.provider == origin.provider) & (c.account == "") & (c.event_id == origin.name)
    conn.execute(update(deliveries).where(same).values(seen=c.seen + 1))
    delivery_id: int = conn.execute(select(c.id).where(same)).scalar_one()
    return delivery_id


def amend_origin(conn: Connection, delivery_id: int, note: str) -> None:
    """Say of an origin what it turned out to hold."""
    conn.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(note=note))
