"""What a failed call to Stripe means for money: not executed, uncertain, refused for good, or no credential.

Whatever is not known for sure is uncertain, because an uncertain call is looked up before it is repeated.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping

import requests
import stripe
from urllib3.exceptions import MaxRetryError, NewConnectionError

from handlers.gateway import NoCredential, NotExecuted, Refusal, Refused, Uncertain

Failure = NotExecuted | Uncertain | Refused | NoCredential

_REFUSALS = {
    "charge_already_refunded": Refusal.ALREADY_REFUNDED,
    "amount_too_large": Refusal.EXCEEDS_CHARGE,
    "charge_disputed": Refusal.DISPUTED,
    "refund_disputed_payment": Refusal.DISPUTED,
    "balance_insufficient": Refusal.NO_FUNDS,
    "insufficient_funds": Refusal.NO_FUNDS,
    "resource_missing": Refusal.NOT_FOUND,
    "account_closed": Refusal.NOT_THIS_WAY,
    "charge_not_refundable": Refusal.NOT_THIS_WAY,
}
# Another call, perhaps our own earlier one, holds the key or the object.
_STILL_RUNNING = frozenset({"idempotency_key_in_use", "lock_timeout"})

_KEY_LIKE = re.compile(r"\b(?:[a-z]{2}_(?:live|test)|whsec)_\S+")
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,80}", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,6}", re.ASCII)


def classify(error: stripe.StripeError) -> Failure:
    """What the SDK's exception means. No text of it that could hold a key or a body is kept."""
    if isinstance(error, stripe.APIConnectionError):
        return _network(error)
    status = error.http_status or 0
    if isinstance(error, stripe.AuthenticationError) or status in {401, 403}:
        return NoCredential(f"Stripe answered {status or 'without a key'}")
    # The SDK leaves `error.code` empty on rate limits, idempotency errors, 409 and 5xx: the body has it.
    said = _said(error)
    code = _word(said, "code")
    unsettled = _unsettled(error, status, code)
    if unsettled is not None:
        return unsettled
    if not 400 <= status < 500 or not said:
        return Uncertain(f"Stripe answered {status}", _retry_after_s(error))
    word = code or _word(said, "type") or f"http_{status}"
    return Refused(_refusal(status, code, said), word, _message(said))


def _unsettled(error: stripe.StripeError, status: int, code: str) -> Uncertain | NotExecuted | None:
    if status == 409 or code in _STILL_RUNNING:
        return Uncertain(f"an earlier call is still running ({code or status})", _retry_after_s(error))
    if status == 429 or isinstance(error, stripe.RateLimitError):
        return NotExecuted(f"rate limit ({code or status})", _retry_after_s(error))
    return None


def _refusal(status: int, code: str, said: Mapping[str, object]) -> Refusal:
    if said.get("type") == "idempotency_error":
        return Refusal.KEY_REUSED
    if code in _REFUSALS:
        return _REFUSALS[code]
    if status == 404:
        return Refusal.NOT_FOUND
    # A refund above what is left has no code of its own.
    if not code and said.get("param") == "amount" and "greater than" in _message(said):
        return Refusal.EXCEEDS_CHARGE
    return Refusal.UNKNOWN


def _network(error: stripe.APIConnectionError) -> NotExecuted | Uncertain:
    """Not executed only where no byte of the request can have left: no address, no connection, no trusted server."""
    for cause in _causes(error):
        if isinstance(cause, requests.exceptions.ConnectTimeout | NewConnectionError | ssl.SSLCertVerificationError):
            return NotExecuted(f"no connection to Stripe ({type(cause).__name__})")
    return Uncertain(f"the connection to Stripe failed ({type(error.__cause__).__name__})")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exceptions inside one: requests wraps urllib3's, which wraps the machine's."""
    inside: object = error.__cause__
    for _ in range(8):
        if not isinstance(inside, BaseException):
            return
        yield inside
        first = inside.args[0] if inside.args else None
        inside = inside.reason if isinstance(inside, MaxRetryError) else first


def _said(error: stripe.StripeError) -> Mapping[str, object]:
    body = error.json_body
    said = body.get("error") if isinstance(body, Mapping) else None
    return said if isinstance(said, Mapping) else {}


def _word(said: Mapping[str, object], name: str) -> str:
    word = said.get(name)
    return word if isinstance(word, str) and _WORD.fullmatch(word) else ""


def _message(said: Mapping[str, object]) -> str:
    message = said.get("message")
    return _KEY_LIKE.sub("[key]", message)[:300] if isinstance(message, str) else ""


def _retry_after_s(error: stripe.StripeError) -> float | None:
    value = (error.headers or {}).get("Retry-After") or ""
    return float(value) if _SECONDS.fullmatch(value) else None
