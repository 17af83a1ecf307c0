"""What the API answered under an Idempotency-Key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from worker.schema import api_answers
from worker.store.sql import put

_c = api_answers.c


@dataclass(frozen=True, slots=True)
class Kept:
    """One request of a holder, and its answer; `status` is None while it is under way, at most until the lease ends."""

    holder: str
    key: str
    request: str
    at: datetime
    lease_until: datetime
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None


def begin(conn: Connection, wanted: Kept, over: datetime) -> Kept | None:
    """Take the key; what is known of it already, where somebody has it. One whose holder did not live to answer is
    taken over by the same request, and what was kept before `over` is gone."""
    conn.execute(delete(api_answers).where(_c.at < over))
    row = {
        "holder": wanted.holder,
        "key": wanted.key,
        "request": wanted.request,
        "at": wanted.at,
        "lease_until": wanted.lease_until,
    }
    if put(conn, api_answers, [row], key=["holder", "key"], replacing=False, returning=["key"]):
        return None
    mine = (_c.holder == wanted.holder) & (_c.key == wanted.key)
    gone = mine & _c.status.is_(None) & (_c.request == wanted.request) & (_c.lease_until <= wanted.at)
    if conn.execute(update(api_answers).where(gone).values(lease_until=wanted.lease_until)).rowcount == 1:
        return None
    found = conn.execute(select(api_answers).where(mine)).mappings().one()
    return Kept(**{**found, "headers": found["headers"] or {}})


def keep(  # noqa: PLR0917 - an answer, whole
    conn: Connection, holder: str, key: str, status: int, headers: Mapping[str, str], body: str
) -> None:
    told = {"status": status, "headers": dict(headers), "body": body}
    conn.execute(update(api_answers).where(_c.holder == holder, _c.key == key).values(told))


def forget(conn: Connection, holder: str, key: str, lease_until: datetime) -> None:
    """Give the key back, unless somebody else has taken it over."""
    mine = (_c.holder == holder) & (_c.key == key) & (_c.lease_until == lease_until)
    conn.execute(delete(api_answers).where(mine, _c.status.is_(None)))
