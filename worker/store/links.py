"""How charges, invoices, invoice payments, refunds and disputes hang together: by charge id, intent and invoice id."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from reconcile.binding import Name, Paid
from reconcile.facts import Charge, Credit, Dispute, Fact, FailedPayment, Invoice, InvoicePayment, Refund
from worker.codec import FactKey
from worker.store.rows import Kept, Look, find

OUR_BOOKS = "makegood"  # whose the credits are that no provider keeps a balance for


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
    return Paid.by(kept.fact for kept in linked.values())


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
