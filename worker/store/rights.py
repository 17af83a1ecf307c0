"""Everything that is kept of one member, gathered and forgotten."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, func, or_, select, update

from worker.crypt import CannotOpenError, Keyring
from worker.schema import (
    Row,
    audit,
    deliveries,
    facts,
    findings,
    identifiers,
    membership_versions,
    notices,
    remedies,
    tellings,
)
from worker.store.deliveries import by_id, open_body
from worker.store.sql import listed


def memberships_of(conn: Connection, keyring: Keyring, member: str) -> list[str]:
    """The memberships that `member` (a reference or an e-mail) means, in order."""
    i = identifiers.c
    by_address = (i.kind == "email") & (i.value == keyring.email_key(member))
    by_ref = (i.kind == "named") & (i.value == member)
    return list(conn.scalars(select(i.membership).where(or_(by_address, by_ref)).distinct().order_by(i.membership)))


def facts_of(conn: Connection, ref: str) -> list[Row]:
    """The facts bound to a membership, by their keys."""
    c = facts.c
    query = select(c.provider, c.kind, c.object_id, c.at, c.state, c.amount_minor, c.currency)
    rows = conn.execute(query.where(c.membership == ref).order_by(c.provider, c.kind, c.object_id)).mappings()
    return [dict(row) for row in rows]


def money_of(conn: Connection, ref: str) -> tuple[list[Row], list[Row]]:
    """The findings and the remedies of a membership."""
    told = []
    for table in (findings, remedies):
        rows = conn.execute(select(table).where(table.c.membership == ref).order_by(table.c.key)).mappings()
        told.append([dict(row) for row in rows])
    return told[0], told[1]


def notices_of(conn: Connection, ref: str) -> list[Row]:
    rows = conn.execute(select(notices).where(notices.c.membership == ref).order_by(notices.c.key)).mappings()
    return [dict(row) for row in rows]


def acts_on(conn: Connection, subjects: Sequence[str]) -> int:
    """How many audit entries are about these."""
    named = listed(conn, ["subject"], [(subject,) for subject in subjects])
    return conn.execute(
        select(func.count()).select_from(audit.join(named, audit.c.subject == named.c.subject))
    ).scalar_one()


def forget_bodies(conn: Connection, keyring: Keyring, words: Collection[str]) -> int:
    """Remove the body of every delivery that holds one of these words (whatever their case); how many there were. All
    bodies are read for it: what names a member may name no object that is theirs."""
    wanted = [word.lower().encode() for word in words if len(word) >= 3]
    gone: list[int] = []
    for row_id in conn.scalars(
        select(deliveries.c.id).where(deliveries.c.body.is_not(None)).order_by(deliveries.c.id)
    ).all():
        kept = by_id(conn, row_id)
        try:
            body = b"" if kept is None else (open_body(keyring, kept) or b"").lower()
        except CannotOpenError:
            continue  # under a key that is gone: nobody reads it any more
        if any(word in body for word in wanted):
            gone.append(row_id)
    conn.execute(update(deliveries).where(deliveries.c.id.in_(gone)).values(body=None))
    return len(gone)


def forget_addresses(conn: Connection, ref: str, hashed: Collection[str]) -> None:
    """Remove the hash of the member's addresses wherever it stands: in facts, in what was told, in older versions."""
    for table in (tellings, facts):  # the tellings are found by the facts that carry the address
        rows = conn.execute(_carrying(table, hashed)).mappings().all()
        for row in rows:
            body = {name: value for name, value in row["body"].items() if name != "email"}
            values: dict[str, Any] = {"body": body} | ({"email": None} if table is facts else {})
            same = [table.c[name] == row[name] for name in ("provider", "kind", "object_id")]
            if table is tellings:
                same.append(tellings.c.id == row["id"])
            conn.execute(update(table).where(*same).values(values))
    v = membership_versions.c
    for version, roster in conn.execute(select(v.version, v.roster).where(v.ref == ref)).all():
        bare = {name: value for name, value in roster.items() if name != "email"}
        conn.execute(update(membership_versions).where(v.ref == ref, v.version == version).values(roster=bare))


def _carrying(table: Any, hashed: Collection[str]) -> Any:  # noqa: ANN401 - either of two tables
    if table is facts:
        return select(facts).where(facts.c.email.in_(list(hashed)))
    owned = select(facts.c.provider, facts.c.kind, facts.c.object_id).where(facts.c.email.in_(list(hashed))).subquery()
    return select(tellings).join(
        owned,
        (tellings.c.provider == owned.c.provider)
        & (tellings.c.kind == owned.c.kind)
        & (tellings.c.object_id == owned.c.object_id),
    )


def forget_notices(conn: Connection, ref: str) -> None:
    conn.execute(update(notices).where(notices.c.membership == ref).values(text=None))


def abroad(conn: Connection) -> list[Row]:
    """The deliveries of payers who live where nothing personal is kept, oldest first (PR-7)."""
    c = deliveries.c
    query = select(c.id, c.provider, c.event_id, c.abroad).where(c.abroad.is_not(None)).order_by(c.id)
    return [dict(row) for row in conn.execute(query).mappings()]
