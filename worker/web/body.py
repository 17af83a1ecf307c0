"""A request as ASGI hands it over, read with a cap and a deadline; and an answer, which is always a small fixed one.

Webhooks are read here and not through a framework: what strangers send has to be refused before it is believed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

from starlette.types import Receive, Scope, Send

from worker.web.deadline import Deadline

BODY_BYTES_MAX = 1024 * 1024
DISCARD_BYTES_MAX = 8 * BODY_BYTES_MAX
DISCARD_S = 2.0


class TooLargeError(Exception):
    """More than BODY_BYTES_MAX, said or sent."""


class GoneError(Exception):
    """The sender went away."""


class Answer:
    """A status with a few words. `retry_after_s` asks the sender to come again."""

    def __init__(
        self, status: int, says: str, *, retry_after_s: int | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status, self.says = status, says
        self._body = json.dumps({"status": says}).encode()
        told = {"content-type": "application/json", "content-length": str(len(self._body)), **(headers or {})}
        if retry_after_s is not None:
            told["retry-after"] = str(retry_after_s)
        self._headers = [(name.encode("ascii"), value.encode("ascii")) for name, value in told.items()]

    async def send(self, send: Send, unread: Receive | None = None) -> None:
        """Answer. `unread` is given where the body was not read to its end: what still comes is thrown away for a
        while, since a sender that is cut off while it sends would not see the answer; then the connection ends."""
        headers = self._headers if unread is None else [*self._headers, (b"connection", b"close")]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self._body, "more_body": unread is not None})
        if unread is not None:
            await throw_away(unread)
            await send({"type": "http.response.body", "body": b""})


async def throw_away(receive: Receive) -> None:
    """Read what still comes, for a while and up to a size, and keep none of it."""
    size = 0
    try:
        async with asyncio.timeout(DISCARD_S):
            while size < DISCARD_BYTES_MAX:
                message = await receive()
                if not message.get("more_body", False):
                    return
                size += len(message["body"])
    except TimeoutError:
        return


def headers_of(scope: Scope) -> dict[str, str]:
    """Header names in lower case; bytes as Latin-1, which takes any of them; a repeated one joined as HTTP says."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


async def read_body(receive: Receive, headers: Mapping[str, str], deadline: Deadline) -> bytes:
    """The whole body. Raises TooLargeError or GoneError, and TooSlowError past the deadline."""
    said = headers.get("content-length", "")
    if said.isdecimal() and int(said[:20]) > BODY_BYTES_MAX:
        raise TooLargeError
    return await deadline.keep(_read(receive))


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise GoneError
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > BODY_BYTES_MAX:
            raise TooLargeError
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)
