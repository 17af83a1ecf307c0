"""PayPal's objects: sales and refunds of API v1, captures, orders and refunds of v2, disputes, agreements, and the
entries of its Transaction Search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from worker.sandbox.bank.book import Agreement, Back, Case, CaseStatus, Taken
from worker.sandbox.telling import decimal_text, zulu

Json = dict[str, Any]
API = "https://api-m.sandbox.paypal.com"
_V1 = {"succeeded": "completed", "pending": "pending", "failed": "failed"}
_V2 = {"succeeded": "COMPLETED", "pending": "PENDING", "failed": "FAILED"}
_ENTRY = {"succeeded": "S", "pending": "P", "failed": "D"}
_OUTCOMES: dict[CaseStatus, str] = {"won": "RESOLVED_SELLER_FAVOUR", "lost": "RESOLVED_BUYER_FAVOUR"}


def v1_money(minor: int, currency: str) -> Json:
    return {"total": decimal_text(minor, currency), "currency": currency}


def fee_money(minor: int, currency: str) -> Json:
    return {"value": decimal_text(minor, currency), "currency": currency}


def v2_money(minor: int, currency: str) -> Json:
    return {"value": decimal_text(minor, currency), "currency_code": currency}


def link(path: str, rel: str, method: str = "GET") -> Json:
    return {"href": f"{API}{path}", "rel": rel, "method": method}


def sale(taken: Taken, back_minor: int) -> Json:
    path = f"/v1/payments/sale/{taken.id}"
    details = {"subtotal": decimal_text(taken.minor - taken.tax_minor, taken.currency)}
    if taken.tax_minor:
        details["tax"] = decimal_text(taken.tax_minor, taken.currency)
    return {
        "id": taken.id,
        "state": _standing(taken, back_minor).lower(),
        "amount": {**v1_money(taken.minor, taken.currency), "details": details},
        "payment_mode": "INSTANT_TRANSFER",
        "protection_eligibility": "ELIGIBLE",
        "transaction_fee": fee_money(taken.minor // 30, taken.currency),
        **({"billing_agreement_id": taken.agreement} if taken.agreement else {}),
        **({"custom": taken.named} if taken.named else {}),
        "create_time": zulu(taken.at),
        "update_time": zulu(taken.changed_at or taken.at),
        "links": [link(path, "self"), link(f"{path}/refund", "refund", "POST")],
    }


def capture(taken: Taken, back_minor: int) -> Json:
    path = f"/v2/payments/captures/{taken.id}"
    amount = v2_money(taken.minor, taken.currency)
    order = f"/v2/checkout/orders/{taken.order}"
    return {
        "id": taken.id,
        "status": _standing(taken, back_minor),
        "amount": amount,
        "final_capture": True,
        "seller_receivable_breakdown": {"gross_amount": amount},
        **({"custom_id": taken.named} if taken.named else {}),
        **({"supplementary_data": {"related_ids": {"order_id": taken.order}}} if taken.order else {}),
        "create_time": zulu(taken.at),
        "update_time": zulu(taken.changed_at or taken.at),
        "links": [
            link(path, "self"),
            link(f"{path}/refund", "refund", "POST"),
            *([link(order, "up")] if taken.order else []),
        ],
    }


def order(taken: Taken, back_minor: int, refunds: Sequence[Back]) -> Json:
    payments: Json = {"captures": [capture(taken, back_minor)]}
    if refunds:
        payments["refunds"] = [refund_v2(one) for one in refunds]
    return {
        "id": taken.order,
        "intent": "CAPTURE",
        "status": "COMPLETED",
        "purchase_units": [{"reference_id": "default", "payments": payments}],
        "create_time": zulu(taken.at),
    }


def refund_v1(back: Back, total_minor: int) -> Json:
    currency = back.charge.currency
    path = f"/v1/payments/refund/{back.id}"
    return {
        "id": back.id,
        "state": _V1[back.status],
        "amount": v1_money(back.minor, currency),
        "refund_from_received_amount": fee_money(back.minor, currency),
        "total_refunded_amount": fee_money(total_minor, currency),
        "sale_id": back.charge.id,
        **({"invoice_number": back.told["invoice_number"]} if back.told.get("invoice_number") else {}),
        "create_time": zulu(back.at),
        "update_time": zulu(back.changed_at or back.at),
        "links": [link(path, "self"), link(f"/v1/payments/sale/{back.charge.id}", "sale")],
    }


def refund_v2(back: Back) -> Json:
    amount = v2_money(back.minor, back.charge.currency)
    return {
        "id": back.id,
        "status": _V2[back.status],
        "amount": amount,
        "seller_payable_breakdown": {"gross_amount": amount, "net_amount": amount, "total_refunded_amount": amount},
        **{name: back.told[name] for name in ("custom_id", "invoice_id", "note_to_payer") if back.told.get(name)},
        "create_time": zulu(back.at),
        "update_time": zulu(back.changed_at or back.at),
        "links": [
            link(f"/v2/payments/refunds/{back.id}", "self"),
            link(f"/v2/payments/captures/{back.charge.id}", "up"),
        ],
    }


def case_line(case: Case) -> Json:
    """A case as the list has it: neither its transactions nor how it ended."""
    return {
        "dispute_id": case.id,
        "create_time": zulu(case.at),
        "update_time": zulu(case.changed_at or case.at),
        "reason": "INCORRECT_AMOUNT",
        "status": "RESOLVED" if case.status in _OUTCOMES else "UNDER_REVIEW" if case.status == "open" else "OPEN",
        "dispute_state": "RESOLVED" if case.status in _OUTCOMES else "REQUIRED_ACTION",
        "dispute_amount": v2_money(case.charge.minor, case.charge.currency),
        "dispute_life_cycle_stage": "INQUIRY" if case.status == "inquiry" else "CHARGEBACK",
        "dispute_channel": "INTERNAL",
        "links": [link(f"/v1/customer/disputes/{case.id}", "self")],
    }


def case(told: Case) -> Json:
    shown = case_line(told)
    shown["disputed_transactions"] = [
        {"buyer_transaction_id": told.charge.id[::-1], "seller_transaction_id": told.charge.id,
         "seller_protection_eligible": True}
    ]  # fmt: skip
    if told.status in _OUTCOMES:
        shown["dispute_outcome"] = {"outcome_code": _OUTCOMES[told.status]}
        if told.status == "lost":
            shown["dispute_outcome"]["amount_refunded"] = v2_money(told.charge.minor, told.charge.currency)
    return shown


def agreement(known: Agreement) -> Json:
    shown = dict(known.shown)
    if known.ended_at is not None:
        changed = zulu(known.ended_at)
        ended = {"state": "Cancelled"} if known.version == "v1" else {"status": "CANCELLED"}
        shown |= {**ended, "update_time": changed}
        if known.version == "v2":
            shown["status_update_time"] = changed
    return shown


def entries(charges: Sequence[Taken], refunds: Sequence[Back], since: datetime, until: datetime) -> Iterator[Json]:
    """What Transaction Search shows of that time, the oldest first."""
    told = [(taken.at, _taken(taken)) for taken in charges if since <= taken.at < until and taken.captured]
    told += [(back.at, _given(back)) for back in refunds if since <= back.at < until]
    for _, entry in sorted(told, key=lambda pair: (pair[0], pair[1]["transaction_info"]["transaction_id"])):
        yield entry


def _taken(taken: Taken) -> Json:
    info = _info(taken.id, taken.at, taken.changed_at, taken.minor, taken.currency)
    code = "T0003" if taken.of_agreement_v1 else "T0002" if taken.agreement else "T0006"
    info |= {"transaction_event_code": code, "transaction_status": "S"}
    if taken.agreement:
        kind = "PAP" if taken.of_agreement_v1 else "SUB"
        info |= {"paypal_reference_id": taken.agreement, "paypal_reference_id_type": kind}
    if taken.named:
        info["custom_field"] = taken.named
    if taken.tax_minor:
        info["sales_tax_amount"] = v2_money(taken.tax_minor, taken.currency)
    payer = {"account_id": taken.customer} if taken.customer else {}
    return {"transaction_info": info, "payer_info": payer | ({"email_address": taken.email} if taken.email else {})}


def _given(back: Back) -> Json:
    info = _info(back.id, back.at, back.changed_at, -back.minor, back.charge.currency)
    info |= {
        "transaction_event_code": "T1107",
        "transaction_status": _ENTRY[back.status],
        "paypal_reference_id": back.charge.id,
        "paypal_reference_id_type": "TXN",
    }
    for name, field in (("invoice_number", "invoice_id"), ("invoice_id", "invoice_id"), ("custom_id", "custom_field")):
        if back.told.get(name):
            info[field] = back.told[name]
    return {"transaction_info": info}


def _info(name: str, at: datetime, changed_at: datetime | None, minor: int, currency: str) -> Json:
    return {
        "transaction_id": name,
        "transaction_initiation_date": zulu(at),
        "transaction_updated_date": zulu(changed_at or at),
        "transaction_amount": v2_money(minor, currency),
    }


def _standing(taken: Taken, back_minor: int) -> str:
    if not back_minor:
        return "COMPLETED"
    return "REFUNDED" if back_minor >= taken.minor else "PARTIALLY_REFUNDED"
