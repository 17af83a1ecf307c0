"""Sales (API v1), captures (v1 and v2) and authorisations as charges."""

from __future__ import annotations

from datetime import datetime

from handlers.inbox import MalformedDelivery
from handlers.paypal.envelope import is_live
from handlers.paypal.reading import PROVIDER, identity, moment, money, needed_id, told, words
from handlers.strict_json import JsonObject, needed
from reconcile.facts import Charge, ChargeState, Ref
from reconcile.money import Money

_TAKEN_STATES = frozenset({"completed", "partially_refunded", "refunded", "reversed", "partially_reversed"})
_GIVEN_BACK_STATES = frozenset({"refunded", "reversed"})
_FAILED_STATES = frozenset({"denied", "declined", "failed", "voided", "expired", "canceled", "cancelled"})
_AUTHORISED_STATES = frozenset({"created", "authorized", "captured", "partially_captured", "pending"})


def sale(resource: JsonObject, told_at: datetime, _happened_at: datetime | None) -> tuple[Charge, ...]:
    """A v1 sale: how every charge of a subscription arrives."""
    return (_charge(resource, told_at, "sale", _payment_state(resource)),)


def capture(resource: JsonObject, told_at: datetime, _happened_at: datetime | None) -> tuple[Charge, ...]:
    """A capture of either API."""
    return (_charge(resource, told_at, "capture", _payment_state(resource)),)


def authorization(resource: JsonObject, told_at: datetime, _happened_at: datetime | None) -> tuple[Charge, ...]:
    """An authorisation: no money has moved, but a member may see it on a statement and ask."""
    state = charge_state(resource)
    if state in _AUTHORISED_STATES:
        return (_charge(resource, told_at, "authorization", ChargeState.AUTHORISED),)
    if state in _FAILED_STATES:
        return (_charge(resource, told_at, "authorization", ChargeState.FAILED),)
    raise MalformedDelivery("the state of an authorisation is not known")


def _payment_state(resource: JsonObject) -> ChargeState:
    # The resource's own word counts, not the event's name: PayPal sends PENDING events about sales that are completed
    # while it holds the merchant's funds. The member has paid then.
    state = charge_state(resource)
    if state in _TAKEN_STATES:
        return ChargeState.TAKEN
    if state == "pending":
        return ChargeState.PENDING
    if state in _FAILED_STATES:
        return ChargeState.FAILED
    raise MalformedDelivery("the state of a payment is not known")


def _charge(resource: JsonObject, told_at: datetime, kind: str, state: ChargeState) -> Charge:
    told_then = told(resource, told_at)
    amount = needed(
        money(resource, "amount") or money(resource, "seller_receivable_breakdown", "gross_amount"), "amount"
    )
    return Charge(
        ref=Ref(PROVIDER, needed_id(resource)),
        told_at=told_then,
        state=state,
        amount=amount,
        taken_at=moment(resource, "create_time") or told_then,
        subscription=identity(resource, "billing_agreement_id"),
        payer=words(resource, "payer", "payer_info", "payer_id") or words(resource, "payer", "payer_id"),
        named=words(resource, "custom_id") or words(resource, "custom"),
        email=words(resource, "payer", "payer_info", "email") or words(resource, "payer", "email_address"),
        tax_minor=_tax_minor(resource, amount),
        refunded_minor=_refunded_minor(resource, amount),
        live=is_live(resource),
        kind=kind,
        fee_minor=_fee_minor(resource, amount),
        detail=2,
    )


def _refunded_minor(resource: JsonObject, amount: Money) -> int | None:
    if charge_state(resource) in _GIVEN_BACK_STATES:
        return amount.minor
    stated = money(resource, "total_refunded_amount")
    return abs(stated.minor) if stated and stated.currency == amount.currency else None


def _fee_minor(resource: JsonObject, amount: Money) -> int | None:
    kept = money(resource, "transaction_fee") or money(resource, "seller_receivable_breakdown", "paypal_fee")
    return abs(kept.minor) if kept and kept.currency == amount.currency else None


def _tax_minor(resource: JsonObject, amount: Money) -> int | None:
    tax = words(resource, "amount", "details", "tax")
    if tax is None:
        return None
    stated = money({"tax": {"value": tax, "currency": amount.currency}}, "tax")
    return stated.minor if stated else None


def charge_state(resource: JsonObject) -> str:
    """PayPal's word for where a sale or a capture stands, in lower case."""
    return needed(words(resource, "status") or words(resource, "state"), "state").lower()
