"""The `facts` table: rows in, rows out. What a fact is bound to is decided in `bindings`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from itertools import starmap
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Text, cast, literal_column, select, union_all

from reconcile.binding import Binding
from reconcile.facts import Fact
from reconcile.ledger import BoundBy
from reconcile.money import Money
from worker import packed
from worker.codec import FactKey, fact_from_text, fact_to_text, key_of
from worker.packed import Packed
from worker.schema import Row, facts
from worker.store.gists import UNKNOWN, Gist
from worker.store.sql import change, is_postgres, listed, put

# Kinds that find a membership of their own. Refunds, disputes and invoice payments go with their charge.
BOUND = ("charge", "credit", "failed_payment", "invoice", "subscription")

# Of these, kinds by which nothing else is bound: what is told of them first is written once it is known whose they are.
LAST = frozenset({"charge", "failed_payment"})

# Columns whose values mean the same at every provider.
ANY_PROVIDER = frozenset({"membership", "named", "email"})

_KEY = (facts.c.provider, facts.c.kind, facts.c.object_id)
_COPIED = ("subscription", "customer", "payer", "named", "email", "charge", "invoice", "intent")
_TIMES = ("taken_at", "failed_at", "made_at", "opened_at", "started_at")
_UNBOUND = Binding()
_BY = {by.value: by for by in BoundBy}


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored fact and what it is bound to."""

    fact: Fact
    binding: Binding = _UNBOUND
    gist: Gist = UNKNOWN

    @property
    def key(self) -> FactKey:
        return key_of(self.fact)


class Bound(NamedTuple):
    """A fact of a membership, by what it was bound, and whether it is plain (see `gists`)."""

    fact: Fact
    by: BoundBy | None
    plain: bool | None


@dataclass(frozen=True, slots=True)
class Look:
    """Facts of `kinds` whose `column` is one of `values`: `(provider, value)`, or `(value,)` where the column's values
    belong to no provider."""

    column: str
    kinds: tuple[str, ...]
    values: Collection[tuple[str, ...]]


def find(conn: Connection, *looks: Look) -> dict[FactKey, Kept]:
    """Every fact that one of `looks` means, in one statement, in key order."""
    asked = [look for look in looks if look.values]
    if not asked:
        return {}
    if is_postgres(conn):
        return _read(conn.exec_driver_sql(_statement(*(_means(look) for look in asked)), _sent(asked)).all())
    return _read(conn.execute(union_all(*(_query(conn, look) for look in asked))).all())


def of_memberships(conn: Connection, refs: Iterable[str]) -> dict[str, list[Bound]]:
    """The facts that were bound to these memberships, in no order: what ledgers are made of, thousands at once."""
    c = facts.c
    named = listed(conn, ["ref"], [(ref,) for ref in refs])
    query = select(c.membership, c.kind, c.bound_by, c.plain, cast(c.body, Text))
    query = query.join(named, c.membership == named.c.ref).where(_of_kinds(BOUND))
    found: dict[str, list[Bound]] = {}
    for membership, kind, bound_by, plain, body in conn.execute(query).all():
        bound = Bound(fact_from_text(kind, body), None if bound_by is None else _BY[bound_by], plain)
        found.setdefault(membership, []).append(bound)
    return found


def by_key(conn: Connection, keys: Iterable[FactKey]) -> dict[FactKey, Kept]:
    """The facts of these keys that are known."""
    by_kind: dict[str, set[tuple[str, ...]]] = {}
    for provider, kind, object_id in keys:
        by_kind.setdefault(kind, set()).add((provider, object_id))
    return find(conn, *(Look("object_id", (kind,), values) for kind, values in sorted(by_kind.items())))


def write(conn: Connection, changed: Sequence[Fact]) -> None:
    """Write facts over what was known of them, in key order. What they are bound to stays."""
    rows = [row_of(fact) for fact in sorted(changed, key=key_of)]
    put(conn, facts, rows, key=[column.name for column in _KEY], replacing=True)


def write_bound(conn: Connection, bound: Sequence[tuple[Fact, Binding, Gist]]) -> None:
    """Write facts together with what they are bound to and their gists, in key order."""
    ordered = sorted(bound, key=lambda told: key_of(told[0]))
    whole = [row_of(fact) | _bound_row(key_of(fact), binding, gist) for fact, binding, gist in ordered]
    put(conn, facts, whole, key=[column.name for column in _KEY], replacing=True)


def bind_to(conn: Connection, bindings: Sequence[tuple[FactKey, Binding, Gist]]) -> None:
    """Write what facts are bound to, and their gists."""
    rows = [_bound_row(*told) for told in sorted(bindings, key=lambda told: told[0])]
    change(conn, facts, rows, key=[column.name for column in _KEY])


# One look on Postgres: the rows of each value by that column's index. OFFSET keeps the inner query as it is, and no
# kind is named in it, so that no other index is left: the planner now and then thinks it quicker to read all that is
# of a kind or of a provider, for a whole batch or even for each value, however much that is.
_LOOK = """SELECT found.provider, found.kind, found.object_id, found.membership, found.bound_by, found.plain,
found.period_from, found.fits::text, found.body::text
FROM unnest({arrays}) AS told ({names}) CROSS JOIN LATERAL (SELECT * FROM facts WHERE {same} OFFSET 0) AS found
WHERE found.kind IN ({kinds})"""

_Means = tuple[str, tuple[str, ...]]


def _means(look: Look) -> _Means:
    return look.column, look.kinds


@cache
def _statement(*looks: _Means) -> str:
    return " UNION ALL ".join(starmap(_look, looks))


def _look(column: str, kinds: tuple[str, ...]) -> str:
    names = _told(column)
    return _LOOK.format(
        arrays=", ".join("%b::text[]" for _ in names),
        names=", ".join(names),
        same=" AND ".join(f"facts.{name} = told.{name}" for name in names),
        kinds=", ".join(map(repr, kinds)),
    )


def _told(column: str) -> tuple[str, ...]:
    """By which columns a look goes."""
    if column in ANY_PROVIDER:
        return (column,)
    return ("provider", "kind", column) if column == "object_id" else ("provider", column)


def _sent(looks: Iterable[Look]) -> tuple[Packed, ...]:
    return tuple(packed.texts(column) for look in looks for column in zip(*_values(look), strict=True))


def _values(look: Look) -> list[tuple[str, ...]]:
    if look.column != "object_id":
        return sorted(look.values)
    return [(provider, kind, value) for kind in look.kinds for provider, value in sorted(look.values)]


def _query(conn: Connection, look: Look) -> Select[Any]:
    """The same on SQLite."""
    # Text, not JSON: the codec reads it straight into the fact's type.
    c = facts.c
    query = select(*_KEY, c.membership, c.bound_by, c.plain, c.period_from, cast(c.fits, Text), cast(c.body, Text))
    kinds = _of_kinds(look.kinds)
    if look.column in ANY_PROVIDER:
        named = listed(conn, ["value"], look.values)
        return query.join(named, c[look.column] == named.c.value).where(kinds)
    named = listed(conn, ["provider", "value"], look.values)
    return query.join(named, (c.provider == named.c.provider) & (c[look.column] == named.c.value)).where(kinds)


def _of_kinds(kinds: Sequence[str]) -> ColumnElement[bool]:
    # As literals, so that the planner sees which part of the key is fixed.
    return facts.c.kind.in_([literal_column(f"'{kind}'", Text) for kind in kinds])


def _read(rows: Iterable[Sequence[Any]]) -> dict[FactKey, Kept]:
    found: dict[FactKey, Kept] = {}
    for provider, kind, object_id, membership, bound_by, plain, period_from, fits, body in rows:
        key = (provider, kind, object_id)
        if key not in found:
            gist = UNKNOWN if plain is None else Gist(plain, period_from and period_from.astimezone(UTC))
            found[key] = Kept(fact_from_text(kind, body), _binding(membership, bound_by, fits), gist)
    return {key: found[key] for key in sorted(found)}


def _binding(membership: str | None, bound_by: str | None, fits: str | None) -> Binding:
    if membership is None and fits in {None, "[]", "null"}:
        return _UNBOUND
    if membership is not None:
        return Binding(membership, None if bound_by is None else _BY[bound_by])
    return Binding(fits=tuple(msgspec.json.decode(fits or "[]", type=list[str])))


def _bound_row(key: FactKey, binding: Binding, gist: Gist) -> Row:
    provider, kind, object_id = key
    return {
        "provider": provider,
        "kind": kind,
        "object_id": object_id,
        "membership": binding.membership,
        "bound_by": None if binding.by is None else binding.by.value,
        "fits": list(binding.fits),
        "plain": gist.plain,
        "period_from": gist.period_from,
    }


def row_of(fact: Fact) -> Row:
    """A fact as a row of `facts`, bound to nothing yet."""
    provider, kind, object_id = key_of(fact)
    copied = {name: getattr(fact, name, None) for name in _COPIED}
    if kind == "subscription":
        copied["subscription"] = object_id  # so that all that concerns an agreement is found by one column
    amount = getattr(fact, "amount", None)
    return {
        "provider": provider,
        "kind": kind,
        "object_id": object_id,
        **copied,
        **_money(fact, amount),
        "state": getattr(fact, "state", getattr(fact, "status", None)),
        "at": next((at for name in _TIMES if (at := getattr(fact, name, None)) is not None), None),
        "told_at": fact.told_at,
        "body": msgspec.Raw(fact_to_text(fact)),
    }


def _money(fact: Fact, amount: Money | None) -> Row:
    if amount is not None:
        return {"amount_minor": amount.minor, "currency": amount.currency}
    minor = getattr(fact, "total_minor", getattr(fact, "amount_minor", None))
    return {"amount_minor": minor, "currency": getattr(fact, "currency", None)}
