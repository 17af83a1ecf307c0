"""PayPal's outgoing side: refunds, cancellations, and a fresh look at a charge."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from handlers.currencies import paypal_value
from handlers.gateway import (
    Answer,
    CreditOrder,
    Done,
    Looked,
    Mismatch,
    NoCredential,
    RefundOrder,
    Refusal,
    Refused,
    Uncertain,
)
from handlers.inbox import MalformedDelivery
from handlers.paypal.api import PayPalApi, Reply
from handlers.paypal.looking import look, look_at_refund
from handlers.paypal.reading import identity, mark, words
from handlers.paypal.refusals import API_ERRORS, Failure, failure, is_missing
from handlers.paypal.translate import facts_of
from handlers.strict_json import JsonObject
from reconcile.facts import Refund

DAY_S = 24 * 3600
CANCEL_REASON = "Cancelled by the merchant"

_HEADER_SAFE = re.compile(r"[!-~]{1,78}", re.ASCII)
_REFUND_PATHS = {"sale": "/v1/payments/sale/{}/refund", "capture": "/v2/payments/captures/{}/refund"}
_NOT_TO_CANCEL = frozenset({"SUBSCRIPTION_STATUS_INVALID", "STATUS_INVALID", "RP_INVALID_STATUS_TO_CANCEL"})


class PayPalGateway:
    """Implements `handlers.gateway.Gateway`. Every call is one request (a second only after a 401 or an answer without
    content) and never repeats what may have moved money."""

    name = "paypal"
    repeats_are_lookups = True

    def __init__(self, client_id: str, client_secret: str, api_base: str, timeout_s: float) -> None:
        self.key_lifetime_s = {"sale": 30 * DAY_S, "capture": 45 * DAY_S}
        self._api = PayPalApi(client_id, client_secret, api_base, timeout_s)

    def close(self) -> None:
        """Closes the connections that are kept open between calls."""
        self._api.close()

    def look(self, charge: str, api: str) -> Looked:
        """Read the charge, its refunds (where PayPal lists them) and its disputes afresh."""
        return look(self._api, charge, api)

    def look_at_refund(self, refund: str, api: str) -> Looked:
        """Read one refund afresh: of a sale there is no list to find it in."""
        return look_at_refund(self._api, refund, api)

    def refund(self, order: RefundOrder) -> Answer:
        """Refund exactly `order.amount`. The identical order again, in the key's lifetime, gives the first refund."""
        path = _REFUND_PATHS.get(order.api)
        if path is None or order.amount.minor <= 0:
            return Refused(Refusal.NOT_THIS_WAY, "no_such_refund", "a sale or a capture, by more than nothing")
        try:
            body = _sale_refund(order) if order.api == "sale" else _capture_refund(order)
        except (ValueError, MalformedDelivery) as error:
            return Refused(Refusal.NOT_THIS_WAY, "amount_cannot_be_written", str(error))
        headers = {"PayPal-Request-Id": request_id(order.key), "Prefer": "return=representation"}
        try:
            reply: Reply = self._api.post(path.format(quote(order.charge, safe="")), body, headers)
        except API_ERRORS as error:
            return failure(error)
        return self._refunded(order, reply)

    def credit(self, order: CreditOrder) -> Answer:  # noqa: ARG002  PayPal keeps no balance, whatever is ordered
        """Never: credits for PayPal's customers stand on our own books."""
        return Refused(Refusal.NOT_THIS_WAY, "no_customer_balance", "PayPal keeps no balance for a customer")

    def cancel(self, subscription: str, key: str) -> Answer:
        """End a subscription, or a billing agreement of API v1. One that has ended already is done."""
        name, headers = quote(subscription, safe=""), {"PayPal-Request-Id": request_id(key)}
        current = f"/v1/billing/subscriptions/{name}"
        answer = self._cancelled(current, {"reason": CANCEL_REASON}, headers)
        if not is_missing(answer):
            return answer
        return self._cancelled(f"/v1/payments/billing-agreements/{name}", {"note": CANCEL_REASON}, headers)

    def _cancelled(self, path: str, body: JsonObject, headers: dict[str, str]) -> Answer:
        try:
            self._api.post(f"{path}/cancel", body, headers)
        except API_ERRORS as error:
            answer = failure(error)
            if not isinstance(answer, Refused) or answer.code not in _NOT_TO_CANCEL:
                return answer
            return self._ended(path, answer)
        return Done()

    def _ended(self, path: str, refused: Refused) -> Answer:
        """PayPal refuses to cancel what is not active: done where it has ended, refused where it has not begun."""
        try:
            reply: Reply = self._api.get(path)
            state = words(reply.body, "status") or words(reply.body, "state") or ""
        except API_ERRORS as error:
            return _not_known(failure(error))
        except MalformedDelivery:
            return Uncertain("PayPal's answer cannot be read")
        if state.lower() in {"cancelled", "canceled", "expired", "completed"}:
            return Done()
        return replace(refused, refusal=Refusal.NOT_THIS_WAY)

    def _refunded(self, order: RefundOrder, reply: Reply) -> Answer:
        """PayPal's own record of the refund, held against the order."""
        try:
            made = self._record(order, reply)
        except API_ERRORS as error:
            return _not_known(failure(error))
        except MalformedDelivery as error:
            return Uncertain(f"PayPal's answer cannot be understood: {error}")
        if made is None:
            return Uncertain("PayPal's answer is no refund")
        if made.amount != order.amount:
            return Mismatch("PayPal refunded another amount than was ordered", made)
        if made.charge not in {order.charge, None}:
            return Mismatch("PayPal refunded another charge than was ordered", made)
        return Done(replace(made, charge=order.charge, remedy=order.remedy))

    def _record(self, order: RefundOrder, reply: Reply) -> Refund | None:
        refund_id = identity(reply.body, "id")
        if refund_id and "amount" not in reply.body:
            # Minimal answers, which a proxy or a change of PayPal's default may bring, name the refund only.
            folder = "/v1/payments/refund" if order.api == "sale" else "/v2/payments/refunds"
            reply = self._api.get(f"{folder}/{refund_id}")
        if reply.sent_at is None:
            return None
        facts: Sequence[object] = facts_of("refund", reply.body, reply.sent_at)
        return next((fact for fact in facts if isinstance(fact, Refund)), None)


def request_id(key: str) -> str:
    """The key as PayPal-Request-Id: itself where PayPal takes it (78 plain characters), else `sha256-` and its digest.

    The same key always gives the same id, which is what makes a repetition harmless.
    """
    if _HEADER_SAFE.fullmatch(key):
        return key
    return f"sha256-{hashlib.sha256(key.encode()).hexdigest()}"


def _sale_refund(order: RefundOrder) -> JsonObject:
    """v1. Of its fields only the invoice number comes back in webhooks and reports: it carries the mark."""
    body: JsonObject = {
        "amount": {"total": paypal_value(order.amount), "currency": order.amount.currency},
        "reason": "Duplicate charge" if order.duplicate else "Billing correction",
    }
    marked = mark(order.remedy)
    return body | {"invoice_number": marked} if marked else body


def _capture_refund(order: RefundOrder) -> JsonObject:
    """v2, which has a field for the mark. Its invoice id stays unused: it must be new for each refund of all time."""
    body: JsonObject = {"amount": {"value": paypal_value(order.amount), "currency_code": order.amount.currency}}
    if order.duplicate:
        body["note_to_payer"] = "Refund of a duplicate charge"
    marked = mark(order.remedy)
    return body | {"custom_id": marked} if marked else body


def _not_known(failed: Failure) -> Answer:
    """What a failed reading says of the call before it, which did reach PayPal: nothing."""
    if isinstance(failed, NoCredential):
        return failed
    return Uncertain("PayPal answered, but its record cannot be read", getattr(failed, "retry_after_s", None))
