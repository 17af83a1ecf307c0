"""The `facts` table: rows in, rows out. What a fact is bound to is decided in `bindings`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Text, cast, literal_column, select, union_all

from reconcile.binding import Binding
from reconcile.facts import Fact
from reconcile.ledger import BoundBy
from reconcile.money import Money
from worker.codec import FactKey, fact_from_text, fact_to_plain, key_of
from worker.schema import Row, facts
from worker.store.gists import UNKNOWN, Gist
from worker.store.sql import change, listed, put

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
    parts = [_query(conn, look) for look in looks if look.values]
    return _read(conn, union_all(*parts)) if parts else {}


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
    named = listed(conn, [column.name for column in _KEY], keys)
    onclause = [column == named.c[column.name] for column in _KEY]
    query = _columns().join(named, onclause[0] & onclause[1] & onclause[2])
    return _read(conn, query)


def write(conn: Connection, changed: Sequence[Fact]) -> None:
    """Write facts over what was known of them, in key order. What they are bound to stays."""
    rows = [row_of(fact) for fact in sorted(changed, key=key_of)]
    put(conn, facts, rows, key=[column.name for column in _KEY], replacing=True)


def write_bound(conn: Connection, bound: Sequence[tuple[Fact, Binding, Gist]]) -> None:
    """Write facts together with what they are bound to and their gists, in key order."""
    whole = [row_of(fact) | _bound_row(key_of(fact), binding, gist) for fact, binding, gist in bound]
    names = [column.name for column in _KEY]
    put(conn, facts, sorted(whole, key=lambda row: tuple(row[name] for name in names)), key=names, replacing=True)


def bind_to(conn: Connection, bindings: Sequence[tuple[FactKey, Binding, Gist]]) -> None:
    """Write what facts are bound to, and their gists."""
    rows = [_bound_row(*told) for told in sorted(bindings, key=lambda told: told[0])]
    change(conn, facts, rows, key=[column.name for column in _KEY])


def _columns() -> Select[Any]:
    # Text, not JSON: the codec reads it straight into the fact's type.
    c = facts.c
    return select(*_KEY, c.membership, c.bound_by, c.plain, c.period_from, cast(c.fits, Text), cast(c.body, Text))


def _query(conn: Connection, look: Look) -> Select[Any]:
    kinds = _of_kinds(look.kinds)
    column = facts.c[look.column]
    if look.column in ANY_PROVIDER:
        named = listed(conn, ["value"], look.values)
        return _columns().join(named, column == named.c.value).where(kinds)
    named = listed(conn, ["provider", "value"], look.values)
    return _columns().join(named, (facts.c.provider == named.c.provider) & (column == named.c.value)).where(kinds)


def _of_kinds(kinds: Sequence[str]) -> ColumnElement[bool]:
    # As literals, so that the planner sees which part of the key is fixed.
    return facts.c.kind.in_([literal_column(f"'{kind}'", Text) for kind in kinds])


def _read(conn: Connection, query: Any) -> dict[FactKey, Kept]:  # noqa: ANN401 - a Select or a union of them
    found: dict[FactKey, Kept] = {}
    for provider, kind, object_id, membership, bound_by, plain, period_from, fits, body in conn.execute(query).all():
        key = (provider, kind, object_id)
        if key not in found:
            gist = UNKNOWN if plain is None else Gist(plain, period_from)
            found[key] = Kept(fact_from_text(kind, body), _binding(membership, bound_by, fits), gist)
    return {key: found[key] for key in sorted(found)}


def _binding(membership: str | None, bound_by: str | None, fits: str | None) -> Binding:
    if membership is None and fits in {None, "[]", "null"}:
        return _UNBOUND
    if membership is not None:
        return Binding(membership, None if bound_by is None else _BY[bound_by])
    return Binding(fits=tuple(msgspec.json.decode(fits or "[]", type=list[str])))


def _bound_row(key: FactKey, binding: Binding, gist: Gist) -> Row:
    return {
        **{column.name: value for column, value in zip(_KEY, key, strict=True)},
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
        "body": fact_to_plain(fact),
    }


def _money(fact: Fact, amount: Money | None) -> Row:
    if amount is not None:
        return {"amount_minor": amount.minor, "currency": amount.currency}
    minor = getattr(fact, "total_minor", getattr(fact, "amount_minor", None))
    return {"amount_minor": minor, "currency": getattr(fact, "currency", None)}
