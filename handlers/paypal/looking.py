"""A fresh look at one charge: the charge, its refunds where PayPal lists them, its disputes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

from handlers.gateway import Look, Looked, Refused, Uncertain
from handlers.inbox import MalformedDelivery
from handlers.paypal.api import PayPalApi, Reply
from handlers.paypal.charges import charge_state
from handlers.paypal.reading import identity
from handlers.paypal.refusals import API_ERRORS, failure, found
from handlers.paypal.translate import facts_of
from handlers.strict_json import JsonObject, child, children, needed
from reconcile.facts import Dispute, Fact, Refund

_PATHS = {
    "sale": "/v1/payments/sale",
    "capture": "/v2/payments/captures",
    "authorization": "/v2/payments/authorizations",
}
_PARTLY_BACK = frozenset({"partially_refunded", "partially_reversed"})
_DISPUTES_MAX = 50  # PayPal's largest page; a charge with more is beyond telling


def look(api: PayPalApi, charge: str, kind: str) -> Looked:
    """What PayPal says now. PayPal has no list of a sale's refunds; a capture's stand in its order, if it has one."""
    folder = _PATHS.get(kind)
    if folder is None:
        return Look((), lists_refunds=False, missing=(charge,))
    return _classified(lambda: _look(api, charge, kind, f"{folder}/{quote(charge, safe='')}"))


def _look(api: PayPalApi, charge: str, kind: str, path: str) -> Look:
    reply = found(api, path)
    if reply is None:
        return Look((), lists_refunds=False, missing=(charge,))
    facts = [*facts_told(kind, reply.body, reply), *_disputes(api, charge)]
    refunds = _refunds(api, charge, reply.body) if kind == "capture" else None
    partly = refunds is None and charge_state(reply.body) in _PARTLY_BACK
    return Look((*facts, *(refunds or ())), lists_refunds=refunds is not None, partly_back=partly)


def look_at_refund(api: PayPalApi, refund: str, kind: str) -> Looked:
    """One refund as it stands now."""
    folder = "/v1/payments/refund" if kind == "sale" else "/v2/payments/refunds"
    return _classified(lambda: _look_at_refund(api, refund, f"{folder}/{quote(refund, safe='')}"))


def _look_at_refund(api: PayPalApi, refund: str, path: str) -> Look:
    reply = found(api, path)
    facts = () if reply is None else facts_told("refund", reply.body, reply)
    return Look(facts, lists_refunds=False, missing=() if facts else (refund,))


def _classified(look: Callable[[], Look]) -> Looked:
    try:
        return look()
    except API_ERRORS as error:
        answer = failure(error)
        return Uncertain(answer.code) if isinstance(answer, Refused) else answer
    except MalformedDelivery as error:
        return Uncertain(f"PayPal's answer cannot be understood: {error}")


def _disputes(api: PayPalApi, charge: str) -> list[Fact]:
    listed = found(
        api, f"/v1/customer/disputes?disputed_transaction_id={quote(charge, safe='')}&page_size={_DISPUTES_MAX}"
    )
    if listed is None:
        return []
    items = children(listed.body, "items")
    return [_of(charge, fact) for item in items for fact in dispute_told(api, item, listed)]


def dispute_told(api: PayPalApi, item: JsonObject, listed: Reply) -> tuple[Fact, ...]:
    """A case of a list with the transactions that it is about and how it ended, neither of which the list says."""
    case = needed(identity(item, "dispute_id"), "items.dispute_id")
    detail = found(api, f"/v1/customer/disputes/{case}")
    return facts_told("dispute", item, listed) if detail is None else facts_told("dispute", detail.body, detail)


def _refunds(api: PayPalApi, charge: str, capture: JsonObject) -> list[Fact] | None:
    """The capture's refunds as its order lists them; None where no order can be read: absence proves nothing then."""
    order = identity(capture, "supplementary_data", "related_ids", "order_id")
    if order is None:
        return None
    try:
        reply: Reply = api.get(f"/v2/checkout/orders/{order}")
        facts: list[Fact] = []
        for unit in children(reply.body, "purchase_units"):
            for refund in children(child(unit, "payments") or {}, "refunds"):
                facts += facts_told("refund", refund, reply)
    except (*API_ERRORS, MalformedDelivery):
        # Orders are forgotten after a while, and a key may lack the right to read them.
        return None
    return [fact for fact in facts if isinstance(fact, Refund) and fact.charge == charge]


def facts_told(kind: str, resource: JsonObject, reply: Reply) -> tuple[Fact, ...]:
    """The facts of an object that `reply` holds, as it stands at the time that PayPal's own clock gives the answer."""
    return facts_of(kind, resource, needed(reply.sent_at, "Date"))


def _of(charge: str, fact: Fact) -> Fact:
    return replace(fact, charge=charge) if isinstance(fact, Dispute) and fact.charge is None else fact
