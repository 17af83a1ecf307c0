"""How charges, invoices, invoice payments, refunds and disputes hang together: by charge id, intent and invoice id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from reconcile.binding import invoices_of
from reconcile.facts import Charge, Credit, Dispute, Fact, FailedPayment, Invoice, InvoicePayment, Refund
from worker.codec import FactKey
from worker.store.rows import Kept, Look, find

Name = tuple[str, str]  # provider, id
OUR_BOOKS = "makegood"  # whose the credits are that no provider keeps a balance for


@dataclass(frozen=True, slots=True)
class Paid:
    """Invoices and the payments that link them to charges, ready to be asked charge by charge."""

    invoices: dict[Name, Invoice] = field(default_factory=dict)
    linked: dict[tuple[str, str, str], list[Invoice]] = field(default_factory=dict)  # by ("charge" or "intent", name)
    payments: dict[tuple[str, str, str], list[InvoicePayment]] = field(default_factory=dict)

    def of(self, charge: Charge) -> tuple[Invoice, ...]:
        """The invoices that a charge paid, by id."""
        payments = self.payments_of(charge)
        named = {
            (charge.ref.provider, id_ or "") for id_ in (charge.invoice, *(payment.invoice for payment in payments))
        }
        near = [bill for name in named if (bill := self.invoices.get(name)) is not None]
        near += [bill for link in _links(charge) for bill in self.linked.get(link, ())]
        return invoices_of(charge, tuple({bill.ref: bill for bill in near}.values()), payments) if near else ()

    def payments_of(self, charge: Charge) -> tuple[InvoicePayment, ...]:
        """The payments that link a charge to invoices, by id."""
        found = {payment.ref: payment for link in _links(charge) for payment in self.payments.get(link, ())}
        return tuple(found[ref] for ref in sorted(found))


def paid_by(conn: Connection, facts: Iterable[Fact]) -> Paid:
    """What the charges (and failed payments) among `facts` paid or were to pay."""
    charges = [fact for fact in facts if isinstance(fact, Charge)]
    failed = [fact for fact in facts if isinstance(fact, FailedPayment)]
    ids = {(charge.ref.provider, charge.ref.id) for charge in charges}
    intents = _names(charges, "intent")
    linked = find(
        conn,
        Look("charge", ("invoice", "invoice_payment"), ids),
        Look("intent", ("invoice", "invoice_payment"), intents),
        Look("object_id", ("invoice",), _names(charges, "invoice") | _names(failed, "invoice")),
    )
    named = _names([kept.fact for kept in linked.values() if isinstance(kept.fact, InvoicePayment)], "invoice")
    have = {(provider, id_) for provider, kind, id_ in linked if kind == "invoice"}
    linked |= find(conn, Look("object_id", ("invoice",), named - have))
    return _paid(kept.fact for kept in linked.values())


def charges_of(conn: Connection, facts: Iterable[Fact]) -> dict[FactKey, Kept]:
    """The charges that these refunds, disputes, credits, invoices and payments concern, and the failed payments of the
    invoices."""
    told = [fact for fact in facts if isinstance(fact, Refund | Dispute | Credit | Invoice | InvoicePayment)]
    bills = [fact for fact in told if isinstance(fact, Invoice)]
    ids = {(bill.ref.provider, bill.ref.id) for bill in bills}
    payments = [kept.fact for kept in find(conn, Look("invoice", ("invoice_payment",), ids)).values()]
    told += [fact for fact in payments if isinstance(fact, InvoicePayment)]
    return find(
        conn,
        Look("object_id", ("charge",), _names(told, "charge")),
        Look("intent", ("charge",), _names(told, "intent")),
        Look("invoice", ("charge", "failed_payment"), ids),
    )


def _names(facts: Iterable[Fact], name: str) -> set[Name]:
    return {(provider_of(fact), value) for fact in facts if (value := getattr(fact, name, None))}


def provider_of(fact: Fact) -> str:
    """Whose objects a fact names. A credit on our own books names the charge of a provider."""
    return (fact.charge_provider if isinstance(fact, Credit) else None) or fact.ref.provider


def _paid(facts: Iterable[Fact]) -> Paid:
    paid = Paid()
    for fact in facts:
        if isinstance(fact, Invoice):
            paid.invoices[fact.ref.provider, fact.ref.id] = fact
            for link in _links(fact):
                paid.linked.setdefault(link, []).append(fact)
        if isinstance(fact, InvoicePayment):
            for link in _links(fact):
                paid.payments.setdefault(link, []).append(fact)
    return paid


def _links(fact: Charge | Invoice | InvoicePayment) -> list[tuple[str, str, str]]:
    """By what charges on the one side and invoices and payments on the other know each other."""
    charge = fact.ref.id if isinstance(fact, Charge) else fact.charge
    told = (("charge", charge), ("intent", fact.intent))
    return [(by, fact.ref.provider, id_) for by, id_ in told if id_]
