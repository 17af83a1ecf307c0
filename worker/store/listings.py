"""The listings of contract.md: plain dicts in its key order, in an order that does not depend on arrival."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, collate, nulls_last, select

from worker.schema import findings as f
from worker.schema import remedies as r
from worker.store.sql import is_postgres

PART = 500


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
    """A part of a listing: the first `limit` behind the key `after`, in the order of the keys. Rows that come or go
    meanwhile move no other from its page."""

    limit: int
    after: str | None = None


_EVERYTHING = Filter()


def findings(conn: Connection, chosen: Filter = _EVERYTHING, page: Page | None = None) -> Iterator[dict[str, Any]]:
    """The findings, each with its remedy or null, by membership, first_seen, key; a page of them by key."""
    # A charge's finding shows its refund; the proposal to cancel its agreement is listed among the remedies.
    own = (r.c.finding == f.c.key) & ((r.c.kind != "cancel_agreement") | (f.c.kind == "live_after_cancellation"))
    query = select(*f.c, *_remedy_columns()).select_from(f.outerjoin(r, own))
    if page is None:
        ordered = _ordered(conn, _chosen(query, chosen, f.c.status, f.c.key))
    else:
        # The page is of findings, whatever remedies each has.
        keys = _paged(_chosen(select(f.c.key), chosen, f.c.status, f.c.key), f.c.key, page).subquery()
        ordered = query.join(keys, keys.c.key == f.c.key).order_by(f.c.key, r.c.key)
    for row in _rows(conn, ordered):
        yield {
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


def remedies(conn: Connection, chosen: Filter = _EVERYTHING, page: Page | None = None) -> Iterator[dict[str, Any]]:
    """The remedies of the findings, in their order; a page of them by their own key. `statuses` are remedy states
    here, `kind` the finding's kind."""
    # A remedy that a claim was granted hangs on no finding.
    own = [r.c.held_because, r.c.membership.label("owner"), r.c.charge.label("of")]
    joined = select(*f.c, *_remedy_columns(), *own).select_from(r.outerjoin(f, r.c.finding == f.c.key))
    query = _chosen(joined, chosen, r.c.state, r.c.key, r.c.membership)
    ordered = _ordered(conn, query, r.c.membership) if page is None else _paged(query, r.c.key, page)
    for row in _rows(conn, ordered):
        yield {
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


def _paged(query: Select[Any], key: ColumnElement[str], page: Page) -> Select[Any]:
    if page.after is not None:
        query = query.where(key > page.after)
    return query.order_by(key).limit(page.limit)


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
