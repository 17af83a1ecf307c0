"""A merchant's traffic, made as it is sent: monthly charges of many memberships, each paid on its day, one in a hundred
charged twice, one event in twenty that concerns nobody; signed as Stripe signs, over as many connections as wanted."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from worker.sandbox.bank.book import Book, Taken

PRICE = 9900
MONTHS = 11
DUPLICATE_EVERY = 100
OTHER_EVERY = 20
BODY_BYTES = 3500  # of an ordinary charge.succeeded
BUSY_S = 1.0
NOBODY = 0  # no answer: as a provider sees a receiver that is being restarted


@dataclass(frozen=True)
class Merchant:
    """`members` memberships that began eleven months before `today`, each on a day of its own of that month."""

    members: int
    today: date

    def roster(self, file: Path) -> None:
        """Their roster, for `makegood import roster`."""
        with file.open("w", encoding="utf-8") as lines:
            for n in range(self.members):
                row = {
                    "membership": f"M-{n}",
                    "started_on": str(self._day(n, 0)),
                    "plan": {"price": PRICE, "currency": "USD"},
                    "agreements": [{"provider": "stripe", "customer": f"cus_{n}"}],
                }
                lines.write(json.dumps(row) + "\n")

    def events(self, book: Book | None = None) -> Iterator[bytes]:
        """The bodies of the events, each with an id of its own; `book` learns of the charges that are there twice."""
        count = 0
        for k in range(MONTHS):
            for n in range(self.members):
                count += 1
                day = self._day(n, k)
                yield self._charge(f"ch_{n}_{k}", n, day)
                if count % OTHER_EVERY == 0:
                    yield _padded({"id": f"evt_other_{count}", "type": "customer.updated", **_about(day, {"id": n})})
                if count % DUPLICATE_EVERY == 0:
                    again, at = f"ch_{n}_{k}_again", day + timedelta(days=1)
                    if book is not None:
                        book.take(Taken(again, "stripe", "charge", PRICE, "USD", _noon(at), customer=f"cus_{n}"))
                    yield self._charge(again, n, at)

    def _charge(self, charge: str, n: int, day: date) -> bytes:
        told = {
            "id": charge,
            "object": "charge",
            "amount": PRICE,
            "amount_captured": PRICE,
            "amount_refunded": 0,
            "captured": True,
            "created": int(_noon(day).timestamp()),
            "currency": "usd",
            "customer": f"cus_{n}",
            "disputed": False,
            "livemode": False,
            "metadata": {},
            "paid": True,
            "refunded": False,
            "status": "succeeded",
        }
        return _padded({"id": f"evt_{charge}", "type": "charge.succeeded", **_about(day, told)})

    def _day(self, n: int, k: int) -> date:
        first = (self.today.year * 12 + self.today.month - 1) - MONTHS + k
        return date(first // 12, first % 12 + 1, 1 + n % 28)


@dataclass
class Sent:
    """What came of it so far."""

    answers: Counter[int] = field(default_factory=Counter)
    kept: int = 0
    stopped: list[tuple[str, int, float]] = field(default_factory=list)  # service, what it ended with, after how long
    _since: list[float] = field(default_factory=list)

    def took(self, seconds: float) -> None:
        self._since.append(seconds)

    def latencies_ms(self) -> tuple[float, float]:
        """The median and the 99th of a hundred since it was last asked."""
        times, self._since = sorted(self._since), []
        if not times:
            return 0.0, 0.0
        return times[len(times) // 2] * 1000, times[min(len(times) - 1, len(times) * 99 // 100)] * 1000


@dataclass
class Sender:
    """Sends bodies to `/webhooks/stripe` on loopback, `rate` a second (0: as fast as they are answered), each until it
    is answered with 200, as the provider would."""

    port: int
    secret: str
    rate: float
    connections: int

    async def send(self, bodies: Iterator[bytes], going: Callable[[], bool], sent: Sent) -> None:
        began = time.monotonic()
        number = 0

        async def connection() -> None:
            nonlocal number
            line = _Line(self.port)
            try:
                while going() and (body := next(bodies, None)) is not None:
                    number += 1
                    if self.rate and (wait := began + number / self.rate - time.monotonic()) > 0:
                        await asyncio.sleep(wait)
                    await self._deliver(line, body, sent)
            finally:
                line.close()

        await asyncio.gather(*(connection() for _ in range(self.connections)))

    async def _deliver(self, line: _Line, body: bytes, sent: Sent) -> None:
        while True:
            before = time.monotonic()
            status = await line.ask(self._request(body))
            sent.answers[status] += 1
            sent.took(time.monotonic() - before)
            if status == 200:
                sent.kept += 1
                return
            await asyncio.sleep(BUSY_S)

    def _request(self, body: bytes) -> bytes:
        stamp = int(time.time())
        mac = hmac.new(self.secret.encode(), b"%d." % stamp + body, hashlib.sha256).hexdigest()
        head = (
            f"POST /webhooks/stripe HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Stripe-Signature: t={stamp},v1={mac}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class _Line:
    """One connection, opened again where it was closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> int:
        """The status that is answered; NOBODY where there was no answer."""
        try:
            if self._open is None:
                self._open = await asyncio.open_connection("127.0.0.1", self._port)
            reader, writer = self._open
            writer.write(request)
            return await _status(reader)
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            return NOBODY

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None


async def _status(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    length = next((int(line[15:]) for line in lines if line[:15].lower() == b"content-length:"), 0)
    await reader.readexactly(length)
    return int(lines[0].split()[1])


def _about(day: date, told: dict[str, object]) -> dict[str, object]:
    return {
        "object": "event",
        "api_version": "2024-06-20",
        "created": int(_noon(day).timestamp()),
        "livemode": False,
        "data": {"object": told},
    }


def _padded(event: dict[str, object]) -> bytes:
    """As long as an ordinary event is."""
    body = json.dumps(event)
    return f'{body[:-1]}, "pending_webhooks": 1, "padding": "{"x" * max(0, BODY_BYTES - len(body) - 40)}"}}'.encode()


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 18, tzinfo=UTC)
