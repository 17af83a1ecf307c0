"""One page of PayPal's lists, read as facts; what a list says too little of is looked up."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from handlers.inbox import MalformedDelivery
from handlers.paypal.api import PayPalApi, Reply
from handlers.paypal.looking import dispute_told, facts_told
from handlers.paypal.reading import identity, moment, money, words
from handlers.paypal.refusals import found
from handlers.paypal.reports_codes import (
    PREAPPROVED_PAYMENT,
    REFUND,
    REVERSAL,
    STATES,
    SUBSCRIPTION_PAYMENT,
    Entry,
    facts_of_entry,
    is_agreement,
    tells,
)
from handlers.strict_json import JsonObject, child, children, needed
from reconcile.facts import Fact

# A transaction in a search is an entry about the object, not the object: it outranks no webhook.
DETAIL = 1

_SALE = ("sale", "/v1/payments/sale/{}")
_CAPTURE = ("capture", "/v2/payments/captures/{}")
_REFUNDS = (("refund", "/v1/payments/refund/{}"), ("refund", "/v2/payments/refunds/{}"))


def look_up(api: PayPalApi, object_id: str, *ways: tuple[str, str]) -> tuple[Fact, ...] | None:
    """The facts of the object by the first of `ways` (kind, path) that knows it; None where none does. The API's errors
    go through: the page is read again as a whole."""
    for kind, path in ways:
        reply = found(api, path.format(quote(object_id, safe="")))
        if reply is not None:
            return facts_told(kind, reply.body, reply)
    return None


def read_transactions(api: PayPalApi, reply: Reply) -> tuple[tuple[Fact, ...], tuple[str, ...]]:
    """The facts of a page of Transaction Search, and why some of it could not be understood. An id may stand there
    twice (what moved the balance, and its twin that did not): both tell of one object."""
    facts: dict[Fact, None] = {}
    unreadable: list[str] = []
    seen: set[str] = set()
    if "transaction_details" not in reply.body:
        # Any other object would look like a time in which nothing happened.
        raise MalformedDelivery("transaction_details is missing")
    for detail in children(reply.body, "transaction_details"):
        try:
            entry = _entry(detail, needed(reply.sent_at, "Date"))
            if entry is not None:
                told = _looked_up(api, entry) if entry.id not in seen else None
                seen.add(entry.id)
                facts |= dict.fromkeys(told if told is not None else facts_of_entry(entry))
        except MalformedDelivery as error:
            unreadable.append(f"transactions: {error}")
    return tuple(facts), tuple(unreadable)


def _entry(detail: JsonObject, read_at: datetime) -> Entry | None:
    info = needed(child(detail, "transaction_info"), "transaction_info")
    code = needed(words(info, "transaction_event_code"), "transaction_event_code")
    state = words(info, "transaction_status") or "S"
    if not tells(code):
        return None
    if state not in STATES:
        raise MalformedDelivery("transaction_status is not known")
    at = needed(moment(info, "transaction_initiation_date"), "transaction_initiation_date")
    tax, fee = money(info, "sales_tax_amount"), money(info, "fee_amount")
    amount = needed(money(info, "transaction_amount"), "transaction_amount")
    return Entry(
        id=needed(identity(info, "transaction_id"), "transaction_id"),
        code=code,
        at=at,
        told_at=moment(info, "transaction_updated_date") or min(at, read_at),
        amount=amount,
        state=state,
        detail=DETAIL,
        reference=identity(info, "paypal_reference_id"),
        payer=words(detail, "payer_info", "account_id") or words(info, "paypal_account_id"),
        email=words(detail, "payer_info", "email_address"),
        custom=words(info, "custom_field"),
        invoice=words(info, "invoice_id"),
        tax_minor=abs(tax.minor) if tax and tax.minor else None,
        fee_minor=abs(fee.minor) if fee and fee.currency == amount.currency else None,
    )


def _looked_up(api: PayPalApi, entry: Entry) -> tuple[Fact, ...] | None:
    """The object itself, where the search does not tell which agreement a charge came through, which API refunds it,
    or which charge a refund is of. None where the search is enough, or PayPal no longer has the object."""
    if not facts_of_entry(entry):
        return None
    if entry.code in {SUBSCRIPTION_PAYMENT, PREAPPROVED_PAYMENT}:
        return None if is_agreement(entry.reference) else look_up(api, entry.id, _SALE)
    if entry.code in {REFUND, REVERSAL}:
        return None if entry.reference else look_up(api, entry.id, *_REFUNDS)
    return look_up(api, entry.id, _CAPTURE, _SALE) if entry.amount.minor > 0 else None


def read_dispute(api: PayPalApi, case: JsonObject, listed: Reply) -> tuple[Fact, ...] | str:
    """A case of the list, or why it cannot be understood."""
    try:
        return dispute_told(api, case, listed)
    except MalformedDelivery as error:
        return f"disputes: {error}"


def read_agreement(api: PayPalApi, name: str) -> tuple[Fact, ...] | str:
    """A subscription of today's API or an agreement of API v1; none where PayPal knows neither."""
    try:
        paths = ("/v1/billing/subscriptions/{}", "/v1/payments/billing-agreements/{}")
        return look_up(api, name, *(("subscription", path) for path in paths)) or ()
    except MalformedDelivery as error:
        return f"subscriptions: {error}"
