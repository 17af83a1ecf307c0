"""What stands where, for the first page and for those who decide: remedies by state and reason, findings by day, and
the work that is undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, func, select, tuple_

from worker.schema import approvals, attempts, claims, findings, memberships, notices, remedies
from worker.store import summing

f, r = findings.c, remedies.c
# Ending an agreement moves no money.
MOVES_MONEY = r.kind != "cancel_agreement"


@dataclass(frozen=True, slots=True)
class Heap:
    """Remedies of one state, reason and currency."""

    state: str
    reason: str | None
    currency: str | None
    count: int
    minor: int


def heaps(conn: Connection) -> Sequence[Heap]:
    """All remedies that move money, by state, reason and currency."""
    query = select(r.state, r.held_because, r.currency, func.count(), func.coalesce(func.sum(r.amount_minor), 0))
    rows = conn.execute(query.where(MOVES_MONEY).group_by(r.state, r.held_because, r.currency))
    return [Heap(state, reason, currency, count, int(minor)) for state, reason, currency, count, minor in rows]


def to_cancel(conn: Connection) -> int:
    """Agreements that a person has still to end."""
    return conn.scalar(select(func.count()).where(r.kind == "cancel_agreement", r.state.in_(("held", "failed")))) or 0


def by_day(conn: Connection, since: date) -> list[Row[Any]]:
    """Findings by kind, day and currency: how many, and their excess."""
    query: Select[Any] = select(
        f.kind, f.first_seen, f.currency, func.count().label("many"), func.sum(f.excess_minor).label("minor")
    )
    chosen = query.where(f.first_seen >= since, f.status != "cleared")
    return list(conn.execute(chosen.group_by(f.kind, f.first_seen, f.currency)))


@dataclass(frozen=True, slots=True)
class Undone:
    """What waits outside the remedies."""

    claims_held: int
    claims_pending: int
    follow_up: int
    deliveries_failed: int
    unjudged: int
    notices_failed: int


def undone(conn: Connection) -> Undone:
    """How much is left undone."""
    alone = findings.outerjoin(remedies, r.finding == f.key)
    return Undone(
        claims_held=_count(conn, claims, claims.c.state == "held"),
        claims_pending=_count(conn, claims, claims.c.state == "pending"),
        follow_up=_count(conn, alone, (f.status == "open") & r.key.is_(None)),
        deliveries_failed=summing.failed_deliveries(conn),
        unjudged=summing.unjudged(conn),
        notices_failed=_count(conn, notices, notices.c.state == "failed"),
    )


def _count(conn: Connection, of: FromClause, where: ColumnElement[bool]) -> int:
    return conn.scalar(select(func.count()).select_from(of).where(where)) or 0


@dataclass(frozen=True, slots=True)
class Asked:
    """Which remedies."""

    states: Sequence[str]
    reason: str | None = None
    currency: str | None = None
    cancels: bool = False  # proposals to end an agreement, not money


def remedy_page(conn: Connection, asked: Asked, after: tuple[int, str] | None, size: int) -> list[Row[Any]]:
    """Remedies, the largest first, behind (amount, key)."""
    ranked = func.coalesce(r.amount_minor, -1)
    query = _remedies(asked).add_columns(ranked.label("ranked"))
    if after is not None:
        query = query.where(tuple_(ranked, r.key) < tuple_(*after))
    return list(conn.execute(query.order_by(ranked.desc(), r.key.desc()).limit(size)))


def remedies_of(conn: Connection, keys: Sequence[str]) -> list[Row[Any]]:
    """These remedies, the largest first."""
    query = _remedies(None).where(r.key.in_(keys))
    return list(conn.execute(query.order_by(func.coalesce(r.amount_minor, -1).desc(), r.key.desc())))


def remedy_sums(conn: Connection, asked: Asked) -> Sequence[Heap]:
    """The same in one line a currency."""
    query = select(r.currency, func.count(), func.coalesce(func.sum(r.amount_minor), 0))
    rows = conn.execute(_asked(query, asked).group_by(r.currency).order_by(r.currency))
    return [Heap("", None, currency, count, int(minor)) for currency, count, minor in rows]


def _remedies(asked: Asked | None) -> Select[Any]:
    a = approvals.c
    query = select(
        *r,
        f.kind.label("finding_kind"),
        f.first_seen,
        f.renewal,
        f.charged_minor,
        f.expected_minor,
        f.excess_minor,
        a.prepared_by,
        a.approved_by,
    ).select_from(remedies.outerjoin(findings, r.finding == f.key).outerjoin(approvals, a.key == r.key))
    return query if asked is None else _asked(query, asked)


def _asked(query: Select[Any], asked: Asked) -> Select[Any]:
    query = query.where(r.state.in_(asked.states), r.kind == "cancel_agreement" if asked.cancels else MOVES_MONEY)
    if asked.reason:
        query = query.where(r.held_because == asked.reason)
    if asked.currency:
        query = query.where(r.currency == asked.currency)
    return query


def calls(conn: Connection, key: str) -> list[Row[Any]]:
    """Every call for this remedy and every answer, oldest first."""
    a = attempts.c
    query: Select[Any] = select(a.at, a.event, a.generation, a.note).where(a.key == key)
    return list(conn.execute(query.order_by(a.id)))


def judged_as_of(conn: Connection, ref: str) -> date | None:
    """The date at which a membership was judged last."""
    m = memberships.c
    day: date | None = conn.scalar(select(m.judged_as_of).where(m.ref == ref))
    return day
