"""Findings for people: searched, filtered, sorted, a page at a time, and summed as they are shown. Each comes with the
remedy that decides it, if there is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, ScalarSelect, Select, case, func, or_, select, tuple_

from reconcile.currency import EXPONENTS
from reconcile.outcome import REPORTED, WAITING
from worker.schema import findings, remedies
from worker.store.listings import OWES_MORE, OWN_REMEDY
from worker.store.ranks import Rank, Ranking
from worker.store.sql import begins

f, r = findings.c, remedies.c
PART = 500


class Where(StrEnum):
    """Where a case stands, as people ask for it."""

    OPEN = "open"
    WAITING = "waiting"  # for a person
    GOING = "going"  # out by itself
    SENT = "sent"
    BACK = "back"
    FOLLOW_UP = "follow_up"  # for a person, without a remedy: what is only reported is not among it
    WAIVED = "waived"
    EXPLAINED = "explained"
    ALL = "all"


class Order(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"
    LARGEST = "largest"  # of its currency
    SMALLEST = "smallest"


BY_DAY = frozenset({Order.NEWEST, Order.OLDEST})


_STANDS: dict[Where, ColumnElement[bool] | None] = {
    Where.OPEN: f.status == "open",
    Where.WAITING: (f.status == "open") & (r.state.in_(sorted(WAITING)) | OWES_MORE),
    Where.GOING: r.state == "queued",
    Where.SENT: r.state == "submitted",
    Where.BACK: f.status == "settled",
    Where.FOLLOW_UP: (f.status == "open") & r.key.is_(None) & f.kind.not_in(sorted(REPORTED)),
    Where.WAIVED: f.status == "waived",
    Where.EXPLAINED: f.status == "cleared",
    Where.ALL: None,
}
# What says where these stand is the remedy; the rest is summed without a look at it.
_BY_REMEDY = frozenset({Where.WAITING, Where.GOING, Where.SENT, Where.FOLLOW_UP})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cases, and in which order. `text` is a membership, a charge, or the beginning of either; `least` and `most`
    are amounts in whole units of the case's own currency."""

    text: str = ""
    kind: str | None = None
    where: Where = Where.OPEN
    reason: str | None = None
    clause: str | None = None
    provider: str | None = None
    currency: str | None = None
    since: date | None = None
    until: date | None = None
    least: int | None = None
    most: int | None = None
    order: Order = Order.NEWEST


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place behind a row: the page after it begins there."""

    value: date | Rank
    key: str


@dataclass(frozen=True, slots=True)
class Sum:
    """All that is wanted, in one currency (none: nothing of it is money)."""

    currency: str | None
    count: int
    minor: int


def page(conn: Connection, wanted: Wanted, after: Cursor | None, size: int) -> list[Row[Any]]:
    """One page of cases, `size` at most, behind `after`."""
    query = _chosen(conn, wanted)
    if wanted.order in BY_DAY:
        down = wanted.order is Order.NEWEST
        if after is not None:
            here, there = tuple_(f.first_seen, f.key), tuple_(after.value, after.key)
            query = query.where(here < there if down else here > there)
        query = query.order_by(f.first_seen.desc() if down else f.first_seen, f.key.desc() if down else f.key)
    else:
        ranking = Ranking(f.amount_currency, f.amount_minor, f.key, down=wanted.order is Order.LARGEST)
        if after is not None and isinstance(after.value, Rank):
            query = query.where(ranking.behind(after.value, after.key))
        query = query.order_by(*ranking.order)
    return list(conn.execute(query.limit(size)))


def every(conn: Connection, wanted: Wanted) -> Iterator[Row[Any]]:
    """All of them, in the same order."""
    after: Cursor | None = None
    while rows := page(conn, wanted, after, PART):
        yield from rows
        after = behind(rows[-1], wanted.order)


def behind(row: Row[Any], order: Order) -> Cursor:
    """The place behind this row."""
    return Cursor(row.first_seen if order in BY_DAY else Rank.of(row.amount_currency, row.amount_minor), row.key)


def sums(conn: Connection, wanted: Wanted) -> Sequence[Sum]:
    """How many there are and what they come to, by currency."""
    columns: list[ColumnElement[Any]] = [f.amount_currency, func.count(), func.coalesce(func.sum(f.amount_minor), 0)]
    joined = wanted.where in _BY_REMEDY or wanted.reason is not None or wanted.clause is not None
    query = _where(conn, select(*columns), wanted, joined=joined)
    rows = conn.execute(query.group_by(f.amount_currency).order_by(f.amount_currency))
    return [Sum(currency, count, int(minor)) for currency, count, minor in rows]


def one(conn: Connection, key: str) -> Row[Any] | None:
    """The finding of this key (or of its remedy's), with its remedy."""
    query = _chosen(conn, replace(Wanted(), where=Where.ALL))
    return conn.execute(query.where(or_(f.key == key, f.key == _finding_of(key))).limit(1)).one_or_none()


def _chosen(conn: Connection, wanted: Wanted) -> Select[Any]:
    shown = select(
        *f,
        r.key.label("remedy_key"),
        r.kind.label("remedy_kind"),
        r.state.label("state"),
        r.clause,
        r.held_because,
        r.decided_at,
    )
    return _where(conn, shown, wanted)


def _where(conn: Connection, query: Select[Any], wanted: Wanted, *, joined: bool = True) -> Select[Any]:
    query = query.select_from(findings.outerjoin(remedies, OWN_REMEDY) if joined else findings)
    if (stands := _STANDS[wanted.where]) is not None:
        query = query.where(stands)
    for column, value in (
        (f.kind, wanted.kind),
        (r.held_because, wanted.reason),
        (r.clause, wanted.clause),
        (f.amount_currency, wanted.currency),
    ):
        if value:
            query = query.where(column == value)
    if wanted.provider:
        query = query.where(begins(conn, f.charge, f"{wanted.provider}:"))
    if wanted.since is not None:
        query = query.where(f.first_seen >= wanted.since)
    if wanted.until is not None:
        query = query.where(f.first_seen <= wanted.until)
    if wanted.text:
        query = query.where(_says(conn, wanted.text))
    if wanted.least is not None:
        query = query.where(wanted.least * _units() <= f.amount_minor)
    if wanted.most is not None:
        query = query.where(wanted.most * _units() >= f.amount_minor)
    return query


def _says(conn: Connection, text: str) -> ColumnElement[bool]:
    """A membership or a charge by its beginning, a charge without its provider too; a key as a whole."""
    charges = [text] if ":" in text else [f"{provider}:{text}" for provider in ("stripe", "paypal")]
    return or_(
        begins(conn, f.membership, text),
        *(begins(conn, f.charge, charge) for charge in charges),
        f.key == text,
        f.key == _finding_of(text),
    )


def _finding_of(remedy: str) -> ScalarSelect[Any]:
    """By a query of its own: asked of the joined row, no index would help."""
    return select(r.finding).where(r.key == remedy).scalar_subquery()


def _units() -> ColumnElement[int]:
    """Minor units in one whole unit of the case's currency."""
    groups: dict[int, list[str]] = {}
    for currency, places in EXPONENTS.items():
        if places != 2:
            groups.setdefault(10**places, []).append(currency)
    return case(*((f.amount_currency.in_(names), unit) for unit, names in groups.items()), else_=100)
