"""A batch of deliveries in one statement and one commit, over libpq itself: psycopg's cursors, dumpers and loaders are
made for any statement, and for this one, sent a thousand times a second, they were half of what a row cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

from psycopg import AsyncConnection
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import Buffer, PGresult

from worker.packed import BY_NAME
from worker.store.recording import COLUMNS, Batch, Ready, Recorded, statement

_NAME = b"keep_deliveries"
_STATEMENT = statement(f"${n}" for n in range(1, len(COLUMNS) + 1)).encode()
_BINARY = 1
_IN_ORDER = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)

_WAYS = tuple(BY_NAME[name] for name in COLUMNS.values())


class AtOnce:
    """Keeps deliveries on a connection that commits each statement by itself, one batch at a time."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn
        self._pgconn = conn.pgconn
        self._prepared = False
        # Not so where an answer was not read to its end: the next batch would take it for its own.
        self.usable = True

    async def close(self) -> None:
        """Give the connection back."""
        await self._conn.close()

    async def record(self, rows: Sequence[Ready]) -> list[Recorded]:
        """Keep deliveries without a transmission id: there is nothing to compare them with, so one statement is all.
        When this returns they are on the disk; the answers stand in their order."""
        batch = Batch(rows)
        columns = [way.bytes_of(column) for way, column in zip(_WAYS, batch.columns(), strict=True)]
        if not self._prepared:
            await self._answer(lambda: self._pgconn.send_prepare(_NAME, _STATEMENT))
            self._prepared = True
        formats = [_BINARY] * len(columns)
        found = await self._answer(lambda: self._pgconn.send_query_prepared(_NAME, columns, formats, _BINARY))
        return batch.answers(batch.recorded(_rows(found)), ())

    async def _answer(self, send: Callable[[], None]) -> PGresult:
        """What the server says to what is sent. Raises psycopg's exceptions."""
        self.usable = False
        send()
        while self._pgconn.flush():
            await self._turn(writing=True)
        answers = []
        while (answer := await self._next()) is not None:
            answers.append(answer)
        self.usable = True
        if answers[-1].status not in _IN_ORDER:
            raise error_from_result(answers[-1])
        return answers[-1]

    async def _next(self) -> PGresult | None:
        while self._pgconn.is_busy():
            await self._turn()
            self._pgconn.consume_input()
        return self._pgconn.get_result()

    async def _turn(self, *, writing: bool = False) -> None:
        """Returns once there is something to read, or where `writing` room to write or something to read."""
        loop, socket = asyncio.get_running_loop(), self._pgconn.socket
        turn: asyncio.Future[None] = loop.create_future()
        loop.add_reader(socket, _wake, turn)
        if writing:
            loop.add_writer(socket, _wake, turn)
        try:
            await turn
        finally:
            loop.remove_reader(socket)
            if writing:
                loop.remove_writer(socket)
                self._pgconn.consume_input()


def _wake(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)


def _rows(found: PGresult) -> Iterator[tuple[str, str, str, int, int]]:
    value, number = found.get_value, int.from_bytes
    for n in range(found.ntuples):
        yield (
            _text(value(n, 0)), _text(value(n, 1)), _text(value(n, 2)),
            number(value(n, 3) or b"", "big"), number(value(n, 4) or b"", "big"),
        )  # fmt: skip


def _text(value: Buffer | None) -> str:
    return str(value or b"", "utf-8")
