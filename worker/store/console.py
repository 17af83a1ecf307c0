"""What the console looks up besides cases and remedies: memberships by what one has in hand, claims, audit entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, or_, select, tuple_

from worker.schema import audit, claims, facts, findings, identifiers, memberships, remedies
from worker.store.sql import begins

a, c, i, m = audit.c, claims.c, identifiers.c, memberships.c


def memberships_like(conn: Connection, text: str, limit: int) -> list[str]:
    """Memberships by reference (its beginning is enough), or by a customer, subscription, payer or charge."""
    found = list(conn.scalars(select(m.ref).where(begins(conn, m.ref, text)).order_by(m.ref).limit(limit)))
    bare = text.partition(":")[2] or text
    # Named in full, so that the key's index leads to it.
    providers, kinds = ("", "stripe", "paypal"), ("subscription", "customer", "payer", "named")
    named = select(i.membership).where(i.provider.in_(providers), i.kind.in_(kinds), i.value == bare).limit(limit)
    of_charge = select(facts.c.membership).where(
        facts.c.kind == "charge",
        facts.c.object_id == bare,
        facts.c.provider.in_(("stripe", "paypal")),
        facts.c.membership.is_not(None),
    )
    return list(dict.fromkeys([*found, *conn.scalars(named), *conn.scalars(of_charge)]))[:limit]


def open_cases(conn: Connection, refs: Sequence[str]) -> dict[str, int]:
    """How many open cases each of these memberships has."""
    f = findings.c
    query = select(f.membership, func.count()).where(f.membership.in_(refs), f.status == "open")
    return {row[0]: row[1] for row in conn.execute(query.group_by(f.membership))}


@dataclass(frozen=True, slots=True)
class ClaimsAsked:
    """Which claims."""

    state: str | None = None
    kind: str | None = None
    membership: str | None = None


def claim_page(conn: Connection, asked: ClaimsAsked, after: tuple[datetime, str] | None, size: int) -> list[Row[Any]]:
    """Claims with where their remedy stands, the last to come first, behind (received, id)."""
    query = _claims().order_by(c.received_at.desc(), c.id.desc()).limit(size)
    for column, value in ((c.state, asked.state), (c.kind, asked.kind), (c.membership, asked.membership)):
        if value is not None:
            query = query.where(column == value)
    if after is not None:
        query = query.where(tuple_(c.received_at, c.id) < tuple_(*after))
    return list(conn.execute(query))


def claim(conn: Connection, claim_id: str) -> Row[Any] | None:
    """One claim with where its remedy stands."""
    return conn.execute(_claims().where(c.id == claim_id)).one_or_none()


def claims_on(conn: Connection, since: datetime, until: datetime) -> int:
    """How many came in that time."""
    query = select(func.count()).select_from(claims).where(c.received_at >= since, c.received_at < until)
    return conn.scalar(query) or 0


def _claims() -> Select[Any]:
    r = remedies.c
    # Only of a claim that was granted, or waits, is the charge's remedy its own.
    own = or_(c.granted.is_not(None), c.state.in_(("queued", "held")))
    joined = claims.outerjoin(remedies, (r.key == "remedy:" + c.charge) & own)
    return select(claims, r.key.label("remedy_key"), r.state.label("remedy_state")).select_from(joined)


@dataclass(frozen=True, slots=True)
class AuditAsked:
    """Which entries."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None


def audit_page(conn: Connection, asked: AuditAsked, before: int | None, size: int) -> list[Row[Any]]:
    """Audit entries, the last first, before number `before`."""
    query: Select[Any] = select(a.n, a.at, a.actor, a.action, a.subject, a.detail, a.hash)
    for column, value in ((a.actor, asked.actor), (a.action, asked.action), (a.subject, asked.subject)):
        if value is not None:
            query = query.where(column == value)
    if before is not None:
        query = query.where(a.n < before)
    return list(conn.execute(query.order_by(a.n.desc()).limit(size)))


def switched(conn: Connection, limit: int) -> list[Row[Any]]:
    """The last turns of the switch for outgoing money, the last first."""
    return audit_page(conn, AuditAsked(subject="money"), None, limit)
