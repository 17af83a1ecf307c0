"""The made-up merchant's past, put into the bank: what its providers would know of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import cast

from worker.sandbox import paypal_events, stripe_objects
from worker.sandbox.bank.book import Agreement as Known
from worker.sandbox.bank.book import Back, Book, Case, CaseStatus, Provider, Taken
from worker.sandbox.merchant import AGREEMENT_V1, BASIL, Agreement, Charge, Dispute, Happening, Member
from worker.sandbox.stories import World

_ENDED = frozenset({"ended_by_person", "ended_by_provider"})


def load(book: Book, made: World) -> None:
    """Everything that was charged, given back, disputed and agreed in the world, as it stands on its last evening."""
    for member in made.members:
        for agreement in member.agreements:
            _agree(book, member, agreement)
        for charge in member.charges:
            _take(book, charge, made.end)
        for invoice in member.invoices:
            paid_by = next((one for one in member.charges if one.invoice is invoice), None)
            currency = paid_by.currency if paid_by else member.plan.currency
            told = stripe_objects.invoice_object(invoice, BASIL, currency, member.email, paid_by)
            told["payments"] = [stripe_objects.invoice_payment_object(invoice, paid_by)] if paid_by else []
            book.invoices[invoice.id] = told
    for charge in made.strangers:
        _take(book, charge, made.end)


def _take(book: Book, charge: Charge, end: datetime) -> None:
    agreement = charge.agreement
    taken = book.take(
        Taken(
            id=charge.id,
            provider=cast("Provider", charge.provider),
            kind=charge.kind,
            minor=charge.minor,
            currency=charge.currency,
            at=charge.at,
            customer=charge.customer,
            email=charge.email,
            intent=charge.intent,
            agreement=agreement.subscription if agreement and charge.provider == "paypal" else None,
            of_agreement_v1=agreement is not None and agreement.shape == AGREEMENT_V1,
            named=charge.named,
            order=f"{charge.id[::-1]}" if charge.kind == "capture" else None,
            tax_minor=charge.tax_minor,
            captured=charge.captured,
        )
    )
    for refund in charge.refunds:
        if refund.at >= end:
            continue
        failed = refund.failed_at is not None and refund.failed_at < end
        back = Back(refund.id, taken, refund.minor, refund.at, changed_at=refund.failed_at if failed else None)
        if failed:
            back.status, back.why_failed = "failed", "expired_or_canceled_card"
        book.remember(back)
    if charge.dispute is not None and charge.dispute.at < end:
        book.cases[charge.dispute.id] = _case(charge.dispute, taken, end)


def _case(dispute: Dispute, taken: Taken, end: datetime) -> Case:
    closed_at = dispute.closed_at if dispute.closed_at is not None and dispute.closed_at < end else None
    status: CaseStatus = "open" if closed_at is None else "won" if dispute.won else "lost"
    return Case(dispute.id, taken, dispute.at, status, closed_at)


def _agree(book: Book, member: Member, agreement: Agreement) -> None:
    """Only agreements of which something was told are known at their provider."""
    if not agreement.happenings:
        return
    at, last = max(agreement.happenings)
    shown = _stripe(member, agreement, last) if agreement.provider == "stripe" else _paypal(member, agreement, at, last)
    version = "v1" if agreement.shape == AGREEMENT_V1 else "v2"
    begun = min(agreement.happenings)[0]
    known = Known(agreement.subscription, agreement.provider, begun, shown, "v1" if version == "v1" else "v2")
    book.agreements[known.id] = known


def _stripe(member: Member, agreement: Agreement, last: Happening) -> stripe_objects.Json:
    at, _ = max(agreement.happenings)
    asked = [when for when, what in sorted(agreement.happenings) if what == "cancel_planned"]
    asked_at = asked[-1] if asked and last in _ENDED | {"cancel_planned"} else None
    modern = replace(agreement, shape=BASIL)
    yearly = member.plan.every == "year"
    return stripe_objects.subscription_object(modern, at, last, asked_at, member.plan.currency, yearly=yearly)


def _paypal(member: Member, agreement: Agreement, at: datetime, last: Happening) -> paypal_events.Json:
    states = {"ended_by_person": "CANCELLED", "suspended": "SUSPENDED"}
    return paypal_events.agreement_object(member, agreement, states.get(last, "ACTIVE"), at)
