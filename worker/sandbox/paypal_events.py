"""PayPal's side of the world: sales of agreements and subscriptions, orders' captures, refunds, disputes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from worker.sandbox.merchant import AGREEMENT_V1, Agreement, Charge, Dispute, Failure, Happening, Member, Refund
from worker.sandbox.names import Names
from worker.sandbox.telling import Told, decimal_text, paypal_bytes, zulu

Json = dict[str, Any]

_API = "https://api.sandbox.paypal.com"


def event(names: Names, kind: str, at: datetime, resource_type: str, resource: Json, *, version: str = "") -> Told:
    """One event around the resource that it tells of."""
    new_id = f"WH-{names.paypal()}-{names.paypal()}"
    link = f"{_API}/v1/notifications/webhooks-events/{new_id}"
    body: Json = {
        "id": new_id,
        "event_version": "1.0",
        "create_time": zulu(at + timedelta(seconds=4)),
        "resource_type": resource_type,
        **({"resource_version": version} if version else {}),
        "event_type": kind,
        "summary": "Zahlung €" if names.rng.random() < 0.05 else kind.replace(".", " ").capitalize(),
        "resource": resource,
        "links": [
            {"href": link, "rel": "self", "method": "GET"},
            {"href": f"{link}/resend", "rel": "resend", "method": "POST"},
        ],
    }
    return Told("paypal", at, paypal_bytes(body))


def tell(member: Member, names: Names) -> Iterator[Told]:
    """Everything that PayPal tells of one member."""
    for agreement in member.agreements:
        if agreement.provider == "paypal":
            for at, happening in sorted(agreement.happenings):
                yield _happening(member, agreement, at, happening, names)
    failures: dict[str, int] = {}
    for failure in sorted(member.failures, key=lambda failure: failure.at):
        if failure.agreement.provider == "paypal":
            count = failures[failure.agreement.subscription] = failures.get(failure.agreement.subscription, 0) + 1
            yield _failure(member, failure, count, names)
    for charge in member.charges:
        if charge.provider == "paypal":
            yield from tell_charge(charge, names)


def tell_charge(charge: Charge, names: Names) -> Iterator[Told]:
    """A charge, what was given back of it, and its dispute."""
    if charge.kind == "capture":
        yield event(names, "PAYMENT.CAPTURE.COMPLETED", charge.at, "capture", _capture(charge), version="2.0")
    else:
        yield event(names, "PAYMENT.SALE.COMPLETED", charge.at, "sale", _sale(charge))
    for refund in charge.refunds:
        yield event(names, "PAYMENT.SALE.REFUNDED", refund.at, "refund", _refund(charge, refund, names))
    if charge.dispute:
        dispute = charge.dispute
        yield event(names, "CUSTOMER.DISPUTE.CREATED", dispute.at, "dispute", _dispute(charge, dispute, None))
        if dispute.closed_at:
            resolved = _dispute(charge, dispute, dispute.closed_at)
            yield event(names, "CUSTOMER.DISPUTE.RESOLVED", dispute.closed_at, "dispute", resolved)


def _sale(charge: Charge) -> Json:
    details: Json = {"subtotal": decimal_text(charge.minor - charge.tax_minor, charge.currency)}
    if charge.tax_minor:
        details["tax"] = decimal_text(charge.tax_minor, charge.currency)
    link = f"{_API}/v1/payments/sale/{charge.id}"
    return {
        "id": charge.id,
        "state": "completed",
        "amount": {
            "total": decimal_text(charge.minor, charge.currency),
            "currency": charge.currency,
            "details": details,
        },
        "payment_mode": "INSTANT_TRANSFER",
        "protection_eligibility": "ELIGIBLE",
        "transaction_fee": {"value": decimal_text(charge.minor // 30, charge.currency), "currency": charge.currency},
        **({"billing_agreement_id": charge.agreement.subscription} if charge.agreement else {}),
        **({"custom": charge.named} if charge.named else {}),
        "invoice_number": "",
        "create_time": zulu(charge.at),
        "update_time": zulu(charge.at),
        "links": [
            {"href": link, "rel": "self", "method": "GET"},
            {"href": f"{link}/refund", "rel": "refund", "method": "POST"},
        ],
    }


def _capture(charge: Charge) -> Json:
    amount = {"value": decimal_text(charge.minor, charge.currency), "currency_code": charge.currency}
    link = f"{_API}/v2/payments/captures/{charge.id}"
    return {
        "id": charge.id,
        "status": "COMPLETED",
        "amount": amount,
        "final_capture": True,
        "seller_receivable_breakdown": {"gross_amount": amount},
        **({"custom_id": charge.named} if charge.named else {}),
        "create_time": zulu(charge.at),
        "update_time": zulu(charge.at),
        "links": [
            {"href": link, "rel": "self", "method": "GET"},
            {"href": f"{link}/refund", "rel": "refund", "method": "POST"},
        ],
    }


def _refund(charge: Charge, refund: Refund, names: Names) -> Json:
    # PayPal writes what went back with either sign.
    signed = refund.minor if names.rng.random() < 0.5 else -refund.minor
    return {
        "id": refund.id,
        "sale_id": charge.id,
        "state": "completed",
        "amount": {"total": decimal_text(signed, charge.currency), "currency": charge.currency},
        "refund_to_payer": {"value": decimal_text(refund.minor, charge.currency), "currency": charge.currency},
        "refund_reason_code": "REFUND",
        "create_time": zulu(refund.at),
        "update_time": zulu(refund.at),
        "links": [
            {"href": f"{_API}/v1/payments/refund/{refund.id}", "rel": "self", "method": "GET"},
            {"href": f"{_API}/v1/payments/sale/{charge.id}", "rel": "sale", "method": "GET"},
        ],
    }


def _dispute(charge: Charge, dispute: Dispute, closed_at: datetime | None) -> Json:
    amount = {"value": decimal_text(charge.minor, charge.currency), "currency_code": charge.currency}
    shown: Json = {
        "dispute_id": dispute.id,
        "create_time": zulu(dispute.at),
        "update_time": zulu(closed_at or dispute.at),
        "disputed_transactions": [
            {"buyer_transaction_id": charge.id[::-1], "seller_transaction_id": charge.id,
             "seller_protection_eligible": True}
        ],
        "reason": "INCORRECT_AMOUNT",
        "status": "RESOLVED" if closed_at else "OPEN",
        "dispute_amount": amount,
        "dispute_life_cycle_stage": "CHARGEBACK",
    }  # fmt: skip
    if closed_at:
        outcome = "RESOLVED_SELLER_FAVOUR" if dispute.won else "RESOLVED_BUYER_FAVOUR"
        shown["dispute_outcome"] = {"outcome_code": outcome, **({} if dispute.won else {"amount_refunded": amount})}
    return shown


def _happening(member: Member, agreement: Agreement, at: datetime, now: Happening, names: Names) -> Told:
    v1 = agreement.shape == AGREEMENT_V1
    verbs = {"begun": "CREATED" if v1 else "ACTIVATED", "ended_by_person": "CANCELLED", "suspended": "SUSPENDED"}
    states = {"begun": "ACTIVE", "ended_by_person": "CANCELLED", "suspended": "SUSPENDED"}
    resource = _agreement(member, agreement, _Standing(states[now], at))
    return _agreement_event(names, f"BILLING.SUBSCRIPTION.{verbs[now]}", at, resource, v1=v1)


def _failure(member: Member, failure: Failure, count: int, names: Names) -> Told:
    resource = _agreement(member, failure.agreement, _Standing("ACTIVE", failure.at, failure, count))
    v1 = failure.agreement.shape == AGREEMENT_V1
    return _agreement_event(names, "BILLING.SUBSCRIPTION.PAYMENT.FAILED", failure.at, resource, v1=v1)


def _agreement_event(names: Names, kind: str, at: datetime, resource: Json, *, v1: bool) -> Told:
    return event(names, kind, at, "Agreement" if v1 else "subscription", resource, version="" if v1 else "2.0")


@dataclass(frozen=True)
class _Standing:
    """How an agreement stands at a moment; `failure` where that moment is a payment's failing, the `count`th."""

    state: str
    at: datetime
    failure: Failure | None = None
    count: int = 0

    @property
    def outstanding_minor(self) -> int:
        return self.failure.minor if self.failure else 0


def _agreement(member: Member, agreement: Agreement, now: _Standing) -> Json:
    v1 = agreement.shape == AGREEMENT_V1
    return (_agreement_v1 if v1 else _subscription_v2)(member, agreement, now)


def _agreement_v1(member: Member, agreement: Agreement, now: _Standing) -> Json:
    owed = decimal_text(now.outstanding_minor, member.plan.currency)
    price = {"value": decimal_text(member.plan.price, member.plan.currency)}
    regular = {"type": "REGULAR", "frequency": member.plan.every.capitalize(), "frequency_interval": "1",
               "amount": price, "cycles": "0", "charge_models": []}  # fmt: skip
    return {
        "id": agreement.subscription,
        "state": now.state.capitalize(),
        "description": member.plan.code,
        "plan": {"curr_code": member.plan.currency, "links": [], "payment_definitions": [regular],
                 "merchant_preferences": {"auto_bill_amount": "YES", "max_fail_attempts": "3"}},
        "payer": {"payment_method": "paypal", "status": "verified",
                  "payer_info": {"email": member.email, "payer_id": agreement.customer}},
        "agreement_details": {"outstanding_balance": {"value": owed, "currency": member.plan.currency},
                              "failed_payment_count": str(now.count)},
        "start_date": zulu(agreement.anchor),
        "update_time": zulu(now.at),
        "links": [{"href": f"{_API}/v1/payments/billing-agreements/{agreement.subscription}", "rel": "self",
                   "method": "GET"}],
    }  # fmt: skip


def _subscription_v2(member: Member, agreement: Agreement, now: _Standing) -> Json:
    currency = member.plan.currency
    owed = decimal_text(now.outstanding_minor, currency)
    billing: Json = {
        "outstanding_balance": {"value": owed, "currency_code": currency},
        "failed_payments_count": now.count,
    }
    if now.failure:
        amount = {"value": decimal_text(now.failure.minor, currency), "currency_code": currency}
        billing["last_failed_payment"] = {
            "amount": amount,
            "time": zulu(now.failure.at),
            "reason_code": "PAYMENT_DENIED",
        }
    return {
        "id": agreement.subscription,
        "status": now.state,
        "status_update_time": zulu(agreement.happenings[0][0] if now.failure else now.at),
        "plan_id": f"P-{member.plan.code.upper()}",
        "start_time": zulu(agreement.anchor),
        "quantity": "1",
        "custom_id": member.ref,
        "subscriber": {"email_address": member.email, "payer_id": agreement.customer},
        "billing_info": billing,
        "create_time": zulu(agreement.happenings[0][0]),
        "update_time": zulu(now.at),
        "links": [{"href": f"{_API}/v1/billing/subscriptions/{agreement.subscription}", "rel": "self",
                   "method": "GET"}],
    }  # fmt: skip


def agreement_object(
    member: Member, agreement: Agreement, state: str, at: datetime, failed: Sequence[Failure] = ()
) -> Json:
    """The agreement as PayPal's API shows it; `state` since `at`, and the last of the payments that `failed`."""
    shown = _agreement(member, agreement, _Standing(state, at, failed[-1] if failed else None, len(failed)))
    if "status_update_time" in shown:
        shown["status_update_time"] = zulu(at)
    return shown
