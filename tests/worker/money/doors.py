"""The bank's two doors: Stripe's and PayPal's HTTP, on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from handlers.paypal.reading import marked_remedy
from handlers.stripe.charges import REMEDY
from tests.worker.money import wire
from tests.worker.money.bank import Bank
from tests.worker.money.wire import Answered, Asked, Json, Taken


@contextmanager
def open_bank(clock: Callable[[], datetime]) -> Iterator[Bank]:
    """A bank behind two addresses on loopback, whose answers are dated by `clock`."""
    bank = Bank(clock)
    with ExitStack() as stack:
        bank.urls["stripe"] = stack.enter_context(_serving(bank, partial(stripe, bank)))
        bank.urls["paypal"] = stack.enter_context(_serving(bank, partial(paypal, bank)))
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


def stripe(bank: Bank, asked: Asked) -> Answered:
    with bank.lock:
        parts = urlsplit(asked.path)
        params = dict(parse_qsl(asked.body.decode() or parts.query))
        folder, *rest = parts.path.removeprefix("/v1/").split("/")
        if asked.method == "DELETE" or asked.path.endswith("/cancel"):
            if bank.cancels:
                return wire.SAYS[bank.cancels.popleft()]("stripe")
            bank.ended.add(rest[0])
            return wire.said(200, wire.subscription(rest[0]))
        if asked.method == "POST":
            return _stripe_post(bank, asked, folder, rest, params)
        if bank.looks:
            return wire.SAYS[bank.looks.popleft()]("stripe")
        if folder == "charges":
            found = bank.charges.get(rest[0])
            return wire.said(200, _charge(bank, found)) if found else wire.error("stripe", 404, "resource_missing")
        if folder == "customers":
            items = [wire.balance(one, rest[0]) for one in bank.made if one.credit]
        elif folder == "credit_notes":
            items = []  # it knows no invoices
        elif folder == "refunds":
            items = [wire.refund(one) for one in bank.made if one.charge == params["charge"] and not one.credit]
        else:
            items = [wire.dispute(one) for one in bank.charges.values() if one.id == params["charge"] and one.dispute]
        return wire.said(200, {"object": "list", "data": items, "has_more": False, "url": parts.path})


def _stripe_post(bank: Bank, asked: Asked, folder: str, rest: list[str], params: Json) -> Answered:
    key, mark = asked.headers["idempotency-key"], params.get(f"metadata[{REMEDY}]")
    minor = abs(int(params["amount"]))
    if folder == "customers":
        charge = next(one for one in bank.charges.values() if one.customer == rest[0])

        def credit() -> Answered:
            return wire.said(200, wire.balance(bank.make(charge, minor, mark, credit=True), rest[0]))

        return bank.money("stripe", key, asked.body.decode(), credit)

    def refund() -> Answered:
        return bank.refund("stripe", params["charge"], minor, mark)

    bank.watch(params["charge"], minor, key)
    return bank.money("stripe", key, asked.body.decode(), refund)


def _charge(bank: Bank, one: Taken) -> Json:
    return {
        "id": one.id,
        "object": "charge",
        "amount": one.minor,
        "amount_captured": one.minor,
        "amount_refunded": bank.back(one.id),
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


def paypal(bank: Bank, asked: Asked) -> Answered:
    with bank.lock:
        if asked.path == "/v1/oauth2/token":
            return wire.said(200, {"access_token": "token", "token_type": "Bearer", "expires_in": 30_000})
        if asked.path.endswith("/cancel"):
            bank.ended.add(asked.path.split("/")[-2])
            return Answered(204)
        if asked.method == "POST":
            body = json.loads(asked.body)
            charge, key = asked.path.split("/")[-2], asked.headers["paypal-request-id"]
            minor = round(float(body["amount"]["total"]) * 100)
            mark = marked_remedy(body.get("invoice_number"))

            def refund() -> Answered:
                return bank.refund("paypal", charge, minor, mark)

            bank.watch(charge, minor, key)
            return bank.money("paypal", key, asked.body.decode(), refund)
        if bank.looks:
            return wire.SAYS[bank.looks.popleft()]("paypal")
        return _paypal_read(bank, asked)


def _paypal_read(bank: Bank, asked: Asked) -> Answered:
    if asked.path.startswith("/v1/customer/disputes"):
        return _cases(bank, asked.path)
    name = asked.path.split("/")[-1]
    if asked.path.startswith("/v1/payments/refund/"):
        return wire.said(200, wire.refund(next(one for one in bank.made if one.id == name)))
    found = bank.charges.get(name)
    return wire.said(200, _sale(bank, found)) if found else wire.error("paypal", 404, "resource_missing")


def _cases(bank: Bank, path: str) -> Answered:
    asked = dict(parse_qsl(urlsplit(path).query))
    charge = asked.get("disputed_transaction_id") or path.rsplit("PP-D-", maxsplit=1)[-1]
    one = bank.charges.get(charge)
    if one is None or one.dispute is None:
        return wire.said(200, {"items": []})
    won = {"status": "RESOLVED", "dispute_outcome": {"outcome_code": "RESOLVED_SELLER_FAVOUR"}}
    case = {
        "dispute_id": f"PP-D-{one.id}",
        "create_time": wire.iso(one.at),
        "update_time": wire.iso(bank.clock()),
        "dispute_amount": {"value": f"{one.minor / 100:.2f}", "currency_code": "USD"},
        "disputed_transactions": [{"seller_transaction_id": one.id}],
    } | (won if one.dispute == "won" else {"status": "OPEN"})
    return wire.said(200, case if "PP-D-" in path else {"items": [case]})


def _sale(bank: Bank, one: Taken) -> Json:
    back = bank.back(one.id)
    state = "completed" if not back else "refunded" if back >= one.minor else "partially_refunded"
    return {
        "id": one.id,
        "state": state,
        "amount": {"total": f"{one.minor / 100:.2f}", "currency": "USD"},
        "billing_agreement_id": f"I-{one.id.rpartition('_')[2]}",
        "create_time": wire.iso(one.at),
        "update_time": wire.iso(bank.clock()),
    }
