"""Invoices and what links them to charges, as facts. Both shapes are read: the API moved every link in its version of
2025-03-31, and a merchant's endpoint may be on either side."""

from __future__ import annotations

from datetime import datetime

from handlers.currencies import currency_code
from handlers.strict_json import JsonObject, child, children, flag, integer, needed, text
from handlers.stripe.charges import API, named
from handlers.stripe.reading import PROVIDER, minor, moment, money, ref, reference
from reconcile.facts import (
    Charge,
    ChargeState,
    Fact,
    FailedPayment,
    Invoice,
    InvoiceLine,
    InvoicePayment,
    InvoiceReason,
    Ref,
)
from reconcile.money import Money

_REASONS = {
    "subscription_cycle": InvoiceReason.RENEWAL,
    "subscription_create": InvoiceReason.FIRST,
    "subscription_update": InvoiceReason.CHANGE,
    "manual": InvoiceReason.MANUAL,
}


def invoice_facts(invoice: JsonObject, told_at: datetime) -> tuple[Fact, ...]:
    """The invoice; the payments listed in it; and the charge that an older API version names in a paid one, so that a
    missing `charge.succeeded` loses nothing."""
    fact = _invoice(invoice, told_at)
    payments = [invoice_payment_fact(payment, told_at) for payment in children(invoice, "payments", "data")]
    mention = _mentioned_charge(invoice, fact)
    return (fact, *([mention] if mention else []), *payments)


def failed_payment(invoice: JsonObject, told_at: datetime) -> FailedPayment:
    """The failed attempt that `invoice.payment_failed` tells of; each attempt of an invoice is one fact."""
    fact = _invoice(invoice, told_at)
    currency = needed(fact.currency, "currency")
    remaining = minor(invoice, currency, "amount_remaining")
    return FailedPayment(
        ref=Ref(PROVIDER, f"{fact.ref.id}:{integer(invoice, 'attempt_count') or 0}"),
        told_at=told_at,
        failed_at=told_at,
        amount=money(invoice, "amount_due"),
        outstanding=None if remaining is None else Money(remaining, currency),
        subscription=fact.subscription,
        customer=fact.customer,
        invoice=fact.ref.id,
    )


def invoice_payment_fact(payment: JsonObject, told_at: datetime) -> InvoicePayment:
    """The link between an invoice and the charge or payment intent that paid it."""
    currency = needed(text(payment, "currency"), "currency")
    return InvoicePayment(
        ref=ref(payment),
        told_at=told_at,
        invoice=needed(reference(payment, "invoice"), "invoice"),
        charge=reference(payment, "payment", "charge"),
        intent=reference(payment, "payment", "payment_intent"),
        amount_minor=minor(payment, currency, "amount_paid"),
        status=text(payment, "status"),
    )


def _invoice(invoice: JsonObject, told_at: datetime) -> Invoice:
    currency = currency_code(needed(text(invoice, "currency"), "currency"))
    out_of_band = _out_of_band(invoice)
    reason = text(invoice, "billing_reason")
    return Invoice(
        ref=ref(invoice),
        told_at=told_at,
        status=text(invoice, "status"),
        currency=currency,
        total_minor=minor(invoice, currency, "total"),
        paid_minor=_paid_minor(invoice, currency),
        tax_minor=_tax_minor(invoice, currency),
        reason=None if reason is None else _REASONS.get(reason, InvoiceReason.OTHER),
        subscription=_subscription(invoice),
        customer=reference(invoice, "customer"),
        named=_named(invoice),
        email=text(invoice, "customer_email") or None,
        charge=reference(invoice, "charge"),
        intent=reference(invoice, "payment_intent"),
        out_of_band=out_of_band,
        lines=tuple(_line(line, currency) for line in children(invoice, "lines", "data")),
    )


def _mentioned_charge(invoice: JsonObject, fact: Invoice) -> Charge | None:
    if not (fact.charge and fact.currency and fact.paid_minor and fact.status == "paid"):
        return None
    return Charge(
        ref=Ref(PROVIDER, fact.charge),
        told_at=fact.told_at,
        state=ChargeState.TAKEN,
        amount=Money(fact.paid_minor, fact.currency),
        taken_at=moment(invoice, "status_transitions", "paid_at") or fact.told_at,
        subscription=fact.subscription,
        customer=fact.customer,
        named=fact.named,
        email=fact.email,
        invoice=fact.ref.id,
        intent=fact.intent,
        live=flag(invoice, "livemode"),
        kind=API,
        detail=1,
    )


def _out_of_band(invoice: JsonObject) -> bool | None:
    off_stripe = integer(invoice, "amount_paid_off_stripe")
    return flag(invoice, "paid_out_of_band") if off_stripe is None else off_stripe > 0


def _paid_minor(invoice: JsonObject, currency: str) -> int | None:
    """What charges paid: money that the merchant got by other ways is not among it."""
    paid = minor(invoice, currency, "amount_paid")
    if paid is None or flag(invoice, "paid_out_of_band"):
        return None if paid is None else 0
    return max(0, paid - (minor(invoice, currency, "amount_paid_off_stripe") or 0))


def _tax_minor(invoice: JsonObject, currency: str) -> int | None:
    """Tax on top of the lines. Tax that is inside the price is part of it, and not counted here."""
    listed = "total_taxes" if "total_taxes" in invoice else "total_tax_amounts"
    if listed not in invoice:
        return minor(invoice, currency, "tax")
    return sum(
        minor(tax, currency, "amount") or 0
        for tax in children(invoice, listed)
        if not flag(tax, "inclusive") and text(tax, "tax_behavior") != "inclusive"
    )


def _subscription(invoice: JsonObject) -> str | None:
    told = reference(invoice, "subscription") or reference(invoice, "parent", "subscription_details", "subscription")
    if told:
        return told
    of_lines = {_line_subscription(line) for line in children(invoice, "lines", "data")} - {None}
    # Lines of several subscriptions name none: nothing is guessed.
    return of_lines.pop() if len(of_lines) == 1 else None


def _named(invoice: JsonObject) -> str | None:
    return named(invoice) or named(invoice, "subscription_details") or named(invoice, "parent", "subscription_details")


def _line(line: JsonObject, currency: str) -> InvoiceLine:
    start, end = moment(line, "period", "start"), moment(line, "period", "end")
    # A one-off item has an empty period: it bills no time.
    bills_time = start is not None and end is not None and start < end
    discounts = sum(minor(d, currency, "amount") or 0 for d in children(line, "discount_amounts"))
    return InvoiceLine(
        period_start=start if bills_time else None,
        period_end=end if bills_time else None,
        amount_minor=needed(minor(line, currency, "amount"), "lines", "data", "amount") - discounts,
        proration=_proration(line),
        subscription=_line_subscription(line),
    )


def _line_details(line: JsonObject) -> JsonObject:
    """From 2025-03-31 on: the details of the kind of parent that the line has."""
    kind = text(line, "parent", "type")
    return (child(line, "parent", kind) if kind else None) or {}


def _proration(line: JsonObject) -> bool:
    return bool(flag(line, "proration") or flag(_line_details(line), "proration"))


def _line_subscription(line: JsonObject) -> str | None:
    return reference(line, "subscription") or reference(_line_details(line), "subscription")
