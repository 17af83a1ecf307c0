"""A stateful Stripe and PayPal in one, over real HTTP: they remember keys, charges and refunds, and fail on demand.

Both share one book, so that a test asks one question of it: how much of each charge went back, and how often under
which mark. Money moves exactly here, and nowhere else.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from handlers.paypal.reading import marked_remedy
from handlers.stripe.charges import REMEDY
from tests.handlers.stripe import bodies


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answered:
    """What to answer; `hang_up` closes without a word."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False


Json = dict[str, Any]
KEYS_KEPT = {"stripe": timedelta(hours=24), "paypal": timedelta(days=30)}
# What a call may meet. `lost`: done, and nobody hears of it; `dropped`: not done; `late`: done an hour later;
# `stored500`: not done, and the key answers so for ever; `done500`: done, the same; `pending`: made, not yet settled.
FAULTS = ("lost", "dropped", "late", "stored500", "done500", "429", "409", "pending")


@dataclass
class Taken:
    """A charge at its provider."""

    id: str
    provider: str
    minor: int
    at: datetime
    customer: str | None = None
    live: bool = True
    dispute: str | None = None  # Stripe's word for where it stands


@dataclass
class Made:
    """A refund, or a credit on a balance."""

    id: str
    provider: str
    charge: str
    minor: int
    at: datetime
    mark: str | None
    status: str = "succeeded"
    credit: bool = False


@dataclass
class Bank:
    """Both providers' books. `script` holds what the next calls that move money meet."""

    clock: Callable[[], datetime]
    charges: dict[str, Taken] = field(default_factory=dict)
    made: list[Made] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    keys: dict[tuple[str, str], tuple[str, Answered, datetime]] = field(default_factory=dict)
    script: deque[str] = field(default_factory=deque)
    looks: deque[str] = field(default_factory=deque)  # the same for calls that only read
    later: list[tuple[datetime, Callable[[], object]]] = field(default_factory=list)
    owed: dict[str, int] = field(default_factory=dict)  # what of a charge may go back in all, by whoever
    posts: list[str] = field(default_factory=list)  # the idempotency keys of calls that move money, as they came
    violations: list[str] = field(default_factory=list)
    urls: dict[str, str] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def reset(self, clock: Callable[[], datetime]) -> None:
        """An empty book at the same addresses."""
        self.clock = clock
        for held in (self.charges, self.made, self.ended, self.keys, self.script, self.looks):
            held.clear()
        for more in (self.later, self.posts, self.owed):
            more.clear()
        self.violations.clear()

    def take(self, id_: str, minor: int, provider: str = "stripe", **told: Any) -> Taken:  # noqa: ANN401 - fields
        self.charges[id_] = Taken(id_, provider, minor, self.clock(), **told)
        return self.charges[id_]

    def of(self, charge: str) -> list[Made]:
        """What went back of a charge and did not fail."""
        return [one for one in self.made if one.charge == charge and one.status != "failed"]

    def ours(self, charge: str) -> list[Made]:
        return [one for one in self.of(charge) if one.mark is not None]

    def back(self, charge: str) -> int:
        return sum(one.minor for one in self.of(charge) if not one.credit)

    def by_hand(self, charge: str, minor: int) -> Made:
        """Somebody refunds in the dashboard."""
        return self.make(self.charges[charge], minor, None)

    def make(self, charge: Taken, minor: int, mark: str | None, **told: Any) -> Made:  # noqa: ANN401 - fields
        made = Made(f"re_{len(self.made) + 1}", charge.provider, charge.id, minor, self.clock(), mark, **told)
        if mark is not None and charge.dispute in {"needs_response", "under_review"}:
            self.violations.append(f"{made.id} was made while {charge.id} is disputed")
        self.made.append(made)
        return made

    def tick(self) -> None:
        """What was to be executed later is executed, once its time has come."""
        due = [work for at, work in self.later if at <= self.clock()]
        self.later = [(at, work) for at, work in self.later if at > self.clock()]
        for work in due:
            work()

    def money(self, provider: str, key: str, body: str, work: Callable[[], Answered]) -> Answered:
        """A call that moves money: the key first, then whatever the script holds for it."""
        self.posts.append(key)
        stored = self.keys.get((provider, key))
        if stored is not None and self.clock() - stored[2] <= KEYS_KEPT[provider]:
            return stored[1] if stored[0] == body else _error(provider, 400, "idempotency_error")
        fault = self.script.popleft() if self.script else "ok"
        if fault in _SAYS:
            return _SAYS[fault](provider)
        if fault in {"dropped", "late", "late3"}:
            if fault.startswith("late"):
                hours = int(fault.removeprefix("late") or 1)
                at = self.clock() + timedelta(hours=hours)
                self.later.append((at, lambda: self._keep(provider, key, body, work)))
            return Answered(hang_up=True)
        if fault in {"stored500", "done500"}:
            return self._broken(provider, key, body, work if fault == "done500" else None)
        done = self._keep(provider, key, body, work)
        if fault in {"pending", "mismatch"}:
            return self._odd(provider, key, body, fault)
        return Answered(hang_up=True) if fault == "lost" else done

    def _broken(self, provider: str, key: str, body: str, work: Callable[[], Answered] | None) -> Answered:
        """A 500. Stripe gives it again for as long as it knows the key; PayPal says where the first request stands."""
        if work is not None:
            self._keep(provider, key, body, work)
        failed = _error(provider, 500, "INTERNAL_SERVICE_ERROR")
        return failed if provider == "paypal" else self._keep(provider, key, body, lambda: failed)

    def _odd(self, provider: str, key: str, body: str, fault: str) -> Answered:
        made = self.made[-1]
        if fault == "mismatch":
            made.minor += 1
            return _refund_of(made, 201)
        made.status = "pending"
        return self._keep(provider, key, body, lambda: _refund_of(made, 201))

    def _keep(self, provider: str, key: str, body: str, work: Callable[[], Answered]) -> Answered:
        known = self.keys.get((provider, key))
        if known is not None and work.__name__ == "refund":
            return known[1]  # a second request under the key, whenever it comes, is the first
        answer = work()
        if answer.status < 400 or answer.status >= 500:
            self.keys[provider, key] = (body, answer, self.clock())
        return answer

    def watch(self, charge: str, minor: int, key: str) -> None:
        """A call for money that its sender could have known not to be owed breaks a promise, whatever comes of it."""
        by_hand = sum(one.minor for one in self.of(charge) if one.mark is None)
        if charge in self.owed and by_hand + minor > self.owed[charge]:
            self.violations.append(f"{key} asks for {minor} although {by_hand} went back by hand")

    def refund(self, provider: str, charge: str, minor: int, mark: str | None) -> Answered:
        taken = self.charges.get(charge)
        if taken is None:
            return _error(provider, 404, "resource_missing")
        left = taken.minor - self.back(charge)
        if taken.dispute in {"needs_response", "under_review", "lost"}:
            return _error(provider, 400, "charge_disputed")
        if left <= 0:
            return _error(provider, 400, "charge_already_refunded")
        if minor > left:
            return _error(provider, 400, "too_much")
        return _refund_of(self.make(taken, minor, mark), 201)

    def stripe(self, asked: Asked) -> Answered:
        with self.lock:
            parts = urlsplit(asked.path)
            params = dict(parse_qsl(asked.body.decode() or parts.query))
            folder, *rest = parts.path.removeprefix("/v1/").split("/")
            if asked.method == "DELETE" or asked.path.endswith("/cancel"):
                self.ended.add(rest[0])
                return _said(200, _subscription(rest[0]))
            if asked.method == "POST":
                return self._stripe_post(asked, folder, rest, params)
            if self.looks:
                return _SAYS[self.looks.popleft()]("stripe")
            if folder == "charges":
                found = self.charges.get(rest[0])
                return _said(200, self._charge(found)) if found else _error("stripe", 404, "resource_missing")
            if folder == "customers":
                items = [_balance(one, rest[0]) for one in self.made if one.credit]
            elif folder == "refunds":
                items = [_refund(one) for one in self.made if one.charge == params["charge"] and not one.credit]
            else:
                items = [_dispute(one) for one in self.charges.values() if one.id == params["charge"] and one.dispute]
            return _said(200, {"object": "list", "data": items, "has_more": False, "url": parts.path})

    def _stripe_post(self, asked: Asked, folder: str, rest: list[str], params: Json) -> Answered:
        key, mark = asked.headers["idempotency-key"], params.get(f"metadata[{REMEDY}]")
        minor = abs(int(params["amount"]))
        if folder == "customers":
            charge = next(one for one in self.charges.values() if one.customer == rest[0])

            def credit() -> Answered:
                return _said(200, _balance(self.make(charge, minor, mark, credit=True), rest[0]))

            return self.money("stripe", key, asked.body.decode(), credit)

        def refund() -> Answered:
            return self.refund("stripe", params["charge"], minor, mark)

        self.watch(params["charge"], minor, key)
        return self.money("stripe", key, asked.body.decode(), refund)

    def _charge(self, one: Taken) -> Json:
        return {
            "id": one.id,
            "object": "charge",
            "amount": one.minor,
            "amount_captured": one.minor,
            "amount_refunded": self.back(one.id),
            "billing_details": {"email": None},
            "captured": True,
            "created": int(one.at.timestamp()),
            "currency": "usd",
            "customer": one.customer,
            "disputed": one.dispute is not None,
            "livemode": one.live,
            "metadata": {},
            "payment_intent": None,
            "status": "succeeded",
        }

    def paypal(self, asked: Asked) -> Answered:
        with self.lock:
            if asked.path == "/v1/oauth2/token":
                return _said(200, {"access_token": "token", "token_type": "Bearer", "expires_in": 30_000})
            if asked.path.endswith("/cancel"):
                self.ended.add(asked.path.split("/")[-2])
                return Answered(204)
            if asked.method == "POST":
                body = json.loads(asked.body)
                charge, key = asked.path.split("/")[-2], asked.headers["paypal-request-id"]
                minor = round(float(body["amount"]["total"]) * 100)
                mark = marked_remedy(body.get("invoice_number"))

                def refund() -> Answered:
                    return self.refund("paypal", charge, minor, mark)

                self.watch(charge, minor, key)
                return self.money("paypal", key, asked.body.decode(), refund)
            if self.looks:
                return _SAYS[self.looks.popleft()]("paypal")
            if asked.path.startswith("/v1/customer/disputes"):
                return self._cases(asked.path)
            found = self.charges.get(asked.path.split("/")[-1])
            return _said(200, self._sale(found)) if found else _error("paypal", 404, "resource_missing")

    def _cases(self, path: str) -> Answered:
        asked = dict(parse_qsl(urlsplit(path).query))
        charge = asked.get("disputed_transaction_id") or path.rsplit("PP-D-", maxsplit=1)[-1]
        one = self.charges.get(charge)
        if one is None or one.dispute is None:
            return _said(200, {"items": []})
        won = {"status": "RESOLVED", "dispute_outcome": {"outcome_code": "RESOLVED_SELLER_FAVOUR"}}
        case = {
            "dispute_id": f"PP-D-{one.id}",
            "create_time": _iso(one.at),
            "update_time": _iso(self.clock()),
            "dispute_amount": {"value": f"{one.minor / 100:.2f}", "currency_code": "USD"},
            "disputed_transactions": [{"seller_transaction_id": one.id}],
        } | (won if one.dispute == "won" else {"status": "OPEN"})
        return _said(200, case if "PP-D-" in path else {"items": [case]})

    def _sale(self, one: Taken) -> Json:
        back = self.back(one.id)
        state = "completed" if not back else "refunded" if back >= one.minor else "partially_refunded"
        return {
            "id": one.id,
            "state": state,
            "amount": {"total": f"{one.minor / 100:.2f}", "currency": "USD"},
            "billing_agreement_id": "I-1",
            "create_time": _iso(one.at),
            "update_time": _iso(self.clock()),
        }


def _said(status: int, told: object, **headers: str) -> Answered:
    return Answered(status, json.dumps(told).encode(), headers)


def _error(provider: str, status: int, code: str) -> Answered:
    if provider == "stripe":
        told = {"type": "idempotency_error" if code == "idempotency_error" else "invalid_request_error", "message": ""}
        told |= (
            {"param": "amount", "message": "greater than unrefunded amount"} if code == "too_much" else {"code": code}
        )
        return _said(status, {"error": told})
    name = {
        "charge_already_refunded": "TRANSACTION_ALREADY_REFUNDED",
        "too_much": "REFUND_EXCEEDED_TRANSACTION_AMOUNT",
        "charge_disputed": "TRANSACTION_DISPUTED",
        "resource_missing": "INVALID_RESOURCE_ID",
        "idempotency_error": "DUPLICATE_REQUEST_ID",
        "too_old": "REFUND_TIME_LIMIT_EXCEEDED",
        "no_funds": "INSUFFICIENT_FUNDS",
    }.get(code, code.upper())
    return _said(status, {"name": name, "message": "No.", "debug_id": "1", "details": []})


_SAYS: dict[str, Callable[[str], Answered]] = {
    "429": lambda provider: _said(429, json.loads(_error(provider, 429, "rate_limit").body), **{"Retry-After": "30"}),
    "409": lambda provider: _error(
        provider, 409, "idempotency_key_in_use" if provider == "stripe" else "PREVIOUS_REQUEST_IN_PROGRESS"
    ),
    "401": lambda provider: _error(provider, 401, "AUTHENTICATION_FAILURE"),
    "403": lambda provider: _error(provider, 403, "PERMISSION_DENIED"),
    "503": lambda provider: _error(provider, 503, "api_error"),
    "garbage": lambda _: Answered(200, b"<html>"),
    "too_old": lambda provider: _error(provider, 422, "too_old"),
    "no_funds": lambda provider: _error(provider, 400, "balance_insufficient" if provider == "stripe" else "no_funds"),
    "closed": lambda provider: _error(provider, 400, "USER_ACCOUNT_CLOSED" if provider == "paypal" else "nonsense"),
    "already": lambda provider: _error(provider, 400, "charge_already_refunded"),
    "disputed": lambda provider: _error(provider, 400, "charge_disputed"),
    "key_reused": lambda provider: _error(provider, 400, "idempotency_error"),
}


def _refund_of(made: Made, status: int) -> Answered:
    return _said(status if made.provider == "paypal" else 200, _refund(made))


def _refund(made: Made) -> Json:
    if made.provider == "stripe":
        return {
            "id": made.id,
            "object": "refund",
            "amount": made.minor,
            "charge": made.charge,
            "created": int(made.at.timestamp()),
            "currency": "usd",
            "metadata": {REMEDY: made.mark} if made.mark else {},
            "status": made.status,
        }
    states = {"succeeded": "completed", "pending": "pending", "failed": "failed"}
    times = {"create_time": _iso(made.at), "update_time": _iso(made.at)}
    amount = {"total": f"{made.minor / 100:.2f}", "currency": "USD"}
    return {"id": made.id, "state": states[made.status], "amount": amount, "sale_id": made.charge} | times


def _balance(made: Made, customer: str) -> Json:
    return {
        "id": made.id,
        "object": "customer_balance_transaction",
        "amount": -made.minor,
        "created": int(made.at.timestamp()),
        "currency": "usd",
        "customer": customer,
        "metadata": {REMEDY: made.mark} if made.mark else {},
    }


def _dispute(one: Taken) -> Json:
    return {
        "id": f"dp_{one.id}",
        "object": "dispute",
        "amount": one.minor,
        "charge": one.id,
        "created": int(one.at.timestamp()),
        "currency": "usd",
        "status": one.dispute,
    }


def _subscription(name: str) -> Json:
    times = {"canceled_at": bodies.CREATED + 9, "ended_at": bodies.CREATED + 9}
    return bodies.subscription() | {"id": name, "status": "canceled"} | times


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def open_bank(clock: Callable[[], datetime]) -> Iterator[Bank]:
    """A bank behind two addresses on loopback, whose answers are dated by `clock`."""
    bank = Bank(clock)
    with ExitStack() as stack:
        bank.urls["stripe"] = stack.enter_context(_serving(bank, bank.stripe))
        bank.urls["paypal"] = stack.enter_context(_serving(bank, bank.paypal))
        yield bank


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is what some tests are about."""


@contextmanager
def _serving(bank: Bank, answer: Callable[[Asked], Answered]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            given = answer(Asked(self.command, self.path, headers, self.rfile.read(length)))
            self.close_connection = True
            if given.hang_up:
                return
            self.send_response(given.status)
            for name, value in {"Content-Length": str(len(given.body)), **given.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(given.body)

        do_GET = do_POST = do_DELETE = handle_any  # noqa: N815  the names that http.server looks for

        def date_time_string(self, timestamp: float | None = None) -> str:  # noqa: ARG002  the library's own
            return format_datetime(bank.clock().replace(microsecond=0), usegmt=True)

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
