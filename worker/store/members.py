"""Members: the key of each one's personal fields, wrapped under a master key, and what they asked for."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from worker.countries import NOT_KEPT
from worker.crypt import KEY_BYTES, Keyring
from worker.schema import Row, members
from worker.store.sql import change, listed, put


class ErasedError(ValueError):
    """The member was erased: nothing personal is kept of them any more."""


def keys_of(conn: Connection, keyring: Keyring, refs: Sequence[str]) -> dict[str, Keyring]:
    """The key of each member; one that has none gets it now. A member who was erased has none for ever, and is left
    out."""
    rows = [
        {"membership": ref, "wrapped": keyring.seal(secrets.token_bytes(KEY_BYTES), key_place(ref))}
        for ref in sorted(set(refs) - _known(conn, refs).keys())
    ]
    put(conn, members, rows, key=["membership"], replacing=False)
    return {
        ref: Keyring((keyring.open(row["wrapped"], key_place(ref)),))
        for ref, row in _known(conn, refs).items()
        if row["wrapped"] is not None
    }


def key_of(conn: Connection, keyring: Keyring, ref: str) -> Keyring:
    """One member's key. Raises ErasedError."""
    found = keys_of(conn, keyring, [ref]).get(ref)
    if found is None:
        raise ErasedError(f"{ref} was erased")
    return found


def record(conn: Connection, ref: str) -> Row:
    """What is noted of a member; empty where nothing is."""
    return _known(conn, [ref]).get(ref, {})


def outside(conn: Connection, ref: str) -> bool:
    """Whether the member lives where the privacy statement says that nothing personal is kept (PR-7)."""
    return bool(record(conn, ref).get("country") in NOT_KEPT)


def restricted(conn: Connection, refs: Sequence[str]) -> frozenset[str]:
    """Those of the members who have restricted the processing."""
    named = listed(conn, ["ref"], [(ref,) for ref in refs])
    c = members.c
    query = select(c.membership).join(named, c.membership == named.c.ref).where(c.restricted_at.is_not(None))
    return frozenset(conn.scalars(query))


def note(conn: Connection, ref: str, **values: object) -> None:
    """Set columns of a member's row, which is made where there is none."""
    put(conn, members, [{"membership": ref}], key=["membership"], replacing=False)
    conn.execute(update(members).where(members.c.membership == ref).values(values))


def collected(conn: Connection, abroad: Mapping[str, str | None], statement: str | None) -> None:
    """Note under which version of the statement data was collected, and who lives where it is not meant for."""
    rows: list[Row] = [
        {"membership": ref, "country": country, "statement": statement} for ref, country in sorted(abroad.items())
    ]
    change(conn, members, rows, key=["membership"])


def abroad(conn: Connection) -> list[Row]:
    """The members who live where the statement is not meant for, by reference (PR-7)."""
    c = members.c
    query = select(c.membership, c.country).where(c.country.is_not(None)).order_by(c.membership)
    return [dict(row) for row in conn.execute(query).mappings()]


def erase(conn: Connection, ref: str, at: datetime) -> None:
    """Destroy the member's key: what was sealed under it is gone with it."""
    put(conn, members, [{"membership": ref, "erased_at": at}], key=["membership"], replacing=False)
    told = {"wrapped": None, "erased_at": func.coalesce(members.c.erased_at, at)}
    conn.execute(update(members).where(members.c.membership == ref).values(told))


def _known(conn: Connection, refs: Sequence[str]) -> dict[str, Row]:
    named = listed(conn, ["ref"], [(ref,) for ref in set(refs)])
    query = select(members).join(named, members.c.membership == named.c.ref)
    return {row["membership"]: dict(row) for row in conn.execute(query).mappings()}


def key_place(ref: str) -> str:
    """Where a member's wrapped key is, for the cipher."""
    return f"members|wrapped|{ref}"
