"""Requests and answers as they cross the line, and the server that carries them."""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

BYTES_MAX = 1_000_000


@dataclass(frozen=True)
class Asked:
    """One request. `query` keeps the order and the brackets of the names; header names are in lower case."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answered:
    """One answer; `how` it goes: whole, cut off in the middle, not at all, or with a reset of the connection."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    how: Literal["whole", "cut", "silent", "reset"] = "whole"

    def but(self, how: Literal["whole", "cut", "silent", "reset"]) -> Answered:
        return replace(self, how=how)


def said(status: int, told: object, **headers: str) -> Answered:
    """An answer with JSON in it; header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answered(status, json.dumps(told).encode(), {"Content-Type": "application/json", **named})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed, or gave up, is what some tests are about."""


@contextmanager
def serving(answer: Callable[[Asked], Answered], clock: Callable[[], datetime]) -> Iterator[str]:
    """The address of a server on loopback that answers so, and dates its answers by `clock`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # An answer in two small packets waits for the client's acknowledgement, 40 ms each time.
        wbufsize = -1
        disable_nagle_algorithm = True
        timeout = 60

        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            size = int(self.headers.get("Content-Length") or 0)
            if not 0 <= size <= BYTES_MAX:
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = tuple(parse_qsl(parts.query, keep_blank_values=True))
            self._send(answer(Asked(self.command, parts.path, query, headers, self.rfile.read(size))))

        def _send(self, given: Answered) -> None:
            if given.how != "whole":
                self.close_connection = True
            if given.how == "reset":
                # Closing with nothing to linger for sends a reset instead of a farewell.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                os.close(self.connection.detach())
            if given.how in {"reset", "silent"}:
                return
            self.send_response(given.status)
            for name, value in {**given.headers, "Content-Length": str(len(given.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(given.body[: len(given.body) // 2] if given.how == "cut" else given.body)
            self.wfile.flush()

        do_GET = do_POST = do_DELETE = do_PATCH = handle_any  # noqa: N815 - the names that http.server looks for

        def date_time_string(self, timestamp: float | None = None) -> str:  # noqa: ARG002 - the library's own
            return format_datetime(clock().replace(microsecond=0), usegmt=True)

        def log_message(self, *_: object) -> None:
            """Says nothing: standard error is for people."""

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="sandbox-bank", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
