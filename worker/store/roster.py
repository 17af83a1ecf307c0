"""The roster in the database: memberships, their versions, and the identifiers by which charges find them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, select

from reconcile.ledger import BoundBy
from reconcile.membership import Membership
from worker.codec import Plain, membership_from_plain, membership_to_plain
from worker.crypt import Keyring
from worker.minimising import minimised
from worker.schema import Row, identifiers, membership_versions, memberships
from worker.store import members
from worker.store.bindings import Identifier
from worker.store.facts import mark, rebind_identified
from worker.store.sql import listed, lock_facts, put


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One row of a roster file. `personal` holds the member's plain fields (name, email, country); `membership.email`
    is filled from it by the store, as a keyed hash."""

    membership: Membership
    personal: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """How many memberships an import added, changed (a new version), and found as they were."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class _Stored:
    version: int
    roster: Plain
    personal: bytes | None


def import_memberships(
    conn: Connection, keyring: Keyring, rows: Sequence[RosterRow], at: datetime, statement: str | None = None
) -> Imported:
    """Take in roster rows, all or nothing with the caller's transaction. A row equal to what is stored changes nothing;
    another one becomes the next version. Charges that find another membership by it are bound anew. `statement` is the
    version of the privacy statement under which personal data is collected. Raises ValueError where one membership has
    two rows."""
    lock_facts(conn)
    given = {row.membership.ref: row for row in rows}
    if len(given) != len(rows):
        raise ValueError("a membership has two rows in one import")
    stored = _stored(conn, list(given))
    kept = [minimised(row.membership, row.personal) for row in rows]
    abroad = {one.membership.ref: one.abroad for one in kept}
    keys = members.keys_of(
        conn, keyring, [r for one in kept if one.personal or one.abroad for r in [one.membership.ref]]
    )
    rows = [RosterRow(one.membership, one.personal if one.membership.ref in keys else None) for one in kept]
    changed = [row for row in rows if not _same(keyring, keys, row, stored.get(row.membership.ref))]
    _write(conn, keyring, changed, stored, at, keys)
    members.collected(conn, {row.membership.ref: abroad[row.membership.ref] for row in changed}, statement)
    known = _replace_identifiers(conn, {row.membership.ref: _identifiers(keyring, row) for row in changed})
    touched = rebind_identified(conn, known)
    mark(conn, touched)
    added = sum(row.membership.ref not in stored for row in rows)
    return Imported(added, len(changed) - added, len(rows) - len(changed))


def membership(conn: Connection, ref: str) -> Membership | None:
    """One membership as the roster states it now."""
    return by_ref(conn, [ref]).get(ref)


def by_ref(conn: Connection, refs: Sequence[str]) -> dict[str, Membership]:
    """The memberships of these references, in their order."""
    named = listed(conn, ["ref"], [(ref,) for ref in refs])
    query = select(memberships.c.ref, memberships.c.roster).join(named, memberships.c.ref == named.c.ref)
    found = {ref: membership_from_plain(roster) for ref, roster in conn.execute(query)}
    return {ref: found[ref] for ref in refs if ref in found}


def refs(conn: Connection, size: int) -> Iterator[Sequence[str]]:
    """Every membership's reference, in parts of `size`, in order."""
    last = ""
    query = select(memberships.c.ref).order_by(memberships.c.ref).limit(size)
    while part := conn.scalars(query.where(memberships.c.ref > last)).all():
        yield part
        last = part[-1]


def version_of(conn: Connection, ref: str) -> int | None:
    """Which version of a membership's row holds; its row stays locked. None for one that is not known."""
    found: int | None = conn.scalar(select(memberships.c.version).where(memberships.c.ref == ref).with_for_update())
    return found


def stored(conn: Connection, ref: str) -> tuple[int, Membership] | None:
    """One membership with the version that it is stated in."""
    row = conn.execute(
        select(memberships.c.version, memberships.c.roster).where(memberships.c.ref == ref)
    ).one_or_none()
    return None if row is None else (row.version, membership_from_plain(row.roster))


def page(conn: Connection, limit: int, after: str | None = None) -> list[Membership]:
    """The first `limit` memberships behind a reference, in order."""
    query = select(memberships.c.roster).order_by(memberships.c.ref).limit(limit)
    rows = conn.scalars(query if after is None else query.where(memberships.c.ref > after))
    return [membership_from_plain(roster) for roster in rows]


def personal(conn: Connection, keyring: Keyring, ref: str) -> dict[str, str]:
    """The member's plain fields; empty where none were given (or they were erased)."""
    return personal_of(conn, keyring, [ref]).get(ref, {})


def personal_of(conn: Connection, keyring: Keyring, refs: Sequence[str]) -> dict[str, dict[str, str]]:
    """The plain fields of these members, without those of whom none are kept."""
    c = memberships.c
    named = listed(conn, ["ref"], [(ref,) for ref in refs])
    query = select(c.ref, c.personal).join(named, c.ref == named.c.ref).where(c.personal.is_not(None))
    sealed = {row.ref: row.personal for row in conn.execute(query)}
    keys = members.keys_of(conn, keyring, list(sealed)) if sealed else {}
    return {ref: _opened(keys[ref], ref, text) for ref, text in sealed.items() if ref in keys}


def _stored(conn: Connection, wanted: Sequence[str]) -> dict[str, _Stored]:
    c = memberships.c
    named = listed(conn, ["ref"], [(ref,) for ref in wanted])
    query = select(c.ref, c.version, c.roster, c.personal).join(named, c.ref == named.c.ref).order_by(c.ref)
    # Locked in key order, as judgements lock them.
    rows = conn.execute(query.with_for_update(of=memberships))
    return {ref: _Stored(version, roster, sealed) for ref, version, roster, sealed in rows}


def _same(keyring: Keyring, keys: Mapping[str, Keyring], row: RosterRow, stored: _Stored | None) -> bool:
    if stored is None or stored.roster != _plain(keyring, row):
        return False
    key = keys.get(row.membership.ref)
    if stored.personal is None or key is None:
        return stored.personal is None and not row.personal
    known = _opened(key, row.membership.ref, stored.personal)
    return known == dict(row.personal or {})


def _plain(keyring: Keyring, row: RosterRow) -> Plain:
    return membership_to_plain(replace(row.membership, email=_email(keyring, row)))


def _email(keyring: Keyring, row: RosterRow) -> str | None:
    address = (row.personal or {}).get("email", "").strip()
    return keyring.email_key(address) if address else None


def _write(  # noqa: PLR0917 - all that a row is made of
    conn: Connection,
    keyring: Keyring,
    changed: Sequence[RosterRow],
    stored: Mapping[str, _Stored],
    at: datetime,
    keys: Mapping[str, Keyring],
) -> None:
    if not changed:
        return
    rows: list[Row] = []
    for row in sorted(changed, key=lambda row: row.membership.ref):
        ref = row.membership.ref
        version = stored[ref].version + 1 if ref in stored else 1
        rows.append({"ref": ref, "version": version, "roster": _plain(keyring, row), "imported_at": at})
    put(conn, membership_versions, rows, key=["ref", "version"], replacing=False)
    by = {row.membership.ref: row for row in changed}
    whole = [{**row, **_private(keyring, keys, by[row["ref"]]), "touched": True} for row in rows]
    put(conn, memberships, whole, key=["ref"], replacing=True)


def _private(keyring: Keyring, keys: Mapping[str, Keyring], row: RosterRow) -> Row:
    ref = row.membership.ref
    text = msgspec.json.encode(dict(row.personal or {}), order="sorted")
    sealed = keys[ref].seal(text, _place(ref)) if row.personal else None
    return {"personal": sealed, "email": _email(keyring, row)}


def _opened(keyring: Keyring, ref: str, sealed: bytes) -> dict[str, str]:
    return msgspec.json.decode(keyring.open(sealed, _place(ref)), type=dict[str, str])


def _place(ref: str) -> str:
    return f"memberships|personal|{ref}"


def _identifiers(keyring: Keyring, row: RosterRow) -> set[Identifier]:
    """By what a charge may find this membership."""
    ref = row.membership.ref
    told: set[tuple[str, BoundBy, Any]] = {("", BoundBy.NAMED, ref), ("", BoundBy.EMAIL, _email(keyring, row))}
    for agreement in row.membership.agreements:
        told.add((agreement.provider, BoundBy.SUBSCRIPTION, agreement.subscription))
        told.add((agreement.provider, BoundBy.CUSTOMER, agreement.customer))
        told.add((agreement.provider, BoundBy.PAYER, agreement.payer))
    return {identifier for identifier in told if identifier[2]}


def _replace_identifiers(conn: Connection, wanted: Mapping[str, set[Identifier]]) -> set[Identifier]:
    """Have the roster know these memberships by exactly these identifiers; returns those that mean others now."""
    c = identifiers.c
    named = listed(conn, ["ref"], [(ref,) for ref in wanted])
    query = select(c.provider, c.kind, c.value, c.membership).join(named, c.membership == named.c.ref)
    held = {(p, BoundBy(kind), value, ref) for p, kind, value, ref in conn.execute(query)}
    meant = {(*identifier, ref) for ref, known in wanted.items() for identifier in known}
    if gone := held - meant:
        old = listed(conn, ["p", "k", "v", "m"], [(p, by.value, value, ref) for p, by, value, ref in gone])
        same = (c.provider == old.c.p) & (c.kind == old.c.k) & (c.value == old.c.v) & (c.membership == old.c.m)
        conn.execute(delete(identifiers).where(select(old.c.p).where(same).exists()))
    if new := meant - held:
        rows = [
            {"provider": p, "kind": by.value, "value": value, "membership": ref} for p, by, value, ref in sorted(new)
        ]
        put(conn, identifiers, rows, key=list(rows[0]), replacing=False)
    return {(p, by, value) for p, by, value, _ in held ^ meant}
