"""PayPal's two ways to refund: a sale by API v1, a capture by v2. Same rules, other words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from worker.sandbox.bank import paypal_shapes as shapes
from worker.sandbox.bank.book import Back, Book, RefundStatus, RuleError, Taken
from worker.sandbox.bank.door import Done, Door, Order
from worker.sandbox.bank.faults import Fault, Faults
from worker.sandbox.bank.keys import Keys
from worker.sandbox.bank.paypal_errors import broken_rule, fault_words, missing, v1_error, v2_error
from worker.sandbox.bank.wire import Answered, Asked, said

Json = dict[str, Any]
Kind = Literal["sale", "capture"]
REFUND_WINDOW = timedelta(days=180)
KEY_LIFETIMES: Mapping[Kind, timedelta] = {"sale": timedelta(days=30), "capture": timedelta(days=45)}
KEY_CHARACTERS_MAX = 78
_WHOLE = frozenset({"HUF", "JPY", "TWD"})
_TOLD = ("invoice_number", "reason", "custom_id", "invoice_id", "note_to_payer")


@dataclass(frozen=True)
class Wanted:
    """What a request asks for; without an amount PayPal gives back whatever is left."""

    minor: int | None
    mark: str | None
    told: Json = field(default_factory=dict)


class PayPalRefunds(Door[str]):
    """Refunds of one kind of charge. Under a request id stands the refund: a repetition is answered with how that one
    is now, and a failure is not kept."""

    def __init__(self, book: Book, faults: Faults, kind: Kind) -> None:
        super().__init__(book, faults)
        self._kind = kind
        self._v2 = kind == "capture"
        self._keys = Keys[str](KEY_LIFETIMES[kind])

    def post(self, asked: Asked, name: str) -> Answered:
        charge = self.book.charges.get(name)
        if charge is None or charge.provider != "paypal" or charge.kind != self._kind:
            return missing(v2=self._v2)
        try:
            wanted = self._wanted(asked.body, charge.currency)
        except RuleError as broken:
            return broken_rule(broken.rule, v2=self._v2)
        key = asked.headers.get("paypal-request-id") or self.book.names.paypal()
        if len(key) > KEY_CHARACTERS_MAX:
            return v1_error(400, "PAYMENT_REQUEST_ID_INVALID", "PayPal-Request-Id is too long.")

        def execute(status: RefundStatus) -> Done:
            return self._refund(charge, wanted, key, status)

        parameters = f"{asked.path} {asked.body.decode('utf-8', 'replace')}"
        return self.money(self._keys, Order(f"POST {asked.path}", key, parameters, execute))

    def shown(self, made: Back, status: int) -> Answered:
        if self._v2:
            return said(status, shapes.refund_v2(made))
        return said(status, shapes.refund_v1(made, self.book.back(made.charge.id)))

    def refused(self, fault: Fault) -> Answered:
        if fault is Fault.RATE_LIMITED:
            return fault_words(fault, v2=self._v2, Retry_After=str(self.faults.retry_after_s))
        return fault_words(fault, v2=self._v2)

    def differs(self) -> Answered:
        message = "The value of PayPal-Request-Id header has already been used."
        if self._v2:
            return v2_error(422, "UNPROCESSABLE_ENTITY", "PAYPAL_REQUEST_ID_PREVIOUSLY_USED", message)
        return v1_error(400, "DUPLICATE_REQUEST_ID", message)

    def replayed(self, kept: str) -> Answered:
        return self.shown(self.book.refunds[kept], 200)

    def remember(self, keys: Keys[str], order: Order, done: Done, answer: Answered) -> None:
        del answer
        if done.made is None:
            keys.drop(order.key)
        else:
            keys.keep(order.key, done.made.id)

    def _refund(self, charge: Taken, wanted: Wanted, key: str, status: RefundStatus) -> Done:
        minor = charge.minor - self.book.back(charge.id) if wanted.minor is None else wanted.minor
        try:
            self._may_refund(charge, wanted)
            made = self.book.give_back(
                charge, max(minor, 1), status=status, mark=wanted.mark, key=key, told=wanted.told
            )
        except RuleError as broken:
            return Done(broken_rule(broken.rule, v2=self._v2))
        return Done(self.shown(made, 201), made)

    def _may_refund(self, charge: Taken, wanted: Wanted) -> None:
        if self.book.clock() - charge.at > REFUND_WINDOW:
            raise RuleError("too_old")
        invoice = wanted.told.get("invoice_id")
        if invoice and any(one.told.get("invoice_id") == invoice for one in self.book.refunds.values()):
            raise RuleError("duplicate_invoice")

    def _wanted(self, body: bytes, currency: str) -> Wanted:
        try:
            told = json.loads(body or b"{}")
        except ValueError:
            raise RuleError("malformed") from None
        if not isinstance(told, dict):
            raise RuleError("malformed")
        said_so = {name: told[name] for name in _TOLD if isinstance(told.get(name), str)}
        mark = said_so.get("custom_id" if self._v2 else "invoice_number")
        amount = told.get("amount")
        if amount is None:
            return Wanted(None, mark, said_so)
        value, unit = ("value", "currency_code") if self._v2 else ("total", "currency")
        if not isinstance(amount, dict) or not isinstance(amount.get(value), str):
            raise RuleError("malformed")
        if amount.get(unit) != currency:
            raise RuleError("currency")
        return Wanted(_minor(amount[value], currency), mark, said_so)


def _minor(value: str, currency: str) -> int:
    """PayPal's decimal text as minor units, as strictly as PayPal takes it."""
    found = re.fullmatch(r"(-?[0-9]{1,12})(?:\.([0-9]+))?", value)
    if found is None:
        raise RuleError("malformed")
    whole, cents = int(found[1]), found[2] or ""
    if currency in _WHOLE and cents:
        raise RuleError("decimals")
    if len(cents) > 2:
        raise RuleError("precision")
    minor = whole if currency in _WHOLE else whole * 100 + int(cents.ljust(2, "0"))
    if minor <= 0 or value.startswith("-"):
        raise RuleError("not_positive")
    return minor
