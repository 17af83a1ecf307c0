"""How charges, invoices, invoice payments, refunds and disputes hang together: by charge id, intent and invoice id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from reconcile.binding import Name, Paid
from reconcile.facts import Charge, Credit, Dispute, Fact, FailedPayment, Invoice, InvoicePayment, Refund
from worker.codec import FactKey
from worker.store.rows import Kept, Look, find

Back = Refund | Dispute | Credit
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


@dataclass(frozen=True, slots=True)
class GivenBack:
    """Refunds, disputes and credits, ready to be asked charge by charge."""

    named: dict[tuple[str, str, str], list[Back]] = field(default_factory=dict)

    def of(self, fact: Fact) -> list[Back]:
        """What was told of a charge's money going back; of other facts nothing."""
        if not self.named or not isinstance(fact, Charge):
            return []
        provider = fact.ref.provider
        found = list(self.named.get(("charge", provider, fact.ref.id), ()))
        return found + self.named.get(("intent", provider, fact.intent), []) if fact.intent else found


def given_back(conn: Connection, facts: Iterable[Fact]) -> GivenBack:
    """What was told of the money of the charges among `facts` going back."""
    charges = [fact for fact in facts if isinstance(fact, Charge)]
    ids = {(charge.ref.provider, charge.ref.id) for charge in charges}
    found = find(
        conn,
        Look("charge", ("refund", "dispute", "credit"), ids),
        Look("charge", ("credit",), {(OUR_BOOKS, id_) for _, id_ in ids}),
        Look("intent", ("refund", "dispute"), _names(charges, "intent")),
    )
    back = GivenBack()
    for kept in found.values():
        fact = kept.fact
        if isinstance(fact, Refund | Dispute | Credit):
            # What names a charge belongs to that one; an intent may have had several charges, of which one succeeded.
            by, name = ("charge", fact.charge) if fact.charge else ("intent", getattr(fact, "intent", None))
            back.named.setdefault((by, provider_of(fact), str(name)), []).append(fact)
    return back


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
