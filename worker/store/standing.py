"""What stands where, for the first page and for those who decide: remedies by state and reason, findings by day, and
the work that is undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, exists, func, select

from reconcile.outcome import REPORTED
from worker.schema import approvals, attempts, claims, findings, notices, remedies
from worker.store import summing
from worker.store.ranks import Rank, Ranking

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


def heaps(conn: Connection, states: Sequence[str] | None = None) -> Sequence[Heap]:
    """The remedies that move money (in all states, or in these), by state, reason and currency."""
    query = select(r.state, r.held_because, r.currency, func.count(), func.coalesce(func.sum(r.amount_minor), 0))
    if states is not None:
        query = query.where(r.state.in_(states))
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
    follow_up: int
    deliveries_failed: int
    unjudged: int
    notices_failed: int


def undone(conn: Connection) -> Undone:
    """How much is left undone."""
    return Undone(
        claims_held=_count(conn, claims, claims.c.state == "held"),
        follow_up=_count(
            conn,
            findings,
            (f.status == "open") & f.kind.not_in(sorted(REPORTED)) & ~exists().where(r.finding == f.key),
        ),
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


_RANKING = Ranking(r.currency, r.amount_minor, r.key)


def remedy_page(conn: Connection, asked: Asked, after: tuple[Rank, str] | None, size: int) -> list[Row[Any]]:
    """Remedies by currency, the largest first, behind (rank, key)."""
    chosen = _asked(select(r.key), asked)
    if after is not None:
        chosen = chosen.where(_RANKING.behind(*after))
    # Ranked first: what stands beside each is looked up for one page, not for all that waits.
    return remedies_of(conn, list(conn.scalars(chosen.order_by(*_RANKING.order).limit(size))))


def remedies_of(conn: Connection, keys: Sequence[str]) -> list[Row[Any]]:
    """These remedies, by currency and the largest first."""
    return list(conn.execute(_remedies().where(r.key.in_(keys)).order_by(*_RANKING.order)))


def remedy_sums(conn: Connection, asked: Asked) -> Sequence[Heap]:
    """The same in one line a currency."""
    query = select(r.currency, func.count(), func.coalesce(func.sum(r.amount_minor), 0))
    rows = conn.execute(_asked(query, asked).group_by(r.currency).order_by(r.currency))
    return [Heap("", None, currency, count, int(minor)) for currency, count, minor in rows]


def _remedies() -> Select[Any]:
    a = approvals.c
    return select(
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
