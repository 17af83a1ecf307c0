"""What backtests came to: kept when one is run, read by the page of its policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select

from worker import schema
from worker.schema import backtests

KEPT = 50  # of each policy

b = backtests.c


def keep(conn: Connection, row: schema.Row) -> None:
    """Keep a result; the oldest of its policy go."""
    conn.execute(insert(backtests).values(row))
    mine = b.replaced == row["replaced"]
    newest = select(b.id).where(mine).order_by(b.id.desc()).limit(KEPT)
    conn.execute(delete(backtests).where(mine, b.id.not_in(conn.scalars(newest).all())))


def of(conn: Connection, bundle: str) -> Sequence[Row[Any]]:
    """The results of a policy, as what was tried or what it was tried in place of, the newest first."""
    query = select(backtests).where(or_(b.bundle == bundle, b.replaced == bundle))
    return conn.execute(query.order_by(b.id.desc()).limit(2 * KEPT)).all()
