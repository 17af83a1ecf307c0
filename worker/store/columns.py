"""What the screen reads of memberships: a row each, made of the facts' columns alone, from one index."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, LargeBinary, Text, case, cast, func, literal, select

from worker.schema import claims, facts, findings, identifiers, memberships, remedies
from worker.store.sql import is_postgres, listed

_2000 = 946_684_800  # what Postgres counts its microseconds from, in seconds of 1970


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the facts of a membership come to. Times are whole seconds since 1970, in the order of the charges."""

    taken_at: Sequence[int] = ()
    period_from: Sequence[int] = ()  # of a charge that states no period, when it was taken
    amounts: tuple[int, int] = (0, 0)  # the least and the greatest, in minor units
    currencies: tuple[str, str] = ("", "")
    others: int = 0  # facts that are no charges: all of them plain subscriptions
    last: datetime | None = None  # when the latest of all was
    plain: bool = True


NOTHING = Gathered()


def gathered(conn: Connection, refs: Sequence[str]) -> dict[str, Gathered]:
    """What is known of the charges and agreements of these memberships. An invoice is part of its charge's gist."""
    c = facts.c
    named = listed(conn, ["ref"], [(ref,) for ref in refs])
    charge = c.kind == "charge"
    query = (
        select(
            c.membership,
            _times(conn, c.at, charge),
            _times(conn, func.coalesce(c.period_from, c.at), charge),
            func.min(c.amount_minor).filter(charge),
            func.max(c.amount_minor).filter(charge),
            func.min(c.currency).filter(charge),
            func.max(c.currency).filter(charge),
            func.count().filter(c.kind != "charge"),
            func.max(c.at),
            func.min(case((c.plain, 1), else_=0)),
        )
        .join(named, c.membership == named.c.ref)
        .where(c.kind != "invoice")
        .group_by(c.membership)
    )
    read = _from_postgres if is_postgres(conn) else _from_sqlite
    found = {}
    for ref, at, stated, low, high, a, z, others, last, plain in conn.execute(query).all():
        taken = read(at)
        periods = taken if stated == at else read(stated)
        if taken != (ordered := sorted(taken)):  # the database gives them in any order, but both in the same
            periods = [period for _, period in sorted(zip(taken, periods, strict=True))]
        found[ref] = Gathered(ordered, periods, (low or 0, high or 0), (a or "", z or ""), others, last, plain == 1)
    return found


def rosters(conn: Connection, refs: Sequence[str]) -> dict[str, str]:
    """The roster rows of these memberships, as JSON text."""
    named = listed(conn, ["ref"], [(ref,) for ref in refs])
    c = memberships.c
    return dict(conn.execute(select(c.ref, cast(c.roster, Text)).join(named, c.ref == named.c.ref)).all())


def with_more(conn: Connection, refs: Sequence[str]) -> frozenset[str]:
    """Those of these memberships of whom more is known than facts: findings or remedies that are stored, and claims of
    theirs or of others who share their e-mail."""
    found: set[str] = set()
    for table in (findings, remedies, claims):
        named = listed(conn, ["ref"], [(ref,) for ref in refs])
        found.update(conn.scalars(select(table.c.membership).join(named, table.c.membership == named.c.ref)))
    mine, theirs = identifiers.alias("mine"), identifiers.alias("theirs")
    named = listed(conn, ["ref"], [(ref,) for ref in refs])
    same = (theirs.c.kind == "email") & (theirs.c.value == mine.c.value) & (theirs.c.provider == mine.c.provider)
    shared = (
        select(mine.c.membership)
        .join(named, mine.c.membership == named.c.ref)
        .join(theirs, same)
        .join(claims, claims.c.membership == theirs.c.membership)
        .where(mine.c.kind == "email")
    )
    if conn.scalar(select(claims.c.id).limit(1)) is not None:
        found.update(conn.scalars(shared))
    return frozenset(found)


def _times(conn: Connection, at: ColumnElement[object], charge: ColumnElement[bool]) -> ColumnElement[object]:
    """Many times as one value: read one by one, they would cost more than all the rest."""
    if is_postgres(conn):
        return func.string_agg(func.timestamptz_send(at, type_=LargeBinary), literal(b"", LargeBinary)).filter(charge)
    return func.group_concat(func.strftime("%s", at)).filter(charge)


def _from_postgres(told: bytes | None) -> list[int]:
    if not told:
        return []
    return [at // 1_000_000 + _2000 for at in struct.unpack(f">{len(told) // 8}q", told)]


def _from_sqlite(told: str | None) -> list[int]:
    return [int(at) for at in told.split(",")] if told else []
