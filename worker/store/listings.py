"""The listings that people and programs are given: plain dicts whose keys keep their order, in an order that does not
depend on arrival."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, collate, literal, nulls_last, select, tuple_

from reconcile.outcome import SENT, HeldBecause
from worker.schema import findings as f
from worker.schema import remedies as r
from worker.store.sql import is_postgres

PART = 500
# A charge's finding shows its refund; the proposal to cancel its agreement is listed among the remedies, and so is
# what a person had decided on before the money went back by other hands.
OWN_REMEDY = (
    (r.c.finding == f.c.key)
    & ((r.c.kind != "cancel_agreement") | (f.c.kind == "live_after_cancellation"))
    & ((r.c.state != "waived") | (f.c.kind != "corrected_elsewhere"))
)
# `outcome.owes_more` of a row. Both states are named, so that an index of states answers it.
OWES_MORE = r.c.state.in_(sorted(SENT)) & (r.c.held_because == HeldBecause.CHANGED.value)


@dataclass(frozen=True, slots=True)
class Filter:
    """What a listing shows. Empty `statuses` (or "all" in it) and None show everything; `since` is by first_seen;
    `key` is that of the one row that is wanted."""

    statuses: Collection[str] = ()
    kind: str | None = None
    since: date | None = None
    membership: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a listing: the first `limit` behind a place. Rows that come or go meanwhile move no other from its
    page."""

    limit: int
    after: tuple[str, ...] | None = None


Placed = tuple[tuple[str, ...], dict[str, Any]]

_EVERYTHING = Filter()


def findings(conn: Connection, chosen: Filter = _EVERYTHING) -> Iterator[dict[str, Any]]:
    """The findings, each with its remedy or null, by membership, first_seen, key."""
    for row in _rows(conn, _ordered(conn, _chosen(_findings(), chosen, f.c.status, f.c.key))):
        yield _finding(row)


def differing(conn: Connection) -> frozenset[str]:
    """The findings of which more is owed than was sent."""
    return frozenset(conn.scalars(select(r.c.finding).where(OWES_MORE)))


def findings_page(conn: Connection, chosen: Filter, page: Page) -> Iterator[Placed]:
    """A page of the findings, each with its place: by key; with `since` by first_seen and key."""
    order = _place(chosen, f.c.key)
    # The page is of findings, whatever remedies each has.
    keys = _paged(_chosen(select(f.c.key), chosen, f.c.status, f.c.key), order, page).subquery()
    for row in conn.execute(_findings().join(keys, keys.c.key == f.c.key).order_by(*order, r.c.key)):
        yield _places(chosen, row, row.key), _finding(row)


def remedies(conn: Connection, chosen: Filter = _EVERYTHING) -> Iterator[dict[str, Any]]:
    """The remedies of the findings, in their order. `statuses` are remedy states here, `kind` the finding's kind."""
    for row in _rows(conn, _ordered(conn, _remedies(chosen), r.c.membership)):
        yield _listed_remedy(row)


def remedies_page(conn: Connection, chosen: Filter, page: Page) -> Iterator[Placed]:
    """A page of the remedies, each with its place: by key; with `since` by the finding's first_seen and key."""
    # At once, and not through a cursor, for which Postgres plans as if only the first rows were ever read.
    for row in conn.execute(_paged(_remedies(chosen), _place(chosen, f.c.key, r.c.key), page)):
        yield _places(chosen, row, row.key, row.remedy_key), _listed_remedy(row)


def places(chosen: Filter, *, of_remedies: bool = False) -> int:
    """How many texts a place in such a listing has."""
    return 1 + (chosen.since is not None) * (1 + of_remedies)


def _place(chosen: Filter, *keys: ColumnElement[str]) -> list[ColumnElement[Any]]:
    """What a page is ordered by. A date that most findings lie before would have a scan of the keys pass them all; in
    its own order the first row is where the page begins."""
    return [keys[-1]] if chosen.since is None else [f.c.first_seen, *keys]


def _places(chosen: Filter, row: Row[Any], *keys: str) -> tuple[str, ...]:
    return (keys[-1],) if chosen.since is None else (row.first_seen.isoformat(), *keys)


def _findings() -> Select[Any]:
    return select(*f.c, *_remedy_columns()).select_from(f.outerjoin(r, OWN_REMEDY))


def _remedies(chosen: Filter) -> Select[Any]:
    # A remedy that a claim was granted hangs on no finding.
    own = [r.c.held_because, r.c.membership.label("owner"), r.c.charge.label("of")]
    joined = select(*f.c, *_remedy_columns(), *own).select_from(r.outerjoin(f, r.c.finding == f.c.key))
    return _chosen(joined, chosen, r.c.state, r.c.key, r.c.membership)


def _finding(row: Row[Any]) -> dict[str, Any]:
    return {
        "key": row.key,
        "finding": row.kind,
        "membership": row.membership,
        "charge": row.charge,
        "renewal": _day(row.renewal),
        "charged": row.charged_minor,
        "expected": row.expected_minor,
        "excess": row.excess_minor,
        "currency": row.currency,
        "confidence": row.confidence,
        "status": row.status,
        "because": list(row.because),
        "first_seen": _day(row.first_seen),
        "remedy": None if row.remedy_key is None else _remedy(row),
    }


def _listed_remedy(row: Row[Any]) -> dict[str, Any]:
    return {
        **_remedy(row),
        "membership": row.owner if row.key is None else row.membership,
        "charge": row.of if row.key is None else row.charge,
        "currency": row.remedy_currency or row.currency,
        "finding": row.kind,
        "held_because": row.held_because,
    }


def _remedy_columns() -> list[ColumnElement[Any]]:
    names = ("key", "kind", "amount_minor", "currency", "state", "clause", "policy_version")
    return [r.c[name].label(f"remedy_{name}") for name in names]


def _remedy(row: Row[Any]) -> dict[str, Any]:
    return {
        "key": row.remedy_key,
        "kind": row.remedy_kind,
        "amount": row.remedy_amount_minor,
        "state": row.remedy_state,
        "clause": row.remedy_clause,
        "policy_version": row.remedy_policy_version,
    }


def _chosen(
    query: Select[Any],
    chosen: Filter,
    status: ColumnElement[str],
    key: ColumnElement[str],
    owner: ColumnElement[str] = f.c.membership,
) -> Select[Any]:
    if chosen.statuses and "all" not in chosen.statuses:
        query = query.where(status.in_(sorted(chosen.statuses)))
    if chosen.kind is not None:
        query = query.where(f.c.kind == chosen.kind)
    if chosen.since is not None:
        query = query.where(f.c.first_seen >= chosen.since)
    if chosen.membership is not None:
        query = query.where(owner == chosen.membership)
    if chosen.key is not None:
        query = query.where(key == chosen.key)
    return query


def _paged(query: Select[Any], order: list[ColumnElement[Any]], page: Page) -> Select[Any]:
    if page.after is not None:
        values = [date.fromisoformat(text) if len(order) > 1 and not n else text for n, text in enumerate(page.after)]
        query = query.where(tuple_(*order) > tuple_(*map(literal, values)))
        if len(order) > 1:
            query = query.where(order[0] >= values[0])  # said once more: the index goes by it
    return query.order_by(*order).limit(page.limit)


def _ordered(conn: Connection, query: Select[Any], owner: ColumnElement[str] = f.c.membership) -> Select[Any]:
    """In the order of the bytes, on both databases and in any language; findings without a membership last."""

    def bytewise(column: ColumnElement[str]) -> ColumnElement[str]:
        return collate(column, "C") if is_postgres(conn) else column

    return query.order_by(nulls_last(bytewise(owner)), *_in_time(), bytewise(f.c.key), bytewise(r.c.key))


def _rows(conn: Connection, ordered: Select[Any]) -> Iterator[Row[Any]]:
    # Closed also where the reader has seen enough before the end.
    with conn.execute(ordered.execution_options(yield_per=PART)) as rows:
        yield from rows


def _in_time() -> list[ColumnElement[Any]]:
    return [f.c.first_seen.is_(None), f.c.first_seen]


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
