"""Stripe's door: the part of its API that makegood uses, with its rules and its words."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from worker.sandbox.bank import stripe_shapes as shapes
from worker.sandbox.bank.book import Book, Note, RefundStatus, RuleError, Taken
from worker.sandbox.bank.door import Done, Door, Order
from worker.sandbox.bank.faults import Fault, Faults
from worker.sandbox.bank.keys import Keys
from worker.sandbox.bank.stripe_errors import RULES, WORDS, error, missing
from worker.sandbox.bank.stripe_params import Params, page, wrong, wrong_note
from worker.sandbox.bank.wire import Answered, Asked, said

Json = dict[str, Any]
KEY_LIFETIME = timedelta(hours=24)


class StripeSide(Door[Answered]):
    """What `https://api.stripe.com` is. `api_key` is the only key it takes; lists show a refund only `lag` after it was
    made."""

    def __init__(self, book: Book, faults: Faults, api_key: str) -> None:
        super().__init__(book, faults)
        self.lag = timedelta()
        self._api_key = api_key
        self._keys: Keys[Answered] = Keys(KEY_LIFETIME)
        self._reads: dict[str, Callable[[Params, str], Answered]] = {
            "/v1/charges/([^/]+)": self._charge,
            "/v1/charges()": self._charges,
            "/v1/refunds/([^/]+)": self._refund,
            "/v1/refunds()": self._refunds,
            "/v1/disputes/([^/]+)": self._dispute,
            "/v1/disputes()": self._disputes,
            "/v1/customers/([^/]+)/balance_transactions": self._balance,
            "/v1/credit_notes()": self._notes,
            "/v1/subscriptions/([^/]+)": self._subscription,
            "/v1/subscriptions()": self._subscriptions,
            "/v1/invoices()": self._invoices,
        }

    def __call__(self, asked: Asked) -> Answered:
        if asked.headers.get("authorization") != f"Bearer {self._api_key}":
            return error(401, "Invalid API Key provided: [key]")
        params = dict(asked.query) | dict(parse_qsl(asked.body.decode("utf-8", "replace"), keep_blank_values=True))
        if asked.method == "GET":
            return self.read(f"GET {asked.path}", lambda: self._got(asked.path, params))
        if asked.method == "DELETE" and (found := re.fullmatch("/v1/subscriptions/([^/]+)", asked.path)):
            return self.change(lambda: self._end(found[1]))
        return self._post(asked, params)

    def _got(self, path: str, params: Params) -> Answered:
        for pattern, answer in self._reads.items():
            if found := re.fullmatch(pattern, path):
                return answer(params, found[1])
        return error(404, f"Unrecognized request URL (GET: {path}).")

    def _post(self, asked: Asked, params: Params) -> Answered:
        credited = re.fullmatch("/v1/customers/([^/]+)/balance_transactions", asked.path)
        if asked.path == "/v1/refunds":
            bad = wrong(params, {"charge", "amount", "reason", "metadata"})
        elif credited:
            bad = wrong(params, {"amount", "currency", "description", "metadata"})
        elif asked.path == "/v1/credit_notes":
            bad = wrong_note(params)
        else:
            return error(404, f"Unrecognized request URL (POST: {asked.path}).")
        if bad is not None:
            return bad
        key = asked.headers.get("idempotency-key") or self.book.names.stripe("auto")
        if credited:
            execute = self._crediting(credited[1], params, key)
        elif asked.path == "/v1/credit_notes":
            execute = self._noting(params, key)
        else:
            execute = self._refunding(params, key)
        parameters = f"{asked.path} {sorted(params.items())}"
        return self.money(self._keys, Order(f"POST {asked.path}", key, parameters, execute))

    def _refunding(self, params: Params, key: str) -> Callable[[RefundStatus], Done]:
        def refund(status: RefundStatus) -> Done:
            charge = self._known(params.get("charge", ""))
            if charge is None:
                return Done(missing("charge", params.get("charge", "")))
            # Without an amount Stripe gives back whatever is left.
            minor = int(params["amount"]) if "amount" in params else max(self.book.left(charge), 1)
            told = {"reason": params.get("reason")}
            try:
                mark = params.get(f"metadata[{shapes.REMEDY}]")
                made = self.book.give_back(charge, minor, status=status, mark=mark, key=key, told=told)
            except RuleError as broken:
                return Done(RULES[broken.rule](charge, minor, broken.left_minor))
            return Done(said(200, shapes.refund(made)), made)

        return refund

    def _crediting(self, customer: str, params: Params, key: str) -> Callable[[RefundStatus], Done]:
        def credit(_: RefundStatus) -> Done:
            if not self._has_customer(customer):
                return Done(missing("customer", customer))
            mark = params.get(f"metadata[{shapes.REMEDY}]")
            made = self.book.credit(customer, -int(params["amount"]), params["currency"].upper(), mark=mark, key=key)
            return Done(said(200, shapes.credit(made)), made)

        return credit

    def _noting(self, params: Params, key: str) -> Callable[[RefundStatus], Done]:
        def note(_: RefundStatus) -> Done:
            bill = self.book.invoices.get(params["invoice"])
            if bill is None:
                return Done(missing("invoice", params["invoice"]))
            minor, left = int(params["amount"]), bill["amount_paid"] - self.book.noted(bill["id"])
            if bill["status"] != "paid" or minor > left:
                return Done(error(400, f"The invoice {bill['id']} can be credited by {left} at most.", param="amount"))
            mark = params.get(f"metadata[{shapes.REMEDY}]")
            told = {name: params.get(name) for name in ("memo", "reason")}
            made_by = Note(self.book.names.stripe("cn"), bill["id"], told)
            currency = bill["currency"].upper()
            made = self.book.credit(bill["customer"], minor, currency, note=made_by, mark=mark, key=key)
            return Done(said(200, shapes.note(made)), made)

        return note

    # What Door asks for

    def refused(self, fault: Fault) -> Answered:
        headers = {"Retry_After": str(self.faults.retry_after_s)} if fault is Fault.RATE_LIMITED else {}
        return WORDS[fault](**headers)

    def differs(self) -> Answered:
        message = (
            "Keys for idempotent requests can only be used with the same parameters they were first used with. "
            "Try using a key other than the one that was sent if you meant to execute a different request."
        )
        return error(400, message, type="idempotency_error")

    def replayed(self, kept: Answered) -> Answered:
        return Answered(kept.status, kept.body, {**kept.headers, "Idempotent-Replayed": "true"})

    def remember(self, keys: Keys[Answered], order: Order, done: Done, answer: Answered) -> None:
        # Whatever came of it, and a failure of Stripe's own too, is the answer for the life of the key.
        del done
        keys.keep(order.key, answer)

    # Reading

    def _known(self, name: str) -> Taken | None:
        found = self.book.charges.get(name)
        return found if found is not None and found.provider == "stripe" else None

    def _has_customer(self, customer: str) -> bool:
        return any(one.customer == customer and one.provider == "stripe" for one in self.book.charges.values())

    def _shown(self, taken: Taken) -> Json:
        return shapes.charge(taken, self.book.back(taken.id), self.book.case_of(taken.id))

    def _charge(self, _: Params, name: str) -> Answered:
        found = self._known(name)
        return said(200, self._shown(found)) if found else missing("charge", name, param="id")

    def _charges(self, params: Params, _: str) -> Answered:
        taken = [self._shown(one) for one in self.book.charges.values() if one.provider == "stripe"]
        return page(taken, params, "/v1/charges", {"customer", "payment_intent"})

    def _refund(self, _: Params, name: str) -> Answered:
        found = self.book.refunds.get(name)
        ours = found is not None and found.charge.provider == "stripe"
        return said(200, shapes.refund(found)) if found and ours else missing("refund", name, param="id")

    def _refunds(self, params: Params, _: str) -> Answered:
        charge = params.get("charge")
        if charge is not None and self._known(charge) is None:
            return missing("charge", charge)
        shown_until = self.book.clock() - self.lag
        made = self.book.refunds.values() if charge is None else self.book.of(charge)
        shown = [shapes.refund(r) for r in made if r.charge.provider == "stripe" and r.at <= shown_until]
        return page(shown, params, "/v1/refunds", {"charge", "payment_intent"})

    def _dispute(self, _: Params, name: str) -> Answered:
        found = self.book.cases.get(name)
        ours = found is not None and found.charge.provider == "stripe"
        return said(200, shapes.dispute(found)) if found and ours else missing("dispute", name, param="id")

    def _disputes(self, params: Params, _: str) -> Answered:
        cases = [shapes.dispute(one) for one in self.book.cases.values() if one.charge.provider == "stripe"]
        return page(cases, params, "/v1/disputes", {"charge", "payment_intent"})

    def _balance(self, params: Params, customer: str) -> Answered:
        if not self._has_customer(customer):
            return missing("customer", customer)
        made = [shapes.credit(one) for one in self.book.credits.values() if one.customer == customer]
        return page(made, params, f"/v1/customers/{customer}/balance_transactions", set())

    def _notes(self, params: Params, _: str) -> Answered:
        made = [shapes.note(one) for one in self.book.credits.values() if one.note is not None]
        return page(made, params, "/v1/credit_notes", {"customer", "invoice"})

    def _subscription(self, _: Params, name: str) -> Answered:
        found = self.book.agreements.get(name)
        ours = found is not None and found.provider == "stripe"
        return said(200, shapes.subscription(found)) if found and ours else missing("subscription", name, param="id")

    def _subscriptions(self, params: Params, _: str) -> Answered:
        every = [shapes.subscription(one) for one in self.book.agreements.values() if one.provider == "stripe"]
        wanted = params.get("status", "")
        # Unless asked otherwise Stripe leaves out what has ended.
        shown = [
            one for one in every if wanted in {"all", one["status"]} or (not wanted and one["status"] != "canceled")
        ]
        return page(shown, params, "/v1/subscriptions", set(), also={"status"})

    def _end(self, name: str) -> Answered:
        found = self.book.agreements.get(name)
        # Stripe no longer knows a cancelled one here, although it goes on showing it.
        if found is None or found.provider != "stripe" or shapes.subscription(found)["status"] == "canceled":
            return missing("subscription", name, param="id")
        self.book.end(name)
        return said(200, shapes.subscription(found))

    def _invoices(self, params: Params, _: str) -> Answered:
        told = {name: value for name, value in params.items() if not name.startswith("expand[")}
        with_payments = "data.payments" in {v for name, v in params.items() if name.startswith("expand[")}
        made = [shapes.invoice(one, with_payments=with_payments) for one in self.book.invoices.values()]
        return page(made, told, "/v1/invoices", {"customer"})
