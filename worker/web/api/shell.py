"""What holds for every answer of the API, around the framework: nothing is stored by anybody between, HEAD and OPTIONS
are answered, and a sender whose body was not wanted still sees why."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker.web.body import headers_of, throw_away

_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class Shell:
    """An ASGI application around another one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _Exchange(scope, receive, send).run(self._app)
        else:
            await self._app(scope, receive, send)


class _Exchange:
    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        headers = headers_of(scope)
        self._unread = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        self._head = scope["method"] == "HEAD"
        self._options = scope["method"] == "OPTIONS"

    async def run(self, app: ASGIApp) -> None:
        # HEAD is GET without its body; OPTIONS is whatever a wrong method is told, without being wrong.
        scope = {**self._scope, "method": "GET"} if self._head else self._scope
        await app(scope, self._take, self._tell)

    async def _take(self) -> Message:
        message = await self._receive()
        if not message.get("more_body", False):
            self._unread = False
        return message

    async def _tell(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._send(self._started(message))
            return
        if self._head or self._options:
            message = {**message, "body": b""}
        ends = not message.get("more_body", False)
        if ends and self._unread:
            await self._send({**message, "more_body": True})
            await throw_away(self._receive)
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    def _started(self, message: Message) -> Message:
        message = {**message, "headers": list(message["headers"])}
        headers = MutableHeaders(scope=message)
        if self._options and message["status"] == 405:
            message["status"] = 204
            del headers["content-length"], headers["content-type"]
        else:
            self._options = False
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        if self._unread:
            headers["connection"] = "close"
        return message
