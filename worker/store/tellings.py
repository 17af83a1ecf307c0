"""Tellings: what each delivery said of each object. Append-only; one telling is kept once however often it comes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

import msgspec
from sqlalchemy import Connection, Text, cast, select

from reconcile.facts import Charge, Fact, Invoice, Refund, Subscription
from reconcile.tellings import merge
from worker.codec import FactKey, digest, fact_from_text, fact_to_text, key_of
from worker.crypt import Keyring
from worker.schema import Row, tellings
from worker.scrubbing.texts import scrubbed
from worker.store.sql import by_first, listed, put

_KEY = (tellings.c.provider, tellings.c.kind, tellings.c.object_id)
_UNIQUE = (*_KEY, tellings.c.digest, tellings.c.source)


@dataclass(frozen=True, slots=True)
class Told:
    """One fact as one delivery told it. `source` is webhook, import, backfill or report."""

    fact: Fact
    source: str
    delivery_id: int | None = None


def without_address(fact: Fact, keyring: Keyring) -> Fact:
    """The fact with its e-mail address as a keyed hash: all that look-ups need, and no personal data. Nor does anything
    that is never kept come in by a field of free text, from a list or a report."""
    if isinstance(fact, Refund):
        return fact if fact.reason is None else replace(fact, reason=scrubbed(fact.reason))
    if not isinstance(fact, Charge | Invoice | Subscription):
        return fact
    named, email = fact.named, fact.email
    if named is not None:
        named = scrubbed(named)
    if email is not None:
        email = keyring.email_key(email) if email.strip() else None
    return fact if (named, email) == (fact.named, fact.email) else replace(fact, named=named, email=email)


def keep(conn: Connection, told: Sequence[Told]) -> set[FactKey]:
    """Add tellings; the keys of the facts of which something new was told."""
    unique = [column.name for column in _UNIQUE]
    rows: dict[tuple[str, ...], Row] = {}
    for row in map(_row, told):
        rows.setdefault(_unique(row), row)
    kept = put(conn, tellings, [rows[key] for key in sorted(rows)], key=unique, replacing=False, returning=unique[:3])
    return {(provider, kind, object_id) for provider, kind, object_id in kept}


def merged(conn: Connection, keys: Collection[FactKey], first: Mapping[FactKey, Sequence[Fact]]) -> list[Fact]:
    """The facts of these keys, each merged from all its tellings; in key order. Of `first` no earlier telling is known,
    so that they need not be read back."""
    told = {key: list(first[key]) for key in keys if key in first} | _told(
        conn, [key for key in keys if key not in first]
    )
    return [_merge(told[key]) for key in sorted(told)]


def _told(conn: Connection, keys: Collection[FactKey]) -> dict[FactKey, list[Fact]]:
    if not keys:
        return {}
    named = listed(conn, [column.name for column in _KEY], keys)
    same = [column == named.c[column.name] for column in _KEY]
    query = select(*_KEY, cast(tellings.c.body, Text)).join(named, same[0] & same[1] & same[2])
    rows = conn.execute(query).all()
    return by_first([((p, kind, id_), fact_from_text(kind, body)) for p, kind, id_, body in rows])


def _merge(told: list[Fact]) -> Fact:
    return told[0] if len(told) == 1 else merge(told)  # type: ignore[type-var]  # all of one kind, as `merge` wants them


_unique = itemgetter(*(column.name for column in _UNIQUE))


def _row(telling: Told) -> Row:
    provider, kind, object_id = key_of(telling.fact)
    text = fact_to_text(telling.fact)
    return {
        "provider": provider,
        "kind": kind,
        "object_id": object_id,
        "digest": digest(text),
        "told_at": telling.fact.told_at,
        "source": telling.source,
        "delivery_id": telling.delivery_id,
        "body": msgspec.Raw(text),
    }
