"""Claims in the database: what was asked, what was answered, and what of it weighs on a charge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, collate, literal, select, update

from reconcile.claims_types import Claim, ClaimDecision, Granted, Returned
from reconcile.facts import Ref
from reconcile.stints import day_begins
from worker.schema import Row, claims, identifiers, remedies
from worker.store.listings import PART, Filter, Page
from worker.store.sql import is_postgres, listed, put

_ANSWER = (
    "claim",
    "remedy",
    "amount",
    "currency",
    "force",
    "state",
    "clause",
    "policy_version",
    "reason",
    "asked_for",
    "deadline",
)


def load(conn: Connection, claim_id: str) -> Row | None:
    """One claim's row, locked."""
    query = select(claims).where(claims.c.id == claim_id).with_for_update()
    row = conn.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)


def owner(conn: Connection, claim_id: str) -> str | None:
    """The membership of a claim."""
    ref: str | None = conn.scalar(select(claims.c.membership).where(claims.c.id == claim_id))
    return ref


def write(conn: Connection, row: Mapping[str, Any]) -> None:
    put(conn, claims, [dict(row)], key=["id"], replacing=True)


def told(claim: Claim) -> Row:
    """A claim as plain JSON; `claim_of` gives an equal one back."""
    plain: Row = msgspec.to_builtins(claim)
    return plain


def claim_of(row: Mapping[str, Any]) -> Claim:
    claim: Claim = msgspec.convert(row["told"], Claim)
    return claim


def decided(decision: ClaimDecision, at: datetime) -> Row:
    """The columns of an answer."""
    amount = decision.amount
    return {
        "charge": None if decision.charge is None else str(decision.charge),
        "state": decision.state.value,
        "remedy": decision.remedy.value,
        "amount_minor": None if amount is None else amount.minor,
        "currency": None if amount is None else amount.currency,
        "force": None if decision.force is None else decision.force.value,
        "clause": decision.clause,
        "policy_version": decision.policy_version,
        "reason": decision.reason,
        "asked_for": list(decision.asked_for),
        "deadline": decision.deadline,
        "cited": list(decision.cited),
        "held_because": None if decision.held_because is None else decision.held_because.value,
        "granted": None if decision.granted is None else msgspec.to_builtins(decision.granted),
        "decided_at": at,
    }


def answer(row: Mapping[str, Any]) -> Row:
    """What `makegood claim` and the API answer, in their order of keys."""
    said = {**row, "claim": row["id"], "amount": row["amount_minor"]}
    return {name: said[name] for name in _ANSWER}


def due(conn: Connection, as_of: datetime, limit: int = 500) -> Sequence[str]:
    """The pending claims whose clock has run out, in order."""
    c = claims.c
    query = select(c.id).where(c.state == "pending", c.deadline.is_not(None), c.deadline <= as_of)
    return conn.scalars(query.order_by(c.id).limit(limit)).all()


def listing(conn: Connection, chosen: Filter, zone: str, page: Page | None = None) -> Iterator[Row]:
    """What `makegood claims` shows: each answer with the claim's own fields and where its remedy stands, by id; or a
    page of it."""
    c = claims.c
    joined = claims.outerjoin(remedies, remedies.c.key == literal("remedy:").concat(c.charge))
    query = _chosen(select(claims, remedies.c.key.label("key"), remedies.c.state.label("stands")), chosen, zone)
    query = query.select_from(joined)
    if page is None:
        ordered = query.order_by(collate(c.id, "C") if is_postgres(conn) else c.id)
    else:
        behind = query if page.after is None else query.where(c.id > page.after[0])
        ordered = behind.order_by(c.id).limit(page.limit)
    with conn.execute(ordered.execution_options(yield_per=PART)) as rows:
        for row in rows.mappings():
            own = {name: row[name] for name in ("membership", "charge", "kind", "received_at", "decided_at")}
            key = row["key"] if row["granted"] is not None or row["state"] in ("queued", "held") else None
            more = {"held_because": row["held_because"], "remedy_key": key}
            yield {**answer(dict(row)), **own, **more, "remedy_state": row["stands"] if key else None}


def _chosen(query: Select[Any], chosen: Filter, zone: str) -> Select[Any]:
    c = claims.c
    if chosen.statuses and "all" not in chosen.statuses:
        query = query.where(c.state.in_(sorted(chosen.statuses)))
    for column, value in ((c.kind, chosen.kind), (c.membership, chosen.membership), (c.id, chosen.key)):
        if value is not None:
            query = query.where(column == value)
    if chosen.since is not None:
        query = query.where(c.received_at >= day_begins(chosen.since, zone))
    return query


def granted(conn: Connection, refs: Sequence[str]) -> dict[str, list[Granted]]:
    """What the claims of these memberships were granted, in the order of the claims."""
    c = claims.c
    named = listed(conn, ["ref"], [(ref,) for ref in refs])
    query = select(c.membership, c.granted).join(named, c.membership == named.c.ref).where(c.granted.is_not(None))
    found: dict[str, list[Granted]] = {}
    for membership, plain in conn.execute(query.order_by(c.id)):
        if plain is not None:
            found.setdefault(membership, []).append(msgspec.convert(plain, Granted))
    return found


def returned(conn: Connection, refs: Sequence[str]) -> dict[str, list[Returned]]:
    """The claims of these customers, known by their membership or their e-mail, that were paid."""
    c, i = claims.c, identifiers.alias("mine").c
    named = listed(conn, ["ref"], [(ref,) for ref in refs])
    theirs = identifiers.alias("theirs").c
    paid = claims.join(
        remedies,
        (remedies.c.key == literal("remedy:").concat(c.charge))
        & (remedies.c.state == "settled")
        & (remedies.c.clause == c.clause),
    )
    columns = (c.clause, c.membership, c.charge, remedies.c.decided_at)
    own = select(named.c.ref, *columns).select_from(paid.join(named, c.membership == named.c.ref))
    same = (i.kind == "email") & (theirs.kind == "email") & (theirs.value == i.value) & (theirs.provider == i.provider)
    others = (
        select(i.membership.label("ref"), *columns)
        .select_from(paid)
        .join(theirs.membership.table, (theirs.membership == c.membership) & (theirs.kind == "email"))
        .join(i.membership.table, same)
        .join(named, i.membership == named.c.ref)
        .where(i.membership != c.membership)
    )
    found: dict[str, list[Returned]] = {}
    for ref, clause, membership, charge, at in [*conn.execute(own), *conn.execute(others)]:
        found.setdefault(ref, []).append(Returned(clause, at, membership, Ref.parse(charge)))
    return {ref: sorted(many, key=lambda r: (r.at, r.charge)) for ref, many in found.items()}


def of_members(conn: Connection, refs: Sequence[str]) -> dict[str, list[Claim]]:
    """The claims of these memberships, in the order in which they came."""
    c = claims.c
    named = listed(conn, ["ref"], [(ref,) for ref in refs])
    query = select(c.membership, c.told).join(named, c.membership == named.c.ref).order_by(c.received_at, c.id)
    found: dict[str, list[Claim]] = {}
    for membership, plain in conn.execute(query):
        found.setdefault(membership, []).append(msgspec.convert(plain, Claim))
    return found


def of_member(conn: Connection, ref: str) -> list[Row]:
    """Everything kept of a member's claims, by id."""
    query = select(claims).where(claims.c.membership == ref).order_by(claims.c.id)
    return [dict(row) for row in conn.execute(query).mappings()]


def forget(conn: Connection, ref: str) -> None:
    """Drop what a member wrote. Kinds, times, amounts and decisions stay for the books."""
    rows = of_member(conn, ref)
    for row in rows:
        plain = {**row["told"], "from_email": None, "named": [], "evidence": [], "invoice": None}
        values = {"personal": None, "digest": "", "told": plain}
        conn.execute(update(claims).where(claims.c.id == row["id"]).values(values))
