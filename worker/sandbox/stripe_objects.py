"""Stripe's objects in both shapes: before its API version of 2025-03-31, and since."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from worker.sandbox import reckoning
from worker.sandbox.merchant import OLD, Agreement, Charge, Dispute, Happening, Invoice, Line, Refund
from worker.sandbox.telling import unix

Json = dict[str, Any]


def charge_object(charge: Charge, refunds: list[Refund], *, failed: bool = False) -> Json:
    """The charge once `refunds` have been made; `failed` for an attempt that took nothing."""
    given_back = sum(refund.minor for refund in refunds)
    shown: Json = {
        "id": charge.id,
        "object": "charge",
        "amount": charge.minor,
        "amount_captured": charge.minor if charge.captured and not failed else 0,
        "amount_refunded": given_back,
        "balance_transaction": f"txn_{charge.id[3:]}" if charge.captured and not failed else None,
        "billing_details": {"address": {"country": "US"}, "email": charge.email, "name": None, "phone": None},
        "captured": charge.captured and not failed,
        "created": unix(charge.at),
        "currency": charge.currency.lower(),
        "customer": charge.customer,
        "description": "Subscription update" if charge.invoice else "Payment",
        "disputed": False,
        "failure_code": "card_declined" if failed else None,
        "livemode": False,
        "metadata": {},
        "paid": not failed,
        "payment_intent": charge.intent,
        "payment_method_details": {"card": {"brand": "visa", "country": "US", "last4": "4242"}, "type": "card"},
        "receipt_email": None,
        "refunded": given_back == charge.minor,
        "status": "failed" if failed else "succeeded",
    }
    if charge.shape == OLD:
        shown["invoice"] = charge.invoice.id if charge.invoice else None
        shown["refunds"] = {
            "object": "list",
            "data": [refund_object(charge, refund, "succeeded") for refund in refunds],
            "has_more": False,
            "total_count": len(refunds),
            "url": f"/v1/charges/{charge.id}/refunds",
        }
    return shown


def refund_object(charge: Charge, refund: Refund, status: str) -> Json:
    return {
        "id": refund.id,
        "object": "refund",
        "amount": refund.minor,
        "charge": charge.id,
        "created": unix(refund.at),
        "currency": charge.currency.lower(),
        "failure_reason": "expired_or_canceled_card" if status == "failed" else None,
        "metadata": {},
        "payment_intent": charge.intent,
        "reason": "requested_by_customer",
        "status": status,
    }


def dispute_object(charge: Charge, dispute: Dispute, status: str) -> Json:
    return {
        "id": dispute.id,
        "object": "dispute",
        "amount": charge.minor,
        "balance_transactions": [],
        "charge": charge.id,
        "created": unix(dispute.at),
        "currency": charge.currency.lower(),
        "evidence_details": {"due_by": unix(dispute.at) + 7 * 86400, "has_evidence": status != "needs_response"},
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge.intent,
        "reason": "duplicate",
        "status": status,
    }


def invoice_object(
    invoice: Invoice, shape: str, currency: str, email: str, charge: Charge | None, *, failed_attempts: int = 0
) -> Json:
    """The invoice: paid (by `charge`, by other means, or for nothing), or open after `failed_attempts`."""
    paid = failed_attempts == 0
    total = invoice.total_minor
    shown: Json = {
        "id": invoice.id,
        "object": "invoice",
        "amount_due": total,
        "amount_paid": total if paid else 0,
        "amount_remaining": 0 if paid else total,
        "attempt_count": failed_attempts or 1,
        "attempted": True,
        "billing_reason": invoice.reason,
        "collection_method": "charge_automatically",
        "created": unix(invoice.at),
        "currency": currency.lower(),
        "customer": invoice.customer,
        "customer_email": email,
        "lines": {
            "object": "list",
            "data": [_line_object(invoice, n, line, shape, currency) for n, line in enumerate(invoice.lines)],
            "has_more": False,
            "url": f"/v1/invoices/{invoice.id}/lines",
        },
        "livemode": False,
        "metadata": {},
        # Not the service period: the window in which invoice items were collected.
        "period_start": unix(invoice.at),
        "period_end": unix(invoice.at),
        "status": "paid" if paid else "open",
        "status_transitions": {"finalized_at": unix(invoice.at), "paid_at": unix(invoice.at) if paid else None},
        "subtotal": total - invoice.tax_minor,
        "total": total,
    }
    subscription = invoice.agreement.subscription if invoice.agreement else None
    if shape == OLD:
        shown |= {
            "charge": charge.id if charge else None,
            "payment_intent": charge.intent if charge else None,
            "paid": paid,
            "paid_out_of_band": invoice.out_of_band,
            "subscription": subscription,
            "tax": invoice.tax_minor or None,
            "total_tax_amounts": [{"amount": invoice.tax_minor, "inclusive": False}] if invoice.tax_minor else [],
        }
    else:
        details: Json = {"metadata": {}, "subscription": subscription, "subscription_proration_date": None}
        shown |= {
            "amount_paid_off_stripe": total if invoice.out_of_band else 0,
            "parent": {"type": "subscription_details", "subscription_details": details} if subscription else None,
            "total_taxes": (
                [{"amount": invoice.tax_minor, "tax_behavior": "exclusive", "type": "tax_rate_details"}]
                if invoice.tax_minor
                else []
            ),
        }
    return shown


def _line_object(invoice: Invoice, number: int, line: Line, shape: str, currency: str) -> Json:
    subscription = invoice.agreement.subscription if invoice.agreement else None
    of_cycle = line.what in {"dues", "trial"}
    shown: Json = {
        "id": f"il_{number}{invoice.id[3:]}",
        "object": "line_item",
        "amount": line.minor,
        "currency": currency.lower(),
        "description": line.what,
        "discount_amounts": [],
        "livemode": False,
        "metadata": {},
        "period": {"start": unix(line.start), "end": unix(line.end)},
        "quantity": 1,
        "subscription": subscription,
    }
    if shape == OLD:
        shown |= {"proration": False, "type": "subscription" if of_cycle else "invoiceitem"}
    elif of_cycle:
        details = {"subscription": subscription, "proration": False, "invoice_item": None}
        shown["parent"] = {"type": "subscription_item_details", "subscription_item_details": details}
    else:
        details = {"subscription": subscription, "proration": False, "invoice_item": f"ii_{invoice.id[3:]}"}
        shown["parent"] = {"type": "invoice_item_details", "invoice_item_details": details}
    return shown


def invoice_payment_object(invoice: Invoice, charge: Charge) -> Json:
    """The link from 2025-03-31 on: an invoice to the payment intent that paid it."""
    return {
        "id": f"inpay_{charge.id[3:]}",
        "object": "invoice_payment",
        "amount_paid": charge.minor,
        "amount_requested": charge.minor,
        "created": unix(charge.at),
        "currency": charge.currency.lower(),
        "invoice": invoice.id,
        "is_default": True,
        "livemode": False,
        "payment": {"type": "payment_intent", "payment_intent": charge.intent},
        "status": "paid",
    }


def subscription_object(
    agreement: Agreement, at: datetime, now: Happening, asked_at: datetime | None, currency: str, *, yearly: bool
) -> Json:
    """The subscription just after `now` happened at `at`; `asked_at` is when a person asked for its end."""
    start, end = _current_period(agreement, at, 12 if yearly else 1)
    ended = now in ("ended_by_person", "ended_by_provider")
    item: Json = {"id": f"si_{agreement.subscription[4:18]}", "object": "subscription_item", "quantity": 1}
    shown: Json = {
        "id": agreement.subscription,
        "object": "subscription",
        "billing_cycle_anchor": unix(agreement.anchor),
        "cancel_at": None,
        "cancel_at_period_end": now == "cancel_planned",
        "canceled_at": unix(asked_at) if asked_at else (unix(at) if ended else None),
        "cancellation_details": {"reason": _reason(now), "comment": None, "feedback": None},
        "created": unix(agreement.happenings[0][0]),
        "currency": currency.lower(),
        "customer": agreement.customer,
        "ended_at": unix(at) if ended else None,
        "items": {"object": "list", "data": [item], "has_more": False, "total_count": 1},
        "livemode": False,
        "metadata": {},
        "pause_collection": {"behavior": "void", "resumes_at": None} if now == "paused" else None,
        "start_date": unix(agreement.happenings[0][0]),
        "status": "canceled" if ended else ("trialing" if at < agreement.anchor else "active"),
    }
    (shown if agreement.shape == OLD else item).update(
        {"current_period_start": unix(start), "current_period_end": unix(end)}
    )
    return shown


def _reason(now: Happening) -> str | None:
    reasons = {"cancel_planned": "cancellation_requested", "ended_by_person": "cancellation_requested",
               "ended_by_provider": "payment_failed"}  # fmt: skip
    return reasons.get(now)


def _current_period(agreement: Agreement, at: datetime, step: int) -> tuple[datetime, datetime]:
    months = 0
    while reckoning.instant_later(agreement.anchor, months + step) <= at:
        months += step
    return reckoning.instant_later(agreement.anchor, months), reckoning.instant_later(agreement.anchor, months + step)
