"""A small Stripe on loopback that remembers: charges, refunds, keys. A test may put an answer of its own first."""

import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from handlers.gateway import RefundOrder
from reconcile.money import Money
from tests import answering
from tests.answering import Answered, serving
from tests.handlers.stripe.bodies import Json, charge, subscription

KEY = "rk_test_fake"
REMEDY = "remedy:stripe:ch_1"
ORDER = RefundOrder("ch_1", "charge", Money(2500, "USD"), f"{REMEDY}:1", REMEDY)
HANG_S = 2.0


@dataclass(frozen=True)
class Reply:
    """An answer as it goes over the wire; `how` is answer, hang (longer than the client waits) or reset."""

    status: int = 200
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = ()
    how: str = "answer"


def said(status: int, told: object, *headers: tuple[str, str]) -> Reply:
    return Reply(status, json.dumps(told).encode(), headers)


def error(status: int, *headers: tuple[str, str], **detail: object) -> Reply:
    return said(status, {"error": {"type": "invalid_request_error", "message": "no"} | detail}, *headers)


@dataclass(frozen=True)
class Asked:
    """One request as it came: `params` are the form's or the query's, flat, with Stripe's brackets in the names."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]


@dataclass
class World:
    """What this Stripe knows."""

    charges: dict[str, Json] = field(default_factory=lambda: {"ch_1": charge()})
    refunds: list[Json] = field(default_factory=list)
    disputes: list[Json] = field(default_factory=list)
    balance: list[Json] = field(default_factory=list)
    notes: list[Json] = field(default_factory=list)
    subscriptions: dict[str, Json] = field(default_factory=lambda: {"sub_1": subscription()})
    keys: dict[str, tuple[dict[str, str], Reply]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    first: deque[Reply] = field(default_factory=deque)
    page: int = 100
    url: str = ""

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        if self.first:
            return self.first.popleft()
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return error(401, message=f"Invalid API Key provided: {KEY}")
        if asked.method != "POST":
            return self._read(asked)
        key = asked.headers["idempotency-key"]
        if key in self.keys:
            params, stored = self.keys[key]
            return stored if params == asked.params else error(400, type="idempotency_error")
        makes = {"/v1/refunds": self._refund, "/v1/credit_notes": self._note}
        made = makes.get(asked.path, self._credit)(asked)
        if made.status == 200:
            self.keys[key] = asked.params, made
        return made

    def _read(self, asked: Asked) -> Reply:
        *_, kind, ident = asked.path.split("/")
        if ident == "credit_notes":
            return self._page_of([one for one in self.notes if one["customer"] == asked.params["customer"]], asked)
        if ident in {"refunds", "disputes"}:
            listed = self.refunds if ident == "refunds" else self.disputes
            return self._page_of([item for item in listed if item["charge"] == asked.params["charge"]], asked)
        if ident == "balance_transactions":
            return self._page_of([item for item in self.balance if item["customer"] == kind], asked)
        held = {"charges": self.charges, "subscriptions": self.subscriptions}[kind]
        gone = asked.method == "DELETE" and held.get(ident, {}).get("status") == "canceled"
        if ident not in held or gone:
            return error(404, code="resource_missing", message=f"No such {kind[:-1]}: '{ident}'", param="id")
        if asked.method == "DELETE":
            held[ident] |= {"status": "canceled", "canceled_at": held[ident]["created"] + 9}
        return said(200, held[ident])

    def _page_of(self, items: list[Json], asked: Asked) -> Reply:
        ids = [item["id"] for item in items]
        start = ids.index(asked.params["starting_after"]) + 1 if "starting_after" in asked.params else 0
        size = min(self.page, int(asked.params["limit"]))
        data = items[start : start + size]
        return said(200, {"object": "list", "data": data, "has_more": start + size < len(items), "url": asked.path})

    def _refund(self, asked: Asked) -> Reply:
        paid = self.charges.get(asked.params["charge"])
        if paid is None:
            return error(404, code="resource_missing", param="charge")
        amount, left = int(asked.params["amount"]), paid["amount"] - paid["amount_refunded"]
        if paid["disputed"]:
            return error(400, code="charge_disputed", message="Charge has been charged back; cannot issue a refund.")
        if left == 0:
            return error(400, code="charge_already_refunded", message="Charge ch_1 has already been refunded.")
        if amount > left:
            message = "Refund amount ($25.00) is greater than unrefunded amount on charge ($10.00)"
            return error(400, param="amount", message=message)
        paid["amount_refunded"] += amount
        made = {
            "id": f"re_{len(self.refunds) + 1}",
            "object": "refund",
            "amount": amount,
            "charge": paid["id"],
            "created": paid["created"] + 60,
            "currency": paid["currency"],
            "metadata": _metadata(asked),
            "payment_intent": paid["payment_intent"],
            "reason": asked.params.get("reason"),
            "status": "succeeded",
        }
        self.refunds.insert(0, made)
        return said(200, made)

    def _note(self, asked: Asked) -> Reply:
        amount = int(asked.params["amount"])
        made = {
            "id": f"cn_{len(self.notes) + 1}",
            "object": "credit_note",
            "amount": amount,
            "created": 1_717_200_060,
            "currency": "usd",
            "customer": "cus_1",
            "customer_balance_transaction": f"cbtxn_n{len(self.notes) + 1}",
            "invoice": asked.params["invoice"],
            "metadata": _metadata(asked),
            "out_of_band_amount": None,
            "post_payment_amount": amount,
            "pre_payment_amount": 0,
            "reason": asked.params.get("reason"),
            "refunds": [],
            "status": "issued",
        }
        self.notes.insert(0, made)
        return said(200, made)

    def _credit(self, asked: Asked) -> Reply:
        made = {
            "id": f"cbtxn_{len(self.balance) + 1}",
            "object": "customer_balance_transaction",
            "amount": int(asked.params["amount"]),
            "created": 1_717_200_060,
            "currency": asked.params["currency"],
            "customer": asked.path.split("/")[3],
            "metadata": _metadata(asked),
        }
        self.balance.insert(0, made)
        return said(200, made)


def _metadata(asked: Asked) -> dict[str, str]:
    return {name[9:-1]: value for name, value in asked.params.items() if name.startswith("metadata[")}


@contextmanager
def fake_stripe() -> Iterator[World]:
    """A World behind an address on loopback."""
    world = World()

    def answer(asked: answering.Asked) -> Answered:
        parts = urlsplit(asked.path)
        params = dict(parse_qsl(asked.body.decode() or parts.query, keep_blank_values=True))
        reply = world.answer(Asked(asked.method, parts.path, params, asked.headers))
        headers = {"Request-Id": f"req_{len(world.asked)}", **dict(reply.headers)}
        wait_s = HANG_S if reply.how == "hang" else 0.0
        return Answered(reply.status, reply.body, headers, wait_s=wait_s, hang_up=reply.how != "answer")

    with serving(answer) as world.url:
        yield world
