"""PayPal's door: the part of its API that makegood uses, with its rules and its words."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlencode

from worker.sandbox.bank import paypal_shapes as shapes
from worker.sandbox.bank.book import Agreement, Book, Taken
from worker.sandbox.bank.faults import Fault, Faults
from worker.sandbox.bank.paypal_errors import fault_words, missing, v1_error, v2_error
from worker.sandbox.bank.paypal_refunds import PayPalRefunds
from worker.sandbox.bank.wire import Answered, Asked, said
from worker.sandbox.telling import zulu

TOKEN_LIFETIME = timedelta(hours=8)
SEARCH_DAYS_MAX = timedelta(days=31)
SEARCH_RESULTS_MAX = 10_000
_REFUND = re.compile("/v1/payments/sale/([^/]+)/refund|/v2/payments/captures/([^/]+)/refund")
_CANCEL = re.compile("/v1/billing/subscriptions/([^/]+)/cancel|/v1/payments/billing-agreements/([^/]+)/cancel")
_INSTANT = re.compile(r"[0-9-]{10}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})", re.ASCII)


class PayPalSide:
    """What `https://api-m.paypal.com` is. Its search shows what is older than `lag`."""

    def __init__(self, book: Book, faults: Faults, client_id: str, client_secret: str) -> None:
        self.book = book
        self.lag = timedelta(hours=3)
        self.results_max = SEARCH_RESULTS_MAX
        self._basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self._tokens: dict[str, datetime] = {}
        self._sales = PayPalRefunds(book, faults, "sale")
        self._captures = PayPalRefunds(book, faults, "capture")
        self._reads: dict[str, Callable[[Asked, str], Answered]] = {
            "/v1/payments/sale/([^/]+)": self._sale,
            "/v1/payments/refund/([^/]+)": self._refund_v1,
            "/v2/payments/captures/([^/]+)": self._capture,
            "/v2/payments/refunds/([^/]+)": self._refund_v2,
            "/v2/checkout/orders/([^/]+)": self._order,
            "/v1/customer/disputes/([^/]+)": self._dispute,
            "/v1/customer/disputes()": self._disputes,
            "/v1/billing/subscriptions/([^/]+)": self._subscription,
            "/v1/payments/billing-agreements/([^/]+)": self._agreement_v1,
            "/v1/reporting/transactions()": self._search,
        }

    def __call__(self, asked: Asked) -> Answered:
        if asked.path == "/v1/oauth2/token":
            return self._token(asked)
        v2 = asked.path.startswith("/v2/")
        until = self._tokens.get(asked.headers.get("authorization", ""))
        if until is None or until <= self.book.clock():
            return fault_words(Fault.UNAUTHORISED, v2=v2)
        if asked.method == "GET":
            door = self._captures if v2 else self._sales
            return door.read(f"GET {asked.path}", lambda: self._got(asked))
        if asked.method == "POST" and (found := _REFUND.fullmatch(asked.path)):
            return self._sales.post(asked, found[1]) if found[1] else self._captures.post(asked, found[2])
        if asked.method == "POST" and (found := _CANCEL.fullmatch(asked.path)):
            return self._sales.change(lambda: self._cancel(found[1] or found[2], "v2" if found[1] else "v1"))
        return missing(v2=v2)

    def _token(self, asked: Asked) -> Answered:
        if asked.headers.get("authorization") != f"Basic {self._basic}":
            return said(401, {"error": "invalid_client", "error_description": "Client Authentication failed"})
        with self.book.lock:
            token = f"A21AA{self.book.names.paypal(60)}"
            self._tokens[f"Bearer {token}"] = self.book.clock() + TOKEN_LIFETIME
        lifetime_s = int(TOKEN_LIFETIME.total_seconds())
        return said(200, {"access_token": token, "token_type": "Bearer", "expires_in": lifetime_s})

    def _got(self, asked: Asked) -> Answered:
        if asked.body:
            return v1_error(415, "UNSUPPORTED_MEDIA_TYPE", "A GET has no body.")
        for pattern, answer in self._reads.items():
            if found := re.fullmatch(pattern, asked.path):
                return answer(asked, found[1])
        return missing()

    # Money

    def _known(self, name: str, kind: str) -> Taken | None:
        found = self.book.charges.get(name)
        return found if found is not None and (found.provider, found.kind) == ("paypal", kind) else None

    def _sale(self, _: Asked, name: str) -> Answered:
        found = self._known(name, "sale")
        return said(200, shapes.sale(found, self.book.back(name))) if found else missing()

    def _capture(self, _: Asked, name: str) -> Answered:
        found = self._known(name, "capture")
        return said(200, shapes.capture(found, self.book.back(name))) if found else missing(v2=True)

    def _order(self, _: Asked, name: str) -> Answered:
        found = next((one for one in self.book.charges.values() if one.order == name), None)
        if found is None:
            return missing(v2=True)
        return said(200, shapes.order(found, self.book.back(found.id), self.book.of(found.id)))

    def _refund_v1(self, _: Asked, name: str) -> Answered:
        found = self.book.refunds.get(name)
        return self._sales.shown(found, 200) if found and found.charge.kind == "sale" else missing()

    def _refund_v2(self, _: Asked, name: str) -> Answered:
        found = self.book.refunds.get(name)
        return self._captures.shown(found, 200) if found and found.charge.kind == "capture" else missing(v2=True)

    # Disputes

    def _dispute(self, _: Asked, name: str) -> Answered:
        found = self.book.cases.get(name)
        return said(200, shapes.case(found)) if found and found.charge.provider == "paypal" else missing(v2=True)

    def _disputes(self, asked: Asked, _: str) -> Answered:
        query = dict(asked.query)
        size, start = int(query.get("page_size", "10")), int(query.get("next_page_token", "0"))
        about, since = query.get("disputed_transaction_id"), query.get("update_time_after")
        cases = [one for one in self.book.cases.values() if one.charge.provider == "paypal"]
        if about is not None:
            cases = [one for one in cases if one.charge.id == about]
        if since is not None:
            changed_since = _instant(since)
            if self.book.clock() - changed_since > timedelta(days=180):
                return v1_error(400, "INVALID_REQUEST", "update_time_after is more than 180 days ago.")
            cases = [one for one in cases if (one.changed_at or one.at) >= changed_since]
        cases.sort(key=lambda one: (one.at, one.id), reverse=True)
        links = [shapes.link("/v1/customer/disputes", "self")]
        if start + size < len(cases):
            more = urlencode({**query, "next_page_token": start + size})
            links.append(shapes.link(f"/v1/customer/disputes?{more}", "next"))
        items = [shapes.case_line(one) for one in cases[start : start + size]]
        # By PayPal's description a list of cases has one at least: without any it is left out.
        return said(200, {**({"items": items} if items else {}), "links": links})

    # Agreements

    def _agreement(self, name: str, version: str) -> Agreement | None:
        found = self.book.agreements.get(name)
        return found if found is not None and (found.provider, found.version) == ("paypal", version) else None

    def _subscription(self, _: Asked, name: str) -> Answered:
        found = self._agreement(name, "v2")
        return said(200, shapes.agreement(found)) if found else missing(v2=True)

    def _agreement_v1(self, _: Asked, name: str) -> Answered:
        found = self._agreement(name, "v1")
        return said(200, shapes.agreement(found)) if found else missing(v2=True)

    def _cancel(self, name: str, version: str) -> Answered:
        found = self._agreement(name, version)
        if found is None:
            return missing(v2=True)
        shown = shapes.agreement(found)
        if str(shown.get("status") or shown.get("state")).upper() not in {"ACTIVE", "SUSPENDED"}:
            if version == "v1":
                return v1_error(400, "STATUS_INVALID", "Invalid profile status for cancel action.")
            sentence = (
                "Invalid subscription status for cancel action; subscription status should be active or suspended."
            )
            return v2_error(422, "UNPROCESSABLE_ENTITY", "SUBSCRIPTION_STATUS_INVALID", sentence)
        self.book.end(name)
        return Answered(204)

    # Transaction Search

    def _search(self, asked: Asked, _: str) -> Answered:
        query = dict(asked.query)
        try:
            since, until = (_instant(query[name]) for name in ("start_date", "end_date"))
        except (KeyError, ValueError):
            return v1_error(400, "INVALID_REQUEST", "start_date and end_date are needed, with seconds.")
        if not since <= until or until - since > SEARCH_DAYS_MAX:
            return v1_error(400, "INVALID_REQUEST", "Date range is greater than 31 days")
        refreshed = self.book.clock() - self.lag
        if since > refreshed:
            return v1_error(400, "INVALID_REQUEST", "Data for the given start date is not available.")
        charges = [one for one in self.book.charges.values() if one.provider == "paypal"]
        refunds = [one for one in self.book.refunds.values() if one.charge.provider == "paypal"]
        found = list(shapes.entries(charges, refunds, since, min(until, refreshed)))
        if len(found) > self.results_max:
            return v1_error(400, "RESULTSET_TOO_LARGE", "Result set size is greater than the maximum limit.")
        size, page = int(query.get("page_size", "100")), int(query.get("page", "1"))
        return said(
            200,
            {
                "transaction_details": found[(page - 1) * size : page * size],
                "start_date": zulu(since),
                "end_date": zulu(until),
                "last_refreshed_datetime": zulu(refreshed),
                "page": page,
                "total_items": len(found),
                "total_pages": max(1, -(-len(found) // size)),
                "links": [shapes.link(asked.path, "self")],
            },
        )


def _instant(text: str) -> datetime:
    """A time as PayPal wants it: with its seconds and its offset. Raises ValueError."""
    if _INSTANT.fullmatch(text) is None:
        raise ValueError(text)
    return datetime.fromisoformat(text)
