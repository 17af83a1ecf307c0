"""The receiver as one ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from worker.intake import Intake
from worker.runtime import Runtime
from worker.web import health
from worker.web.metrics import Metrics
from worker.web.webhooks import READ_S, Webhooks, needed_setting

_log = structlog.get_logger(__name__)


def _silent() -> None:
    """Nobody to wake: the sweep finds the rows."""


def _always() -> bool:
    return True


def create_app(
    runtime: Runtime,
    *,
    ring: Callable[[], None] = _silent,
    queue_reachable: Callable[[], bool] = _always,
    routes: Sequence[BaseRoute] = (),
    read_s: float = READ_S,
) -> ASGIApp:
    """`ring` wakes a worker after something new was stored; `routes` are the console's and the API's; a webhook's
    body has to be complete within `read_s`."""
    intake = Intake(runtime.engine, runtime.keyring, ring)
    metrics = Metrics(runtime)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        for provider in runtime.inboxes:
            if (setting := needed_setting(runtime.settings, provider)) is not None:
                _log.warning("webhooks_not_set_up", provider=provider, setting=setting)
        await intake.start()
        try:
            yield
        finally:
            await intake.stop()

    app = Starlette(
        routes=[*health.routes(runtime, metrics, queue_reachable), *routes],
        lifespan=lifespan,
        exception_handlers={HTTPException: _refuse, Exception: _fail},
    )
    # `/webhooks/stripe/` is another address: a redirect would have the provider post where it never signed up to.
    app.router.redirect_slashes = False
    return _Receiver(
        app,
        {
            f"/webhooks/{provider}": Webhooks(runtime, provider, intake, metrics, read_s=read_s)
            for provider in runtime.inboxes
        },
    )


class _Receiver:
    """Webhooks go straight to their endpoint: they are most of the traffic and need nothing of a framework."""

    def __init__(self, pages: Starlette, webhooks: Mapping[str, Webhooks]) -> None:
        self._pages = pages
        self._webhooks = webhooks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app: ASGIApp = self._pages
        if scope["type"] == "http":
            app = self._webhooks.get(scope["path"], app)
        await app(scope, receive, send)


async def _refuse(_request: Request, fault: Exception) -> Response:
    status = fault.status_code if isinstance(fault, HTTPException) else 500
    headers = fault.headers if isinstance(fault, HTTPException) else None
    return JSONResponse({"status": "no such page" if status == 404 else "not so"}, status_code=status, headers=headers)


async def _fail(_request: Request, fault: Exception) -> Response:
    _log.error("page_failed", error=type(fault).__name__)
    return JSONResponse({"status": "something broke here"}, status_code=500)
