"""How the whole stands, in figures: what is counted is small, indexed or tallied, so that looking costs the same at a
million deliveries as at a hundred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, case, func, select

from worker.schema import (
    claims,
    findings,
    gaps,
    heartbeats,
    memberships,
    nights,
    notices,
    outbox,
    remedies,
    runs,
    sends,
)
from worker.store import deliveries, switches, tallies

MOST = 100_000  # a longer backlog shows as this
_PAYS = ("refund", "credit", "replace")
_r, _s, _n, _o = remedies.c, sends.c, nights.c, outbox.c


@dataclass(frozen=True, slots=True)
class Vitals:
    """One look. Rows are labels and then the figure."""

    tallies: Sequence[tuple[str, str, str, str, int]]
    deliveries_waiting: int
    deliveries_failed: int
    deliveries_oldest: datetime | None
    memberships_waiting: int
    findings: Sequence[tuple[str, str, int]]  # kind, status
    remedies: Sequence[tuple[str, str, int]]  # state, kind
    held: Sequence[tuple[str, int]]  # why
    money: Sequence[tuple[str, str, int]]  # state, currency, minor units of what goes back
    sends: Sequence[tuple[str, str, int]]  # way, step
    unknown_since: datetime | None
    claims: Sequence[tuple[str, int]]
    notices: Sequence[tuple[str, int]]  # by state
    night: Any
    night_running_since: datetime | None
    breaker_trips: int
    breaker_tripped_at: datetime | None
    stopped: bool
    gaps: int
    outbox_waiting: int
    outbox_oldest: datetime | None
    beats: Sequence[tuple[str, datetime]]


def look(conn: Connection, now: datetime) -> Vitals:
    """Ask for all of it in one transaction."""
    waiting, failed = deliveries.counted(conn, now, MOST)
    touched = select(memberships.c.ref).where(memberships.c.touched.is_(True)).limit(MOST).subquery()
    by_state = _remedies(conn)
    pays = [(state, currency, minor) for state, kind, _, currency, _, minor in by_state if kind in _PAYS and currency]
    told = _o.state == "waiting"
    return Vitals(
        tallies=tallies.read(conn),
        deliveries_waiting=waiting,
        deliveries_failed=failed,
        deliveries_oldest=deliveries.oldest_waiting(conn, now),
        memberships_waiting=conn.scalar(select(func.count()).select_from(touched)) or 0,
        findings=_counted(conn, findings.c.kind, findings.c.status),
        remedies=_summed([((state, kind), n) for state, kind, _, _, n, _ in by_state]),
        held=_summed([((why or "unsaid",), n) for state, _, why, _, n, _ in by_state if state == "held"]),
        money=_summed([((state, currency), minor) for state, currency, minor in pays]),
        sends=_counted(conn, _s.way, _s.step),
        unknown_since=conn.scalar(select(func.min(_s.last_sent)).where(_s.step.in_(["sending", "unknown"]))),
        claims=_counted(conn, claims.c.state),
        notices=_counted(conn, notices.c.state),
        night=conn.execute(
            select(_n.night, _n.started_at, _n.done_at, _n.complete)
            .where(_n.state == "done", _n.night <= (now + timedelta(days=1)).date())
            .order_by(_n.night.desc())
            .limit(1)
        ).one_or_none(),
        night_running_since=conn.scalar(select(func.min(_n.started_at)).where(_n.state == "running")),
        breaker_trips=conn.scalar(select(func.count()).select_from(runs).where(runs.c.verdict.is_not(None))) or 0,
        breaker_tripped_at=conn.scalar(select(func.max(runs.c.checked_at)).where(runs.c.verdict.is_not(None))),
        stopped=switches.is_stopped(conn),
        gaps=conn.scalar(select(func.count()).select_from(gaps)) or 0,
        outbox_waiting=conn.scalar(select(func.count()).select_from(outbox).where(told)) or 0,
        outbox_oldest=conn.scalar(select(func.min(_o.at)).where(told)),
        beats=[(name, at) for name, at in conn.execute(select(heartbeats.c.name, heartbeats.c.at))],
    )


def _remedies(conn: Connection) -> Sequence[Any]:
    amount = func.coalesce(func.sum(case((_r.amount_minor.is_not(None), _r.amount_minor), else_=0)), 0)
    grouped = (_r.state, _r.kind, _r.held_because, _r.currency)
    rows = conn.execute(select(*grouped, func.count(), amount).group_by(*grouped)).all()
    return [(*row[:5], int(row[5])) for row in rows]


def _counted(conn: Connection, *columns: Any) -> Sequence[Any]:  # noqa: ANN401 - columns of any table
    return [tuple(row) for row in conn.execute(select(*columns, func.count()).group_by(*columns).order_by(*columns))]


def _summed(rows: Sequence[tuple[tuple[str, ...], int]]) -> Sequence[Any]:
    found: dict[tuple[str, ...], int] = {}
    for labels, n in rows:
        found[labels] = found.get(labels, 0) + n
    return [(*labels, n) for labels, n in sorted(found.items())]
