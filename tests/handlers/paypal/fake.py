"""A small PayPal that remembers: tokens, sales, captures, refunds by request id, disputes, subscriptions.

It is no PayPal that anybody would mistake for the real one; what it answers is held against PayPal's own description.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import cast

from handlers.paypal.gateway import PayPalGateway
from handlers.strict_json import JsonObject
from tests.answering import Answered, Asked, serving

CLIENT_ID, CLIENT_SECRET = "client-of-tests", "secret-of-tests"
SALE_ID, CAPTURE_ID, ORDER_ID = "8XY00000000000001", "3C679366HH908993F", "5O190127TN364715T"


def answer(status: int, body: object = None, **headers: str) -> Answered:
    """An answer with JSON in it."""
    return Answered(status, b"" if body is None else json.dumps(body).encode(), headers)


def refused(status: int, name: str, issue: str | None = None, message: str = "No.", **headers: str) -> Answered:
    """An error as PayPal writes them."""
    details = [{"issue": issue, "description": message}] if issue else []
    return answer(
        status, {"name": name, "message": message, "debug_id": "90957fca61718", "details": details}, **headers
    )


@dataclass
class FakePayPal:
    """`next` holds answers that are given before all others, by the words that a path contains."""

    asked: list[Asked] = field(default_factory=list)
    objects: dict[str, JsonObject] = field(default_factory=dict)
    refunds: dict[str, JsonObject] = field(default_factory=dict)
    scripted: dict[str, list[Answered]] = field(default_factory=dict)
    tokens: int = 0
    revoked: set[str] = field(default_factory=set)
    expires_in_s: int = 32400
    lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, where: str, *answers: Answered) -> None:
        """From now on the next requests to paths that contain `where` are answered so."""
        self.scripted[where] = list(answers)

    def of(self, method: str, words: str = "") -> list[Asked]:
        """The requests that came, tokens apart."""
        return [
            each for each in self.asked if each.method == method and words in each.path and "oauth2" not in each.path
        ]

    def __call__(self, asked: Asked) -> Answered:
        with self.lock:
            self.asked.append(asked)
            for where, answers in self.scripted.items():
                if where in asked.path and answers:
                    return answers.pop(0)
            if asked.path == "/v1/oauth2/token":
                return self._token(asked)
            if asked.headers.get("authorization") not in self._valid_tokens():
                return refused(401, "AUTHENTICATION_FAILURE")
            return self._post(asked) if asked.method == "POST" else self._get(asked)

    def _valid_tokens(self) -> set[str]:
        return {f"Bearer token-{number}" for number in range(1, self.tokens + 1)} - self.revoked

    def _token(self, asked: Asked) -> Answered:
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {basic}":
            return answer(401, {"error": "invalid_client", "error_description": "Client Authentication failed"})
        self.tokens += 1
        return answer(
            200, {"access_token": f"token-{self.tokens}", "token_type": "Bearer", "expires_in": self.expires_in_s}
        )

    def _get(self, asked: Asked) -> Answered:
        found = self.objects.get(asked.path)
        return answer(200, found) if found else refused(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID")

    def _post(self, asked: Asked) -> Answered:
        if asked.path.endswith("/cancel"):
            path = asked.path.removesuffix("/cancel")
            return answer(204) if path in self.objects else refused(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID")
        if asked.path.removesuffix("/refund") not in self.objects:
            return refused(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID")
        key = asked.headers["paypal-request-id"]
        known = key in self.refunds
        made = self.refunds.setdefault(key, self._refund(asked, len(self.refunds) + 1))
        return answer(200 if known else 201, made)

    def _refund(self, asked: Asked, number: int) -> JsonObject:
        body = cast("JsonObject", json.loads(asked.body))
        charge = asked.path.split("/")[-2]
        times = {"create_time": "2026-03-09T10:00:00Z", "update_time": "2026-03-09T10:00:00Z"}
        made: JsonObject = {"id": f"R{number}", "amount": body["amount"], **times}
        if asked.path.startswith("/v1"):
            return made | {"state": "completed", "sale_id": charge, "invoice_number": body.get("invoice_number", "")}
        up = {"rel": "up", "method": "GET", "href": f"https://api-m.paypal.com/v2/payments/captures/{charge}"}
        return made | {"status": "COMPLETED", "custom_id": body["custom_id"], "links": [up]}


@contextmanager
def paypal(fake: Callable[[Asked], Answered], timeout_s: float = 20.0) -> Iterator[PayPalGateway]:
    """A gateway whose PayPal is `fake`."""
    with serving(fake) as base, closing(PayPalGateway(CLIENT_ID, CLIENT_SECRET, base, timeout_s)) as gateway:
        yield gateway


def world() -> FakePayPal:
    """A PayPal with one sale of a subscription and one capture of an order."""
    fake = FakePayPal()
    fake.objects[f"/v1/payments/sale/{SALE_ID}"] = {
        "id": SALE_ID,
        "state": "completed",
        "amount": {"total": "99.00", "currency": "USD"},
        "billing_agreement_id": "I-AAAA",
        "create_time": "2026-03-08T10:00:01Z",
        "update_time": "2026-03-08T10:00:05Z",
    }
    fake.objects[f"/v2/payments/captures/{CAPTURE_ID}"] = {
        "id": CAPTURE_ID,
        "status": "COMPLETED",
        "amount": {"value": "99.00", "currency_code": "USD"},
        "create_time": "2026-03-08T10:00:01Z",
        "update_time": "2026-03-08T10:00:05Z",
        "supplementary_data": {"related_ids": {"order_id": ORDER_ID}},
    }
    for charge in (SALE_ID, CAPTURE_ID):
        fake.objects[_disputes_path(charge)] = {"items": [], "links": []}
    return fake


def dispute(fake: FakePayPal, charge: str, **changes: object) -> None:
    """Somebody disputes `charge`."""
    case: JsonObject = {
        "dispute_id": "PP-D-1",
        "status": "OPEN",
        "create_time": "2026-03-10T00:00:00.000Z",
        "update_time": "2026-03-11T00:00:00.000Z",
        "dispute_amount": {"value": "99.00", "currency_code": "USD"},
        **changes,
    }
    fake.objects[_disputes_path(charge)] = {"items": [case], "links": []}
    transactions = [{"seller_transaction_id": charge}]
    fake.objects["/v1/customer/disputes/PP-D-1"] = case | {"disputed_transactions": transactions}


def _disputes_path(charge: str) -> str:
    return f"/v1/customer/disputes?disputed_transaction_id={charge}&page_size=50"
