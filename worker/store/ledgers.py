"""Ledgers: everything known of a membership, gathered for many memberships at once in a few statements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
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
from worker.store.rows import BOUND, Kept, Look, find

F = TypeVar("F", bound=Fact)


def load_ledgers(conn: Connection, refs: Sequence[str]) -> list[Ledger]:
    """The ledgers of these memberships, in their order; their facts in the order of their keys."""
    members = by_ref(conn, refs)
    bound: dict[str, list[Kept]] = {}
    for kept in find(conn, Look("membership", BOUND, [(ref,) for ref in members])).values():
        bound.setdefault(str(kept.binding.membership), []).append(kept)
    everything = [kept.fact for many in bound.values() for kept in many]
    paid = paid_by(conn, everything)
    # Of a plain charge nothing went back: that is part of its being plain.
    back = given_back(conn, [kept.fact for many in bound.values() for kept in many if not kept.gist.plain])
    gaps = open_gaps(conn)
    ledgers = [_ledger(membership, bound.get(ref, []), paid, back) for ref, membership in members.items()]
    told = [replace(ledger, complete=False) if _touched_by(gaps, ledger) else ledger for ledger in ledgers]
    return with_claims(conn, told)


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
    given = back.of(charge)
    return StrayCharge(charge, fits, _sorted(given, Refund), _sorted(given, Dispute))


def _ledger(membership: Membership, bound: Sequence[Kept], paid: Paid, back: GivenBack) -> Ledger:
    facts = [kept.fact for kept in bound]
    charges = []
    for kept in bound:
        if isinstance(kept.fact, Charge) and kept.binding.by is not None:
            charges.append(BoundCharge(kept.fact, kept.binding.by))
            facts += [*paid.of(kept.fact), *paid.payments_of(kept.fact), *back.of(kept.fact)]
    return Ledger(
        membership,
        tuple(sorted(charges, key=lambda one: one.charge.ref)),
        invoices=_sorted(facts, Invoice),
        invoice_payments=_sorted(facts, InvoicePayment),
        failed_payments=_sorted(facts, FailedPayment),
        refunds=_sorted(facts, Refund),
        disputes=_sorted(facts, Dispute),
        subscriptions=_sorted(facts, Subscription),
        credits=_sorted(facts, Credit),
    )


def _sorted(facts: Iterable[Fact], cls: type[F]) -> tuple[F, ...]:
    """The facts of one type, each once, by reference."""
    found = {fact.ref: fact for fact in facts if isinstance(fact, cls)}
    return tuple(found[ref] for ref in sorted(found))
