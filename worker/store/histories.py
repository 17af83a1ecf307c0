"""What was told of a thing and what was done about it: for `explain` and the list of deliveries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from reconcile.facts import Fact, Ref
from reconcile.ledger import Ledger
from worker.codec import FactKey, key_of
from worker.schema import Row, audit, deliveries, facts, findings, memberships, remedies, tellings
from worker.store.ledgers import load_ledgers
from worker.store.sql import listed


@dataclass(frozen=True, slots=True)
class Known:
    """What a reference means: a membership, a charge, or a finding (or remedy) with the charge it is about."""

    kind: str
    membership: str | None
    charge: Ref | None = None
    finding: str | None = None
    judged_as_of: date | None = None  # of a charge that no membership has


def known(conn: Connection, ref: str) -> Known | None:
    """What `ref` is: a membership, a charge `provider:id`, the key of a finding or of a remedy; None: not known."""
    if conn.scalar(select(memberships.c.ref).where(memberships.c.ref == ref)) is not None:
        return Known("membership", ref)
    provider, _, object_id = ref.partition(":")
    query = select(facts.c.membership, facts.c.judged_as_of).where(
        facts.c.provider == provider, facts.c.kind == "charge", facts.c.object_id == object_id
    )
    if (charge := conn.execute(query).one_or_none()) is not None:
        return Known("charge", charge.membership, Ref(provider, object_id), judged_as_of=charge.judged_as_of)
    for kind, table in (("finding", findings), ("remedy", remedies)):
        row = conn.execute(select(table).where(table.c.key == ref)).mappings().one_or_none()
        if row is not None:
            about = Ref.parse(row["charge"]) if row["charge"] else None
            return Known(kind, row["membership"], about, row["key"] if kind == "finding" else row["finding"])
    return None


def facts_of(ledger: Ledger) -> list[Fact]:
    """Every fact of a ledger."""
    told: list[Fact] = [bound.charge for bound in ledger.charges]
    for many in (
        ledger.invoices,
        ledger.invoice_payments,
        ledger.failed_payments,
        ledger.refunds,
        ledger.disputes,
        ledger.subscriptions,
        ledger.credits,
    ):
        told.extend(many)
    return told


def told_by(conn: Connection, keys: Iterable[FactKey]) -> dict[FactKey, list[Row]]:
    """The deliveries that told of each of these objects, with how often each was seen."""
    c, d = tellings.c, deliveries.c
    named = listed(conn, ["provider", "kind", "id"], list(keys))
    same = (c.provider == named.c.provider) & (c.kind == named.c.kind) & (c.object_id == named.c.id)
    query = select(c.provider, c.kind, c.object_id, d.id, d.event_type, d.source, d.seen).distinct()
    rows = conn.execute(query.join(named, same).join(deliveries, d.id == c.delivery_id).order_by(d.id)).mappings()
    found: dict[FactKey, list[Row]] = {}
    for row in rows:
        key = (row["provider"], row["kind"], row["object_id"])
        found.setdefault(key, []).append({name: row[name] for name in ("id", "event_type", "source", "seen")})
    return found


def delivery_ids(conn: Connection, membership: str) -> frozenset[int]:
    """The deliveries that told of anything in a membership's ledger."""
    keys = [key_of(fact) for ledger in load_ledgers(conn, [membership]) for fact in facts_of(ledger)]
    return frozenset(row["id"] for rows in told_by(conn, keys).values() for row in rows)


def acts(conn: Connection, subjects: Sequence[str]) -> list[Row]:
    """The audit entries about these subjects, oldest first."""
    named = listed(conn, ["subject"], [(subject,) for subject in subjects])
    c = audit.c
    query = select(c.n, c.at, c.actor, c.action, c.subject, c.detail).join(named, c.subject == named.c.subject)
    return [dict(row) for row in conn.execute(query.order_by(c.n)).mappings()]
