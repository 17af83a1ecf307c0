"""Real endpoints on loopback: a chat that takes JSON over HTTP, and a mail server; both remember, and may be rude."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Chat:
    """What came, and how it answers: the next of `answers` (a status and headers), else 200."""

    url: str = ""
    got: list[dict[str, Any]] = field(default_factory=list)
    tries: int = 0
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return [str(one["text"]) for one in self.got]


@contextmanager
def chat() -> Iterator[Chat]:
    """A chat's incoming webhook."""
    kept = Chat()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            kept.tries += 1
            status, headers = kept.answers.pop(0) if kept.answers else (200, {})
            if status == 200:
                kept.got.append(body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"ok" if status == 200 else b"no")

        def log_message(self, *_: object) -> None:
            """Silent."""

    with _serving(Handler) as port:
        kept.url = f"http://127.0.0.1:{port}/services/T0/B0/made-up"
        yield kept


@contextmanager
def answering(body: bytes, status: int = 200) -> Iterator[str]:
    """The address of a provider's API that answers every question alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silent."""

    with _serving(Handler) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Mailbox:
    """A mail server: `got` are the mails it took. It may be closed and opened again at the same port."""

    def __init__(self) -> None:
        self.got: list[EmailMessage] = []
        self.refuse: str | None = None
        self._controller: Controller | None = None
        self.port = 0

    def open(self) -> None:
        if not self.port:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, server_hostname="localhost")
        self._controller.start()

    def close(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - theirs
        if self.refuse is not None:
            return self.refuse
        mail = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.got.append(mail)
        return "250 kept"

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?from=makegood@example.test&to=finance@example.test&to=cfo@example.test"


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    kept = Mailbox()
    kept.open()
    try:
        yield kept
    finally:
        kept.close()
