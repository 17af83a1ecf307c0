"""Stripe's objects as its API answers with them today: no invoice on a charge, no refunds inside it."""

from __future__ import annotations

from typing import Any

from worker.sandbox.bank.book import Agreement, Back, Case, CaseStatus, Credit, Taken
from worker.sandbox.telling import unix

Json = dict[str, Any]
REMEDY = "makegood_remedy"  # the metadata key of our mark, as docs/reliability.md promises it

_CASES: dict[CaseStatus, str] = {
    "inquiry": "warning_needs_response", "open": "needs_response", "won": "won", "lost": "lost",
}  # fmt: skip
_NO_TAX: Json = {"enabled": False, "liability": None, "status": None, "provider": None, "disabled_reason": None}


def charge(taken: Taken, back_minor: int, case: Case | None) -> Json:
    return {
        "id": taken.id,
        "object": "charge",
        "amount": taken.minor,
        "amount_captured": taken.minor if taken.captured else 0,
        "amount_refunded": back_minor,
        "balance_transaction": f"txn_{taken.id[3:]}" if taken.captured else None,
        "billing_details": {
            "address": None, "email": taken.email, "name": None, "phone": None, "tax_id": None,
        },
        "captured": taken.captured,
        "created": unix(taken.at),
        "currency": taken.currency.lower(),
        "customer": taken.customer,
        "description": None,
        "disputed": case is not None and case.status != "inquiry",
        "failure_code": "card_declined" if taken.failed else None,
        "livemode": False,
        "metadata": {"membership": taken.named} if taken.named else {},
        "paid": not taken.failed,
        "payment_intent": taken.intent,
        "payment_method_details": None,
        "receipt_email": None,
        "refunded": back_minor == taken.minor,
        "status": "failed" if taken.failed else "succeeded",
    }  # fmt: skip


def refund(back: Back) -> Json:
    shown: Json = {
        "id": back.id,
        "object": "refund",
        "amount": back.minor,
        "balance_transaction": f"txn_{back.id[3:]}",
        "charge": back.charge.id,
        "created": unix(back.at),
        "currency": back.charge.currency.lower(),
        "metadata": {REMEDY: back.mark} if back.mark else {},
        "payment_intent": back.charge.intent,
        "reason": back.told.get("reason"),
        "receipt_number": None,
        "status": back.status,
    }
    if back.status == "pending":
        shown["pending_reason"] = "processing"
    if back.why_failed:
        shown |= {"failure_reason": back.why_failed, "failure_balance_transaction": f"txn_f{back.id[3:]}"}
    return shown


def dispute(case: Case) -> Json:
    return {
        "id": case.id,
        "object": "dispute",
        "amount": case.charge.minor,
        "balance_transactions": [],
        "charge": case.charge.id,
        "created": unix(case.at),
        "currency": case.charge.currency.lower(),
        "enhanced_eligibility_types": [],
        "evidence": {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": unix(case.at) + 7 * 86_400, "enhanced_eligibility": {}, "has_evidence": False,
            "past_due": False, "submission_count": 0,
        },
        "is_charge_refundable": case.status == "inquiry",
        "livemode": False,
        "metadata": {},
        "payment_intent": case.charge.intent,
        "reason": "duplicate",
        "status": _CASES[case.status],
    }  # fmt: skip


def credit(made: Credit) -> Json:
    """Stripe writes what is in the customer's favour with a minus."""
    return {
        "id": made.id,
        "object": "customer_balance_transaction",
        "amount": -made.minor,
        "created": unix(made.at),
        "credit_note": made.note.id if made.note else None,
        "currency": made.currency.lower(),
        "customer": made.customer,
        "description": None,
        "ending_balance": -made.balance_minor,
        "invoice": None,
        "livemode": False,
        "metadata": {REMEDY: made.mark} if made.mark and not made.note else {},
        "type": "credit_note" if made.note else "adjustment",
    }


def note(made: Credit) -> Json:
    """The credit note by which a credit was made: its mark stands here and not on the balance."""
    if made.note is None:
        raise ValueError(f"{made.id} was made without a credit note")
    empty = {"object": "list", "data": [], "has_more": False, "url": f"/v1/credit_notes/{made.note.id}/lines"}
    return {
        "id": made.note.id,
        "object": "credit_note",
        "amount": made.minor,
        "amount_shipping": 0,
        "created": unix(made.at),
        "currency": made.currency.lower(),
        "customer": made.customer,
        "customer_balance_transaction": made.id,
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice": made.note.invoice,
        "lines": empty,
        "livemode": False,
        "memo": made.note.told.get("memo"),
        "metadata": {REMEDY: made.mark} if made.mark else {},
        "number": f"SANDBOX-{made.note.id[-8:]}",
        "out_of_band_amount": None,
        "pdf": f"https://pay.example/{made.note.id}/pdf",
        "post_payment_amount": made.minor,
        "pre_payment_amount": 0,
        "pretax_credit_amounts": [],
        "reason": made.note.told.get("reason"),
        "refunds": [],
        "status": "issued",
        "subtotal": made.minor,
        "total": made.minor,
        "type": "post_payment",
    }


def subscription(agreement: Agreement) -> Json:
    shown = {
        "automatic_tax": {**_NO_TAX, "enabled": False},
        "billing_mode": {"type": "classic"},
        "billing_schedules": [],
        "collection_method": "charge_automatically",
        "discounts": [],
        "invoice_settings": {"issuer": {"type": "self"}},
        **agreement.shown,
    }
    shown["items"] = _items(agreement, shown["items"])
    if agreement.ended_at is not None:
        at = unix(agreement.ended_at)
        asked_at = shown.get("canceled_at") or at
        shown |= {"status": "canceled", "ended_at": at, "canceled_at": asked_at, "cancel_at_period_end": False}
        shown["cancellation_details"] = {"reason": "cancellation_requested", "comment": None, "feedback": None}
    return shown


def invoice(told: Json, *, with_payments: bool) -> Json:
    """`told` is the invoice as an event tells of it; only who asks for its payments is shown them."""
    rest: Json = {
        "amount_overpaid": 0,
        "amount_shipping": 0,
        "auto_advance": False,
        "automatic_tax": _NO_TAX,
        "default_tax_rates": [],
        "discounts": [],
        "issuer": {"type": "self"},
        "payment_settings": {
            "default_mandate": None, "payment_method_options": None, "payment_method_types": None,
        },
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": 0,
    }  # fmt: skip
    shown = {**rest, **told}
    lines = [_line(one) for one in told["lines"]["data"]]
    shown["lines"] = {**told["lines"], "data": lines}
    if shown.get("parent"):
        details = {name: one for name, one in shown["parent"]["subscription_details"].items() if one is not None}
        shown["parent"] = {**shown["parent"], "quote_details": None, "subscription_details": details}
    payments = shown.pop("payments", [])
    if with_payments:
        url = f"/v1/invoices/{told['id']}/payments"
        paid = [{**one, "status_transitions": {"canceled_at": None, "paid_at": one["created"]}} for one in payments]
        shown["payments"] = {"object": "list", "data": paid, "has_more": False, "url": url}
    return shown


def _line(told: Json) -> Json:
    line = {"discountable": True, "discounts": [], "subtotal": told["amount"], **told}
    parent = line.get("parent") or {}
    if details := parent.get("subscription_item_details"):
        item = {"subscription_item": f"si_{str(details['subscription'])[4:18]}", **details}
        line["parent"] = {**parent, "subscription_item_details": item}
    return line


def _items(agreement: Agreement, listed: Json) -> Json:
    rest: Json = {
        "created": agreement.shown["created"],
        "current_period_start": agreement.shown["start_date"],
        "current_period_end": agreement.shown["start_date"] + 30 * 86_400,
        "discounts": [],
        "metadata": {},
        "price": _price(agreement),
        "subscription": agreement.id,
    }
    url = f"/v1/subscription_items?subscription={agreement.id}"
    return {"url": url, **listed, "data": [{**rest, **one} for one in listed["data"]]}


def _price(agreement: Agreement) -> Json:
    return {
        "id": "price_sandbox",
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": agreement.shown["created"],
        "currency": agreement.shown["currency"],
        "livemode": False,
        "metadata": {},
        "product": "prod_sandbox",
        "type": "recurring",
    }
