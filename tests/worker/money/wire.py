"""What goes over the wire between a gateway and the bank: requests, answers, and both providers' words for things."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from handlers.stripe.charges import REMEDY
from tests.handlers.stripe import bodies

Json = dict[str, Any]


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


def said(status: int, told: object, **headers: str) -> Answered:
    return Answered(status, json.dumps(told).encode(), headers)


def error(provider: str, status: int, code: str) -> Answered:
    if provider == "stripe":
        told = {"type": "idempotency_error" if code == "idempotency_error" else "invalid_request_error", "message": ""}
        told |= (
            {"param": "amount", "message": "greater than unrefunded amount"} if code == "too_much" else {"code": code}
        )
        return said(status, {"error": told})
    name = {
        "charge_already_refunded": "TRANSACTION_ALREADY_REFUNDED",
        "too_much": "REFUND_EXCEEDED_TRANSACTION_AMOUNT",
        "charge_disputed": "TRANSACTION_DISPUTED",
        "resource_missing": "INVALID_RESOURCE_ID",
        "idempotency_error": "DUPLICATE_REQUEST_ID",
        "too_old": "REFUND_TIME_LIMIT_EXCEEDED",
        "no_funds": "INSUFFICIENT_FUNDS",
    }.get(code, code.upper())
    return said(status, {"name": name, "message": "No.", "debug_id": "1", "details": []})


SAYS: dict[str, Callable[[str], Answered]] = {
    "429": lambda provider: said(429, json.loads(error(provider, 429, "rate_limit").body), **{"Retry-After": "30"}),
    "409": lambda provider: error(
        provider, 409, "idempotency_key_in_use" if provider == "stripe" else "PREVIOUS_REQUEST_IN_PROGRESS"
    ),
    "401": lambda provider: error(provider, 401, "AUTHENTICATION_FAILURE"),
    "403": lambda provider: error(provider, 403, "PERMISSION_DENIED"),
    "503": lambda provider: error(provider, 503, "api_error"),
    "garbage": lambda _: Answered(200, b"<html>"),
    "too_old": lambda provider: error(provider, 422, "too_old"),
    "no_funds": lambda provider: error(provider, 400, "balance_insufficient" if provider == "stripe" else "no_funds"),
    "closed": lambda provider: error(provider, 400, "USER_ACCOUNT_CLOSED" if provider == "paypal" else "nonsense"),
    "already": lambda provider: error(provider, 400, "charge_already_refunded"),
    "disputed": lambda provider: error(provider, 400, "charge_disputed"),
    "key_reused": lambda provider: error(provider, 400, "idempotency_error"),
}


def refund_of(made: Made, status: int) -> Answered:
    return said(status if made.provider == "paypal" else 200, refund(made))


def refund(made: Made) -> Json:
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
    times = {"create_time": iso(made.at), "update_time": iso(made.at)}
    amount = {"total": f"{made.minor / 100:.2f}", "currency": "USD"}
    return {"id": made.id, "state": states[made.status], "amount": amount, "sale_id": made.charge} | times


def balance(made: Made, customer: str) -> Json:
    return {
        "id": made.id,
        "object": "customer_balance_transaction",
        "amount": -made.minor,
        "created": int(made.at.timestamp()),
        "currency": "usd",
        "customer": customer,
        "metadata": {REMEDY: made.mark} if made.mark else {},
    }


def dispute(one: Taken) -> Json:
    return {
        "id": f"dp_{one.id}",
        "object": "dispute",
        "amount": one.minor,
        "charge": one.id,
        "created": int(one.at.timestamp()),
        "currency": "usd",
        "status": one.dispute,
    }


def subscription(name: str) -> Json:
    times = {"canceled_at": bodies.CREATED + 9, "ended_at": bodies.CREATED + 9}
    return bodies.subscription() | {"id": name, "status": "canceled"} | times


def iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
