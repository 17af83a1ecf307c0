"""How old the roster is: what it does not know yet could make a right charge look wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from reconcile.ledger import Ledger
from worker.schema import memberships
from worker.store.sql import listed


def with_age(conn: Connection, ledgers: Sequence[Ledger], max_days: int | None, now: datetime) -> list[Ledger]:
    """The ledgers, those marked whose roster row was imported longer ago than the merchant allows."""
    if max_days is None or not ledgers:
        return list(ledgers)
    named = listed(conn, ["ref"], [(ledger.membership.ref,) for ledger in ledgers])
    old = select(memberships.c.ref).join(named, memberships.c.ref == named.c.ref)
    stale = set(conn.scalars(old.where(memberships.c.imported_at < now - timedelta(days=max_days))))
    return [replace(ledger, roster_stale=ledger.membership.ref in stale) for ledger in ledgers]
