"""Real endpoints on loopback: a chat that takes JSON over HTTP, and a mail server; both remember, and may be rude."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.answering import Answered, Asked, serving


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

    def answer(asked: Asked) -> Answered:
        kept.tries += 1
        status, headers = kept.answers.pop(0) if kept.answers else (200, {})
        if status == 200:
            kept.got.append(json.loads(asked.body))
        return Answered(status, b"ok" if status == 200 else b"no", headers)

    with serving(answer) as address:
        kept.url = f"{address}/services/T0/B0/made-up"
        yield kept


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
