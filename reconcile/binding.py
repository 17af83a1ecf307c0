"""How a charge or a subscription finds its membership. What fits several is never guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from reconcile.facts import Charge, Invoice, InvoicePayment, Subscription
from reconcile.ledger import BoundBy

Name = tuple[str, str]  # provider, id
_Link = tuple[str, str, str]  # "charge" or "intent", provider, id

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


@dataclass(frozen=True, slots=True)
class Paid:
    """Invoices and the payments that link them to charges, ready to be asked charge by charge."""

    invoices: dict[Name, Invoice] = field(default_factory=dict)
    linked: dict[_Link, list[Invoice]] = field(default_factory=dict)
    payments: dict[_Link, list[InvoicePayment]] = field(default_factory=dict)

    @staticmethod
    def by(facts: Iterable[object]) -> Paid:
        """The invoices and payments among `facts`."""
        paid = Paid()
        for fact in facts:
            if isinstance(fact, Invoice):
                paid.invoices[fact.ref.provider, fact.ref.id] = fact
                for link in _links_of(fact):
                    paid.linked.setdefault(link, []).append(fact)
            elif isinstance(fact, InvoicePayment):
                for link in _links_of(fact):
                    paid.payments.setdefault(link, []).append(fact)
        return paid

    def of(self, charge: Charge) -> tuple[Invoice, ...]:
        """The invoices that a charge paid, by id."""
        if not self.invoices:
            return ()
        payments = self.payments_of(charge)
        provider = charge.ref.provider
        named = {(provider, id_ or "") for id_ in (charge.invoice, *(payment.invoice for payment in payments))}
        near = [bill for name in named if (bill := self.invoices.get(name)) is not None]
        near += [bill for link in _links_of(charge) for bill in self.linked.get(link, ())]
        return invoices_of(charge, tuple({bill.ref: bill for bill in near}.values()), payments) if near else ()

    def payments_of(self, charge: Charge) -> tuple[InvoicePayment, ...]:
        """The payments that link a charge to invoices, by id."""
        if not self.payments:
            return ()
        found = {payment.ref: payment for link in _links_of(charge) for payment in self.payments.get(link, ())}
        return tuple(found[ref] for ref in sorted(found))


def _links_of(fact: Charge | Invoice | InvoicePayment) -> list[_Link]:
    """By what charges on the one side and invoices and payments on the other know each other."""
    charge = fact.ref.id if isinstance(fact, Charge) else fact.charge
    told = (("charge", charge), ("intent", fact.intent))
    return [(by, fact.ref.provider, id_) for by, id_ in told if id_]


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
