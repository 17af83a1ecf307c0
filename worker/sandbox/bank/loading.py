"""The made-up merchant's past, put into the bank: what its providers would know of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import cast

from worker.sandbox import paypal_events, stripe_objects
from worker.sandbox.bank.book import Agreement as Known
from worker.sandbox.bank.book import Back, Book, Case, CaseStatus, Provider, Taken
from worker.sandbox.merchant import AGREEMENT_V1, BASIL, Agreement, Charge, Dispute, Failure, Happening, Member
from worker.sandbox.stories import World

_ENDED = frozenset({"ended_by_person", "ended_by_provider"})


def load(book: Book, made: World, until: datetime | None = None) -> None:
    """Everything that was charged, tried, given back, disputed and agreed in the world, in place of whatever the book
    held: as it stands at `until`, or on the world's last evening."""
    end = min(until or made.end, made.end)
    book.forget()
    for member in made.members:
        for agreement in member.agreements:
            _agree(book, member, agreement, end)
        for charge in member.charges:
            _take(book, charge, end)
        _try(book, member, end)
        _bill(book, member, end)
    for charge in made.strangers:
        _take(book, charge, end)


def _bill(book: Book, member: Member, end: datetime) -> None:
    """The invoices that were paid by then, with what paid them."""
    for invoice in member.invoices:
        paid_by = next((one for one in member.charges if one.invoice is invoice), None)
        if (paid_by.at if paid_by else invoice.at) >= end:
            continue
        currency = paid_by.currency if paid_by else member.plan.currency
        told = stripe_objects.invoice_object(invoice, BASIL, currency, member.email, paid_by)
        told["payments"] = [stripe_objects.invoice_payment_object(invoice, paid_by)] if paid_by else []
        book.invoices[invoice.id] = told


def _try(book: Book, member: Member, end: datetime) -> None:
    """Stripe's attempts that failed, and the invoices that they left open."""
    tried: dict[str, int] = {}
    for failure in sorted(member.failures, key=lambda one: one.at):
        if failure.at >= end or failure.attempt is None or failure.invoice is None:
            continue
        _take(book, failure.attempt, end, failed=True)
        times = tried[failure.invoice.id] = tried.get(failure.invoice.id, 0) + 1
        told = stripe_objects.invoice_object(
            failure.invoice, BASIL, member.plan.currency, member.email, None, failed_attempts=times
        )
        book.invoices[failure.invoice.id] = told


def _take(book: Book, charge: Charge, end: datetime, *, failed: bool = False) -> None:
    if charge.at >= end:
        return
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
            captured=charge.captured and not failed,
            failed=failed,
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


def _agree(book: Book, member: Member, agreement: Agreement, end: datetime) -> None:
    """Only agreements of which something was told are known at their provider."""
    happened = sorted(one for one in agreement.happenings if one[0] < end)
    if not happened:
        return
    stripe = agreement.provider == "stripe"
    shown = _stripe(member, agreement, happened) if stripe else _paypal(member, agreement, happened[-1], end)
    version = "v1" if agreement.shape == AGREEMENT_V1 else "v2"
    begun = happened[0][0]
    known = Known(agreement.subscription, agreement.provider, begun, shown, "v1" if version == "v1" else "v2")
    book.agreements[known.id] = known


def _stripe(member: Member, agreement: Agreement, happened: list[tuple[datetime, Happening]]) -> stripe_objects.Json:
    at, last = happened[-1]
    asked = [when for when, what in happened if what == "cancel_planned"]
    asked_at = asked[-1] if asked and last in _ENDED | {"cancel_planned"} else None
    modern = replace(agreement, shape=BASIL)
    yearly = member.plan.every == "year"
    return stripe_objects.subscription_object(modern, at, last, asked_at, member.plan.currency, yearly=yearly)


def _paypal(
    member: Member, agreement: Agreement, last: tuple[datetime, Happening], end: datetime
) -> paypal_events.Json:
    """With its last failed payment, the only one that PayPal's API still tells of."""
    states = {"ended_by_person": "CANCELLED", "suspended": "SUSPENDED"}
    failed: list[Failure] = sorted(
        (one for one in member.failures if one.agreement is agreement and one.at < end), key=lambda one: one.at
    )
    at, what = last
    return paypal_events.agreement_object(member, agreement, states.get(what, "ACTIVE"), at, failed)
