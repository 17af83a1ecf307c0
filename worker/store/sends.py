"""Sends: how far each remedy has come on its way out, and the remedies' public states. All moves compare and set."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, or_, select, update

from reconcile.facts import Ref
from worker.schema import attempts, remedies, sends, tellings
from worker.store.sql import put

CAUSES_NAMED = 20
# What an executor can carry out. A replacement is made by people.
EXECUTABLE = ("refund", "credit", "review", "cancel_agreement")


@dataclass(frozen=True, slots=True)
class Send:
    """One row of `sends`: see the table."""

    key: str
    way: str
    provider: str
    target: str
    step: str
    generation: int = 1
    amount_minor: int | None = None
    currency: str | None = None
    fence: int = 0
    lease_until: datetime | None = None
    next_at: datetime | None = None
    calls: int = 0
    tries: int = 0
    key_first_sent: datetime | None = None
    last_sent: datetime | None = None
    uncertain: bool = False
    absent_reads: int = 0
    absent_at: datetime | None = None
    result: str | None = None
    past: list[str] = field(default_factory=list)
    note: str | None = None
    reserved_on: date | None = None
    invoice: str | None = None

    @property
    def idempotency_key(self) -> str:
        """Derived from facts, never random: the same remedy and generation always have the same."""
        return f"{self.key}:{self.generation}"

    @property
    def charge(self) -> Ref:
        return Ref(self.provider, self.target)


_COLUMNS = [sends.c[one.name] for one in fields(Send)]


def load(conn: Connection, key: str) -> Send | None:
    """The send of a remedy, its row locked to the end of the transaction."""
    row = conn.execute(select(*_COLUMNS).where(sends.c.key == key).with_for_update()).one_or_none()
    return None if row is None else Send(*row)


def of_result(conn: Connection, made: Ref) -> str | None:
    """The remedy that made this refund or credit, if one of ours did."""
    query = select(sends.c.key).where(sends.c.provider == made.provider, sends.c.result == made.id)
    key: str | None = conn.scalar(query)
    return key


def open_send(conn: Connection, send: Send) -> Send:
    """The send of this key; the given one where there is none yet. Locked."""
    row = {one.name: getattr(send, one.name) for one in fields(Send)}
    if (found := load(conn, send.key)) is not None:
        return found
    put(conn, sends, [row], key=["key"], replacing=False)
    return load(conn, send.key) or send


def change(conn: Connection, send: Send, **values: Any) -> bool:  # noqa: ANN401 - columns
    """Change the row if it still stands under this fence; False where somebody else has had it since."""
    same = (sends.c.key == send.key) & (sends.c.fence == send.fence)
    return conn.execute(update(sends).where(same).values(**values)).rowcount == 1


def note_attempt(conn: Connection, send: Send, event: str, note: str | None, at: datetime) -> None:
    row = {"key": send.key, "generation": send.generation, "fence": send.fence, "at": at, "event": event, "note": note}
    conn.execute(insert(attempts).values(row))


def due(conn: Connection, now: datetime, decided_before: datetime) -> Sequence[str]:
    """The remedies that an executor has something to do for, in the order of their decision: queued ones whose cooling
    is over, and those of which it is not known what became."""
    r, s = remedies.c, sends.c
    free = and_(or_(s.lease_until.is_(None), s.lease_until <= now), or_(s.next_at.is_(None), s.next_at <= now))
    cooled = or_(r.decided_at <= decided_before, r.kind == "cancel_agreement")
    queued = and_(r.state == "queued", r.kind.in_(EXECUTABLE), cooled, or_(s.key.is_(None), free))
    open_ends = and_(s.step.in_(["unknown", "pending"]), free)
    query = select(r.key).outerjoin(sends, s.key == r.key).where(or_(queued, open_ends)).order_by(r.decided_at, r.key)
    return conn.scalars(query).all()


def cooling(conn: Connection, decided_before: datetime) -> int:
    """How many queued remedies an executor leaves alone for now because they were decided a moment ago."""
    r = remedies.c
    fresh = and_(r.decided_at > decided_before, r.kind != "cancel_agreement")
    query = select(func.count()).where(r.state == "queued", r.kind.in_(EXECUTABLE), fresh)
    return int(conn.scalar(query) or 0)


def overdue_leases(conn: Connection, now: datetime) -> Sequence[str]:
    """Calls whose executor did not live to say what came of them."""
    query = select(sends.c.key).where(sends.c.step == "sending", sends.c.lease_until <= now).order_by(sends.c.key)
    return conn.scalars(query).all()


def cause(conn: Connection, key: str) -> dict[str, object]:
    """Why there is this remedy, for the log: its finding, membership and charge, and the deliveries that told of it."""
    r, t = remedies.c, tellings.c
    row = conn.execute(select(r.finding, r.membership, r.charge).where(r.key == key)).one_or_none()
    if row is None:
        return {}
    provider, _, charge = (row.charge or "").partition(":")
    told = select(t.delivery_id).where(t.provider == provider, t.kind == "charge", t.object_id == charge)
    ids = conn.scalars(told.where(t.delivery_id.is_not(None)).order_by(t.delivery_id).limit(CAUSES_NAMED)).all()
    return {"finding": row.finding, "membership": row.membership, "charge": row.charge, "deliveries": list(ids)}


def remedy_row(conn: Connection, key: str) -> Row[Any] | None:
    """The remedy as it stands, its row locked."""
    return conn.execute(select(remedies).where(remedies.c.key == key).with_for_update()).one_or_none()


def move(
    conn: Connection,
    key: str,
    before: Collection[str],
    after: str,
    **values: Any,  # noqa: ANN401 - columns
) -> bool:
    """Move a remedy's public state, if it is in one of `before`."""
    same = (remedies.c.key == key) & remedies.c.state.in_(sorted(before))
    return conn.execute(update(remedies).where(same).values(state=after, **values)).rowcount == 1
