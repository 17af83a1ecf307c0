"""How a charge or a subscription finds its membership. What fits several is never guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from reconcile.facts import Charge, Invoice, InvoicePayment, Subscription
from reconcile.ledger import BoundBy

# (provider, kind, value) -> the memberships that the roster knows by it. E-mail and names belong to no provider ("").
Directory = Callable[[str, BoundBy, str], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Binding:
    """`membership` with `by` what; or neither, and the memberships that it fits (none, or several)."""

    membership: str | None = None
    by: BoundBy | None = None
    fits: tuple[str, ...] = ()


def bind(fact: Charge | Subscription, invoices: Sequence[Invoice], directory: Directory) -> Binding:
    """The membership of a charge (with the invoices it paid) or subscription: the first identifier that any
    membership is known by decides; where that one fits several memberships, none is chosen."""
    for provider, by, value in _identifiers(fact, invoices):
        members = directory(provider, by, value)
        if len(members) == 1:
            return Binding(next(iter(members)), by)
        if members:
            return Binding(fits=tuple(sorted(members)))
    return Binding()


def _identifiers(fact: Charge | Subscription, invoices: Sequence[Invoice]) -> Iterator[tuple[str, BoundBy, str]]:
    provider = fact.ref.provider
    agreement = fact.subscription if isinstance(fact, Charge) else fact.ref.id
    told = [(BoundBy.SUBSCRIPTION, agreement)]
    told += [(BoundBy.SUBSCRIPTION, invoice.subscription) for invoice in invoices]
    told += [(BoundBy.CUSTOMER, fact.customer)]
    told += [(BoundBy.CUSTOMER, invoice.customer) for invoice in invoices]
    told += [(BoundBy.PAYER, fact.payer), (BoundBy.NAMED, fact.named)]
    told += [(BoundBy.NAMED, invoice.named) for invoice in invoices]
    told += [(BoundBy.EMAIL, fact.email)]
    told += [(BoundBy.EMAIL, invoice.email) for invoice in invoices]
    for by, value in told:
        if value:
            yield ("" if by in (BoundBy.NAMED, BoundBy.EMAIL) else provider), by, value


def invoices_of(charge: Charge, invoices: Sequence[Invoice], payments: Sequence[InvoicePayment]) -> tuple[Invoice, ...]:
    """The invoices that a charge paid, by its own word, the invoice's, or the payment that links them; by id."""
    named = {charge.invoice} if charge.invoice else set()
    named |= {p.invoice for p in payments if _links(p, charge)}
    paid = [
        invoice
        for invoice in invoices
        if invoice.ref.provider == charge.ref.provider
        and (
            invoice.ref.id in named
            or invoice.charge == charge.ref.id
            or (invoice.intent is not None and invoice.intent == charge.intent)
        )
    ]
    return tuple(sorted(paid, key=lambda invoice: invoice.ref))


def _links(payment: InvoicePayment, charge: Charge) -> bool:
    if payment.ref.provider != charge.ref.provider:
        return False
    return payment.charge == charge.ref.id or (payment.intent is not None and payment.intent == charge.intent)
