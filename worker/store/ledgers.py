"""Ledgers: everything known of a membership, gathered for many memberships at once in a few statements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlalchemy import Connection

from reconcile.binding import Paid
from reconcile.facts import (
    Charge,
    Credit,
    Dispute,
    Fact,
    FailedPayment,
    Invoice,
    InvoicePayment,
    Ref,
    Refund,
    Subscription,
)
from reconcile.ledger import BoundCharge, Ledger, StrayCharge
from reconcile.membership import Membership
from worker.store.asked import with_claims
from worker.store.links import GivenBack, given_back, paid_by
from worker.store.nights import open_gaps
from worker.store.roster import by_ref
from worker.store.rows import Bound, Look, find, of_memberships

F = TypeVar("F", bound=Fact)


def load_ledgers(conn: Connection, refs: Sequence[str]) -> list[Ledger]:
    """The ledgers of these memberships, in their order; their facts in the order of their keys."""
    members = by_ref(conn, refs)
    bound = of_memberships(conn, members)
    paid = paid_by(conn, [one.fact for many in bound.values() for one in many])
    # Of a plain charge nothing went back: that is part of its being plain.
    back = given_back(conn, [one.fact for many in bound.values() for one in many if not one.plain])
    gaps = open_gaps(conn)
    besides = _Besides(paid, back)
    ledgers = [_ledger(membership, bound.get(ref, []), besides) for ref, membership in members.items()]
    told = [replace(ledger, complete=False) if _touched_by(gaps, ledger) else ledger for ledger in ledgers]
    return with_claims(conn, told)


@dataclass(frozen=True, slots=True)
class _Besides:
    """What was told of charges besides themselves: what they paid, and what of them went back."""

    paid: Paid
    back: GivenBack

    def of(self, charge: Charge) -> Sequence[Fact]:
        paid, back = self.paid, self.back
        if not (paid.invoices or paid.payments or back.named):
            return ()
        return (*paid.of(charge), *paid.payments_of(charge), *back.of(charge))


def _touched_by(gaps: Collection[str], ledger: Ledger) -> bool:
    """Whether facts may be missing: the picture of one of its providers is incomplete. A membership that is known by
    its e-mail alone could be charged by any."""
    providers = {agreement.provider for agreement in ledger.membership.agreements}
    providers |= {bound.charge.ref.provider for bound in ledger.charges}
    return any(provider in gaps for provider in providers) or bool(gaps and not ledger.membership.agreements)


def load_strays(conn: Connection, refs: Iterable[Ref]) -> dict[Ref, StrayCharge | None]:
    """What is known of these charges while no membership has them; None for one that a membership has."""
    named = {(ref.provider, ref.id) for ref in refs}
    found = find(conn, Look("object_id", ("charge",), named))
    back = given_back(conn, [kept.fact for kept in found.values()])
    strays: dict[Ref, StrayCharge | None] = {}
    for kept in found.values():
        if isinstance(kept.fact, Charge):
            free = kept.binding.membership is None
            strays[kept.fact.ref] = _stray(kept.fact, kept.binding.fits, back) if free else None
    return strays


def _stray(charge: Charge, fits: tuple[str, ...], back: GivenBack) -> StrayCharge:
    given = sorted(back.of(charge), key=lambda fact: fact.ref)
    refunds = tuple(fact for fact in given if isinstance(fact, Refund))
    return StrayCharge(charge, fits, refunds, tuple(fact for fact in given if isinstance(fact, Dispute)))


def _ledger(membership: Membership, bound: Sequence[Bound], besides: _Besides) -> Ledger:
    charges = []
    others: dict[type, dict[Ref, Fact]] = {}  # each once, by reference
    for fact, by, _ in bound:
        told: Sequence[Fact] = (fact,)
        if isinstance(fact, Charge):
            told = ()
            if by is not None:
                charges.append(BoundCharge(fact, by))
                told = besides.of(fact)
        for other in told:
            others.setdefault(type(other), {})[other.ref] = other
    charges.sort(key=lambda one: one.charge.ref)
    if not others:
        return Ledger(membership, tuple(charges))
    return Ledger(
        membership,
        tuple(charges),
        invoices=_sorted(others, Invoice),
        invoice_payments=_sorted(others, InvoicePayment),
        failed_payments=_sorted(others, FailedPayment),
        refunds=_sorted(others, Refund),
        disputes=_sorted(others, Dispute),
        subscriptions=_sorted(others, Subscription),
        credits=_sorted(others, Credit),
    )


def _sorted(others: Mapping[type, Mapping[Ref, Fact]], cls: type[F]) -> tuple[F, ...]:
    """The facts of one type, by reference."""
    found = others.get(cls, {})
    return tuple(fact for ref in sorted(found) if isinstance(fact := found[ref], cls))
