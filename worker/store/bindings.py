"""Which membership a fact belongs to, kept true as facts and rosters come, in any order.

The rule, a pure function of the facts and the roster:

1. An identifier that the roster knows means the memberships that the roster gives for it.
2. One that the roster does not know (an agreement, a customer, a payer) means the memberships of the subscriptions that
   carry it. Such a subscription teaches only what the roster alone says of it: its own number, customer, payer,
   reference or e-mail; what it was taught it does not pass on.
3. What was learnt through a subscription that only an e-mail ties to its membership counts last, and as an e-mail does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select

from reconcile.binding import Binding, Paid, bind
from reconcile.facts import Charge, ChargeState, FailedPayment, Invoice, Subscription
from reconcile.ledger import BoundBy
from reconcile.money import Money
from worker.codec import FactKey
from worker.packed import texts
from worker.schema import identifiers
from worker.store.gists import gist
from worker.store.links import given_back, paid_by
from worker.store.rows import BOUND, Kept, Look, bind_to, find, write_bound
from worker.store.sql import is_postgres, listed

Identifier = tuple[str, BoundBy, str]  # provider ("" where it belongs to none), kind, value
Known = dict[Identifier, set[str]]
_TAUGHT = (BoundBy.SUBSCRIPTION, BoundBy.CUSTOMER, BoundBy.PAYER)
_NOTHING = Money(0, "XXX")
_BY = {by.value: by for by in BoundBy}

# By the key, one after the other, as the facts are looked up (see `rows`).
_CARRIED = """SELECT found.* FROM unnest(%b::text[], %b::text[], %b::text[]) AS told (provider, kind, value)
CROSS JOIN LATERAL (
    SELECT provider, kind, value, membership FROM identifiers AS i
    WHERE (i.provider, i.kind, i.value) = (told.provider, told.kind, told.value) OFFSET 0
) AS found"""


@dataclass(frozen=True, slots=True)
class Rebound:
    """A fact and its binding before and now."""

    kept: Kept
    now: Binding

    @property
    def memberships(self) -> set[str]:
        return {ref for ref in (self.kept.binding.membership, self.now.membership) if ref is not None}


def rebind(conn: Connection, chosen: Mapping[FactKey, Kept], unwritten: Collection[FactKey] = ()) -> list[Rebound]:
    """Bind the chosen facts anew and write what changed; those `unwritten` as a whole, for the first time. Returns all
    of them, in key order."""
    if not chosen:
        return []
    paid = paid_by(conn, [kept.fact for kept in chosen.values()])
    asked = {key: (_bindable(kept), _bills(kept, paid)) for key, kept in sorted(chosen.items())}
    directory = _directory(conn, asked.values())
    rebound = [Rebound(chosen[key], directory.bind(*subject)) for key, subject in asked.items()]
    back = given_back(conn, [kept.fact for kept in chosen.values()])
    first, changed = [], []
    for (key, (_, bills)), one in zip(asked.items(), rebound, strict=True):
        told = gist(one.kept.fact, bills, back.of(one.kept.fact))
        if key in unwritten:
            first.append((one.kept.fact, one.now, told))
        elif (one.now, told) != (one.kept.binding, one.kept.gist):
            changed.append((key, one.now, told))
    bind_to(conn, changed)
    write_bound(conn, first)
    return rebound


def identified_by(conn: Connection, known: Collection[Identifier]) -> dict[FactKey, Kept]:
    """The facts that carry one of these identifiers."""
    looks = []
    for by in BoundBy:
        values = {(provider, value) if provider else (value,) for provider, kind, value in known if kind is by}
        looks.append(Look(by.value, BOUND, values))
    return find(conn, *looks)


def taught_by(subscriptions: Iterable[Subscription]) -> set[Identifier]:
    """The identifiers of which these subscriptions may teach something."""
    return {identifier for subscription in subscriptions for identifier in _teaches(subscription)}


@dataclass(frozen=True, slots=True)
class _Directory:
    roster: Known
    learnt: Known
    faint: Known  # learnt through an e-mail

    def bind(self, subject: Charge | Subscription, bills: Sequence[Invoice]) -> Binding:
        binding = bind(subject, bills, lambda *key: frozenset(self.roster.get(key) or self.learnt.get(key) or ()))
        if binding.membership is not None or binding.fits:
            return binding
        faint = bind(subject, bills, lambda *key: frozenset(self.faint.get(key, ())))
        return Binding(faint.membership, BoundBy.EMAIL if faint.membership else None, faint.fits)


def _directory(conn: Connection, subjects: Iterable[tuple[Charge | Subscription, Sequence[Invoice]]]) -> _Directory:
    """All that is known by the identifiers of these subjects."""
    asked = _identifiers(subjects)
    teachers = find(
        conn,
        *(
            Look(by.value, ("subscription",), {(provider, value) for provider, kind, value in asked if kind is by})
            for by in _TAUGHT
        ),
    )
    subscriptions = [kept.fact for kept in teachers.values() if isinstance(kept.fact, Subscription)]
    roster = _roster(conn, asked | _identifiers((subscription, ()) for subscription in subscriptions))
    learnt: Known = {}
    faint: Known = {}
    for subscription in subscriptions:
        binding = bind(subscription, (), lambda *key: frozenset(roster.get(key, ())))
        if binding.membership is None:
            continue
        for identifier in _teaches(subscription):
            (faint if binding.by is BoundBy.EMAIL else learnt).setdefault(identifier, set()).add(binding.membership)
    return _Directory(roster, learnt, faint)


def _identifiers(subjects: Iterable[tuple[Charge | Subscription, Sequence[Invoice]]]) -> set[Identifier]:
    """By what a directory that knows nothing is asked for: every identifier of the subjects."""
    asked: set[Identifier] = set()

    def nobody(*identifier: str) -> frozenset[str]:
        provider, by, value = identifier
        asked.add((provider, BoundBy(by), value))
        return frozenset()

    for subject, bills in subjects:
        bind(subject, bills, nobody)
    return asked


def _roster(conn: Connection, asked: Collection[Identifier]) -> Known:
    known: Known = {}
    for provider, kind, value, membership in _carried(conn, sorted((p, by.value, value) for p, by, value in asked)):
        known.setdefault((provider, _BY[kind], value), set()).add(membership)
    return known


def _carried(conn: Connection, asked: Sequence[tuple[str, str, str]]) -> Iterable[Sequence[Any]]:
    """The rows of these identifiers."""
    if not asked:
        return ()
    if is_postgres(conn):
        return conn.exec_driver_sql(_CARRIED, tuple(map(texts, zip(*asked, strict=True)))).all()
    c = identifiers.c
    named = listed(conn, ["provider", "kind", "value"], asked)
    same = (c.provider == named.c.provider) & (c.kind == named.c.kind) & (c.value == named.c.value)
    return conn.execute(select(c.provider, c.kind, c.value, c.membership).join(named, same))


def _teaches(subscription: Subscription) -> list[Identifier]:
    provider = subscription.ref.provider
    told = zip(_TAUGHT, (subscription.ref.id, subscription.customer, subscription.payer), strict=True)
    return [(provider, by, value) for by, value in told if value]


def _bindable(kept: Kept) -> Charge | Subscription:
    """The fact as something that `bind` takes: whatever names an agreement or a customer is bound as a charge is."""
    fact = kept.fact
    if isinstance(fact, Charge | Subscription):
        return fact
    told: dict[str, Any] = {name: getattr(fact, name, None) for name in ("subscription", "customer", "named", "email")}
    return replace(Charge(fact.ref, fact.told_at, ChargeState.FAILED, _NOTHING, fact.told_at), **told)


def _bills(kept: Kept, paid: Paid) -> tuple[Invoice, ...]:
    if isinstance(kept.fact, Charge):
        return paid.of(kept.fact)
    if isinstance(kept.fact, FailedPayment):
        bill = paid.invoices.get((kept.fact.ref.provider, kept.fact.invoice or ""))
        return () if bill is None else (bill,)
    return ()
