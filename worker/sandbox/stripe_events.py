"""Stripe's side of the world: the events that a merchant's endpoint would receive, in the version it is pinned to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from worker.sandbox import stripe_objects as objects
from worker.sandbox.merchant import OLD, Agreement, Charge, Failure, Member
from worker.sandbox.names import Names
from worker.sandbox.telling import Told, stripe_bytes, unix

_SOON = timedelta(seconds=2)


def event(names: Names, kind: str, at: datetime, told: dict[str, Any], shape: str) -> Told:
    """One event around the object that it tells of."""
    body = {
        "id": names.stripe("evt"),
        "object": "event",
        "api_version": shape,
        "created": unix(at),
        "data": {"object": told},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }
    return Told("stripe", at, stripe_bytes(body))


def tell(member: Member, names: Names) -> Iterator[Told]:
    """Everything that Stripe tells of one member."""
    for agreement in member.agreements:
        if agreement.provider == "stripe":
            yield from _agreement(member, agreement, names)
    for failure in member.failures:
        if failure.agreement.provider == "stripe":
            yield from _failure(member, failure, names)
    for charge in member.charges:
        if charge.provider == "stripe":
            yield from tell_charge(charge, names)
    yield from _invoices(member, names)


def tell_charge(charge: Charge, names: Names) -> Iterator[Told]:
    """A charge, what was given back of it, and its dispute."""
    yield event(names, "charge.succeeded", charge.at, objects.charge_object(charge, []), charge.shape)
    if charge.invoice and charge.shape != OLD:
        link = objects.invoice_payment_object(charge.invoice, charge)
        yield event(names, "invoice_payment.paid", charge.at + _SOON, link, charge.shape)
    yield from _refunds(charge, names)
    if charge.dispute:
        dispute = charge.dispute
        opened = objects.dispute_object(charge, dispute, "needs_response")
        yield event(names, "charge.dispute.created", dispute.at, opened, charge.shape)
        if dispute.closed_at:
            closed = objects.dispute_object(charge, dispute, "won" if dispute.won else "lost")
            yield event(names, "charge.dispute.closed", dispute.closed_at, closed, charge.shape)


def _refunds(charge: Charge, names: Names) -> Iterator[Told]:
    """Older versions tell of a refund inside its charge, newer ones by events of its own."""
    for refund in charge.refunds:
        if charge.shape != OLD:
            status = "pending" if refund.failed_at else "succeeded"
            made = objects.refund_object(charge, refund, status)
            yield event(names, "refund.created", refund.at, made, charge.shape)
        if refund.failed_at:
            failed = objects.refund_object(charge, refund, "failed")
            yield event(names, "refund.failed", refund.failed_at, failed, charge.shape)
        else:
            so_far = objects.charge_object(charge, charge.refunds)
            yield event(names, "charge.refunded", refund.at + _SOON, so_far, charge.shape)


def _invoices(member: Member, names: Names) -> Iterator[Told]:
    for invoice in member.invoices:
        paid_by = [charge for charge in member.charges if charge.invoice is invoice]
        shape = invoice.agreement.shape if invoice.agreement else member.agreements[0].shape
        last = paid_by[-1] if paid_by else None
        currency = last.currency if last else member.plan.currency
        at = last.at if last else invoice.at
        told = objects.invoice_object(invoice, shape, currency, member.email, last)
        yield event(names, "invoice.paid", at + _SOON, told, shape)
        if names.rng.random() < 0.1:
            yield event(names, "invoice.payment_succeeded", at + _SOON, told, shape)


def _failure(member: Member, failure: Failure, names: Names) -> Iterator[Told]:
    """A failed attempt: the charge that took nothing, and the invoice that stays open."""
    if failure.invoice is None:
        raise ValueError("on Stripe a failed attempt belongs to an invoice")
    shape = failure.agreement.shape
    earlier = [other for other in member.failures if other.invoice is failure.invoice and other.at <= failure.at]
    attempt = Charge(
        names.stripe("ch"), "stripe", "charge", failure.at, failure.minor, member.plan.currency,
        customer=failure.agreement.customer, email=member.email, invoice=failure.invoice, shape=shape,
    )  # fmt: skip
    failure.attempt = attempt
    told = objects.charge_object(attempt, [], failed=True)
    yield event(names, "charge.failed", failure.at, told, shape)
    invoice = objects.invoice_object(
        failure.invoice, shape, member.plan.currency, member.email, None, failed_attempts=len(earlier)
    )
    yield event(names, "invoice.payment_failed", failure.at + _SOON, invoice, shape)


def _agreement(member: Member, agreement: Agreement, names: Names) -> Iterator[Told]:
    kinds = {"begun": "created", "ended_by_person": "deleted", "ended_by_provider": "deleted"}
    asked_at: datetime | None = None
    for at, happening in sorted(agreement.happenings):
        if happening == "cancel_planned":
            asked_at = at
        if happening == "cancel_withdrawn":
            asked_at = None
        yearly = member.plan.every == "year"
        told = objects.subscription_object(agreement, at, happening, asked_at, member.plan.currency, yearly=yearly)
        kind = f"customer.subscription.{kinds.get(happening, 'updated')}"
        yield event(names, kind, at, told, agreement.shape)
