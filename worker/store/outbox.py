"""The outbox: what is to be told, one row a thing and channel. Its key makes that nothing is told twice."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from worker.schema import alarms, outbox
from worker.store.sql import put

WAITING, SENT = "waiting", "sent"

_o = outbox.c


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row that one sender has taken."""

    key: str
    channel: str
    message: Any
    tries: int


def add(conn: Connection, channels: Sequence[str], key: str, message: Any, at: datetime, *, urgent: bool) -> None:  # noqa: ANN401 - JSON
    """Note what is to be told to these channels; what is noted already stays as it is."""
    told = {"key": key, "urgent": urgent, "message": message, "at": at, "state": WAITING, "tries": 0, "next_at": at}
    put(conn, outbox, [{**told, "channel": name} for name in channels], key=["key", "channel"], replacing=False)


def take(conn: Connection, channels: Collection[str], now: datetime, lease: timedelta) -> Waiting | None:
    """The next row that is due: urgent ones first, then the oldest. It is this sender's for the time of the lease."""
    due = (_o.state == WAITING) & (_o.next_at <= now) & _o.channel.in_(sorted(channels))
    query = select(_o.key, _o.channel, _o.message, _o.tries).where(due)
    ordered = query.order_by(_o.urgent.desc(), _o.at, _o.key, _o.channel).limit(1)
    row = conn.execute(ordered.with_for_update(skip_locked=True)).one_or_none()
    if row is None:
        return None
    conn.execute(update(outbox).where(_is(row)).values(tries=row.tries + 1, next_at=now + lease))
    return Waiting(row.key, row.channel, row.message, row.tries + 1)


def sent(conn: Connection, row: Waiting, at: datetime) -> None:
    conn.execute(update(outbox).where(_is(row)).values(state=SENT, sent_at=at, note=None))


def later(conn: Connection, row: Waiting, why: str, at: datetime) -> None:
    """It did not get through: again at `at`."""
    conn.execute(update(outbox).where(_is(row), _o.state == WAITING).values(next_at=at, note=why))


def waiting(conn: Connection) -> int:
    """How many rows are still to be told."""
    return conn.scalar(select(func.count()).select_from(outbox).where(_o.state == WAITING)) or 0


def why_waiting(conn: Connection) -> str | None:
    """What kept the oldest message that was tried in vain from being told; None where none was."""
    query = (
        select(_o.note).where(_o.state == WAITING, _o.note.is_not(None)).order_by(_o.at, _o.key, _o.channel).limit(1)
    )
    why: str | None = conn.scalar(query)
    return why


def untold_alarms(conn: Connection) -> Sequence[Any]:
    """The alarms that are in no outbox yet, oldest first, locked."""
    c = alarms.c
    query = select(c.key, c.kind, c.subject, c.text).where(c.told_at.is_(None)).order_by(c.at, c.key)
    return conn.execute(query.with_for_update(skip_locked=True)).all()


def alarms_told(conn: Connection, keys: Collection[str], at: datetime) -> None:
    conn.execute(update(alarms).where(alarms.c.key.in_(sorted(keys))).values(told_at=at))


def _is(row: Any) -> Any:  # noqa: ANN401 - a row of the table, or one that was taken
    return (_o.key == row.key) & (_o.channel == row.channel)
