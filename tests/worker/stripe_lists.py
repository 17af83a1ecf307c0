"""A small Stripe on loopback that has lists, and one story in its words: as webhooks, as lists, as a report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr

from tests.answering import Answered, Asked, serving
from tests.handlers.stripe import bodies
from tests.worker import world as w
from worker.runtime import Runtime

Json = dict[str, Any]
KEY = "rk_test_fake"
HEADINGS = "created_utc,currency,gross,reporting_category,source_id,customer_id,charge_id,payment_intent_id"


def charge(name: str, day: date, minor: int = 9900, customer: str = "cus_1") -> Json:
    seconds = int(w.at(day).timestamp())
    amounts = {"amount": minor, "amount_captured": minor}
    names = {"customer": customer, "payment_intent": f"pi_{name}", "billing_details": {}, "livemode": False}
    return bodies.charge(id=name, created=seconds, **amounts, **names)


def refund(name: str, day: date, of: str, minor: int) -> Json:
    seconds = int(w.at(day).timestamp())
    return bodies.refund(id=name, created=seconds, charge=of, amount=minor, payment_intent=f"pi_{of}")


def webhook(told: Json) -> bytes:
    """The event that tells of the object."""
    kind = {"charge": "charge.succeeded", "refund": "refund.created"}[told["object"]]
    event = bodies.event(kind, told, id=f"evt_{told['id']}", created=told["created"] + 5)
    return json.dumps(event).encode()


def report(told: Sequence[Json]) -> str:
    """The itemized balance report that has these objects."""
    lines = [HEADINGS]
    for one in told:
        at = bodies.at(one["created"]).strftime("%Y-%m-%d %H:%M:%S")
        sign = "-" if one["object"] == "refund" else ""
        of = one.get("charge", one["id"])
        amount = f"{sign}{one['amount'] // 100}.{one['amount'] % 100:02}"
        lines.append(f"{at},usd,{amount},{one['object']},{one['id']},cus_1,{of},{one['payment_intent']}")
    return "\n".join(lines) + "\n"


@dataclass
class Lists:
    """Stripe's lists, newest first, `page` a page. `first` holds answers that are given before all others."""

    held: list[Json] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    first: list[Answered] = field(default_factory=list)
    page: int = 2

    def __call__(self, asked: Asked) -> Answered:
        parts = urlsplit(asked.path)
        params = dict(parse_qsl(parts.query))
        self.asked.append((parts.path, params))
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return refused(401)
        if self.first:
            return self.first.pop(0)
        kind = parts.path.rsplit("/", 1)[1].rstrip("s")
        low, high = int(params.get("created[gte]", 0)), int(params.get("created[lt]", 10**11))
        found = [one for one in self.held if one["object"] == kind and low <= one["created"] < high]
        found.sort(key=lambda one: (-one["created"], one["id"]))
        ids = [one["id"] for one in found]
        after = params.get("starting_after")
        if after is not None and after not in ids:
            return refused(400, code="resource_missing")
        start = 0 if after is None else ids.index(after) + 1
        data = found[start : start + self.page]
        return answered(200, {"object": "list", "data": data, "has_more": start + self.page < len(found)})


def answered(status: int, body: object, **headers: str) -> Answered:
    return Answered(status, json.dumps(body).encode(), headers)


def refused(status: int, *, code: str = "", **headers: str) -> Answered:
    said = {"type": "invalid_request_error", "message": "no"} | ({"code": code} if code else {})
    return answered(status, {"error": said}, **headers)


@contextmanager
def stripe_with(runtime: Runtime, lists: Lists) -> Iterator[Runtime]:
    """The product, with a Stripe of these lists."""
    with serving(lists) as url:
        changed = {"stripe_api_key": SecretStr(KEY), "stripe_api_base": url}
        yield replace(runtime, settings=runtime.settings.model_copy(update=changed))
