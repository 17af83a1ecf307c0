"""The heartbeats: when something was last, or first, known to be alive."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from worker.schema import heartbeats
from worker.store.sql import put


def first(conn: Connection, name: str, now: datetime) -> datetime:
    """When `name` was first asked for: now, if it never was."""
    put(conn, heartbeats, [{"name": name, "at": now}], key=["name"], replacing=False)
    seen: datetime = conn.execute(select(heartbeats.c.at).where(heartbeats.c.name == name)).scalar_one()
    return seen
