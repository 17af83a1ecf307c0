"""Webhooks: authenticate, keep, answer. 200 means durably stored; no 5xx answers what a sender may have sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import structlog
from starlette.types import Receive, Scope, Send

from config.settings import PREFIX, Settings
from handlers.inbox import CertificateUnavailable, Envelope, ForgedDelivery, MalformedDelivery
from worker.intake import Intake, NotKeptError
from worker.runtime import Runtime
from worker.store.deliveries import NewDelivery
from worker.web.body import Answer, GoneError, TooLargeError, headers_of, read_body
from worker.web.deadline import Deadline, TooSlowError
from worker.web.metrics import Metrics

READ_S = 10.0
READING_MAX = 512  # bodies in memory at once
UNCONFIGURED_LOG_S = 60.0

STORED = Answer(200, "stored")
MALFORMED = Answer(400, "this is no event")
FORGED = Answer(401, "the signature does not hold")
NOT_A_POST = Answer(405, "only POST", headers={"allow": "POST"})
SLOW = Answer(408, "the body did not come in time")
LARGE = Answer(413, "the body is larger than 1 MiB")
ENCODED = Answer(415, "send the body without a content encoding")
BUSY = Answer(503, "try again soon", retry_after_s=5)
NO_CERTIFICATE = Answer(503, "the signing certificate cannot be fetched just now", retry_after_s=30)
UNCONFIGURED = Answer(503, "this provider is not set up here", retry_after_s=300)

OUTCOMES = {
    200: "stored",
    400: "malformed",
    401: "forged",
    405: "not_a_post",
    408: "slow",
    413: "large",
    415: "encoded",
    503: "try_again",
}

# The check of these needs no network, and so not a thread of its own.
_CHECKED_AT_ONCE = frozenset({"stripe"})

_log = structlog.get_logger(__name__)


def needed_setting(settings: Settings, provider: str) -> str | None:
    """The setting without which a provider's webhooks cannot be checked; None when it is there."""
    held = {"stripe": bool(settings.stripe_webhook_secrets), "paypal": settings.paypal_webhook_id is not None}
    names = {"stripe": "STRIPE_WEBHOOK_SECRETS", "paypal": "PAYPAL_WEBHOOK_ID"}
    return None if held.get(provider, True) else PREFIX + names[provider]


class _RefusedError(Exception):
    """Refused before the body was read to its end."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.says)
        self.answer = answer


class Webhooks:
    """The endpoint of one provider, as an ASGI application."""

    def __init__(
        self, runtime: Runtime, provider: str, intake: Intake, metrics: Metrics, *, read_s: float = READ_S
    ) -> None:
        self._runtime = runtime
        self._provider = provider
        self._inbox = runtime.inboxes[provider]
        self._intake = intake
        self._metrics = metrics
        self._needed = needed_setting(runtime.settings, provider)
        self._deadline = Deadline(read_s)
        self._reading = 0
        self._told_at = float("-inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        try:
            headers = headers_of(scope)
            body = await self._read(scope["method"], headers, receive)
        except GoneError:
            self._metrics.request(self._provider, "gone")
        except _RefusedError as refused:
            self._count(refused.answer)
            await refused.answer.send(send, unread=receive)
        else:
            answer = await self._take(headers, body)
            self._count(answer)
            await answer.send(send)
            self._metrics.took(self._provider, time.perf_counter() - began)

    def _count(self, answer: Answer) -> None:
        self._metrics.request(self._provider, OUTCOMES[answer.status])

    async def _read(self, method: str, headers: Mapping[str, str], receive: Receive) -> bytes:
        if method != "POST":
            raise _RefusedError(NOT_A_POST)
        if self._needed is not None:
            self._tell_unconfigured(self._needed)
            raise _RefusedError(UNCONFIGURED)
        if headers.get("content-encoding", "identity").strip().lower() not in {"identity", ""}:
            raise _RefusedError(ENCODED)
        if self._reading >= READING_MAX:
            raise _RefusedError(BUSY)
        self._reading += 1
        try:
            return await read_body(receive, headers, self._deadline)
        except TooLargeError:
            raise _RefusedError(LARGE) from None
        except TooSlowError:
            raise _RefusedError(SLOW) from None
        finally:
            self._reading -= 1

    async def _take(self, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            envelope = await self._authenticate(headers, body)
        except ForgedDelivery as why:
            _log.warning("forged_delivery", provider=self._provider, why=str(why))
            return FORGED
        except MalformedDelivery as why:
            _log.warning("malformed_delivery", provider=self._provider, why=str(why))
            return MALFORMED
        except CertificateUnavailable as why:
            _log.warning("no_certificate", provider=self._provider, why=str(why))
            return NO_CERTIFICATE
        except Exception as fault:  # noqa: BLE001 - a mistake of ours, but no stranger shall be able to cause a 500
            _log.exception("authenticate_failed", provider=self._provider, error=type(fault).__name__)
            return MALFORMED
        return await self._keep(envelope, body)

    async def _authenticate(self, headers: Mapping[str, str], body: bytes) -> Envelope:
        now = self._runtime.clock()
        if self._provider in _CHECKED_AT_ONCE:
            return self._inbox.authenticate(headers, body, now)
        return await asyncio.to_thread(self._inbox.authenticate, headers, body, now)

    async def _keep(self, envelope: Envelope, body: bytes) -> Answer:
        delivery = NewDelivery(self._provider, envelope, body, "webhook", self._runtime.clock())
        try:
            kept = await self._intake.keep(delivery)
        except NotKeptError:
            return BUSY
        if kept.suspect:
            self._metrics.suspect(self._provider)
        self._metrics.kept(self._provider, new=kept.new)
        return STORED

    def _tell_unconfigured(self, setting: str) -> None:
        # Once a minute: whoever sends without end must not fill the log.
        if time.monotonic() - self._told_at >= UNCONFIGURED_LOG_S:
            self._told_at = time.monotonic()
            _log.error("webhook_refused", provider=self._provider, setting=setting, why="it is not set")
