"""Stripe's words for a no."""

from __future__ import annotations

from collections.abc import Callable

from worker.sandbox.bank.book import Taken
from worker.sandbox.bank.faults import Fault
from worker.sandbox.bank.wire import Answered, said
from worker.sandbox.telling import decimal_text


def error(status: int, message: str, *, type: str = "invalid_request_error", **detail: str) -> Answered:  # noqa: A002 - Stripe's name for it
    headers = {name: detail.pop(name) for name in list(detail) if name == "Retry_After"}
    return said(status, {"error": {"type": type, "message": message, **detail}}, **headers)


def missing(what: str, name: str, *, param: str | None = None) -> Answered:
    return error(404, f"No such {what}: '{name}'", code="resource_missing", param=param or what)


RULES: dict[str, Callable[[Taken, int, int], Answered]] = {
    "already_refunded": lambda charge, _minor, _left: error(
        400, f"Charge {charge.id} has already been refunded.", code="charge_already_refunded"
    ),
    # The one refusal that Stripe gives no code.
    "too_much": lambda charge, minor, left: error(
        400,
        f"Refund amount (${decimal_text(minor, charge.currency)}) is greater than unrefunded amount on charge "
        f"(${decimal_text(left, charge.currency)})",
        param="amount",
    ),
    "disputed": lambda charge, _minor, _left: error(
        400, f"Charge {charge.id} has been charged back; cannot issue a refund.", code="charge_disputed"
    ),
    "charged_back": lambda charge, _minor, _left: error(
        400, f"Charge {charge.id} has been charged back; cannot issue a refund.", code="charge_disputed"
    ),
    "not_captured": lambda charge, _minor, _left: error(
        400, f"Charge {charge.id} has not been captured.", code="charge_not_refundable"
    ),
}

WORDS: dict[Fault, Callable[..., Answered]] = {
    Fault.RATE_LIMITED: lambda **more: error(429, "Request rate limit exceeded.", code="rate_limit", **more),
    Fault.BUSY: lambda **more: error(
        409,
        "There is currently another in-progress request using this Stripe-Idempotency-Key.",
        code="idempotency_key_in_use",
        **more,
    ),
    Fault.BROKEN_BEFORE: lambda **more: error(500, "An unknown error occurred.", type="api_error", **more),
    Fault.BROKEN_AFTER: lambda **more: error(500, "An unknown error occurred.", type="api_error", **more),
    Fault.UNAVAILABLE: lambda **more: error(503, "Stripe is unavailable.", type="api_error", **more),
    Fault.UNAUTHORISED: lambda **more: error(401, "Invalid API Key provided: [key]", **more),
    Fault.FORBIDDEN: lambda **more: error(403, "The provided key does not have access.", **more),
    Fault.NO_FUNDS: lambda **more: error(
        400, "Insufficient funds in Stripe account.", code="balance_insufficient", **more
    ),
}
