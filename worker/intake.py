"""Group commit: deliveries that arrive together are written in one transaction, and each is answered after it.

A delivery is kept or its sender is told so; nothing is answered before its commit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from worker.crypt import Keyring
from worker.store.deliveries import NewDelivery, Recorded, record

BATCH_MAX = 256
QUEUE_MAX = 2048
GATHER_S = 0.002

_log = structlog.get_logger(__name__)
_Waiter = tuple[NewDelivery, "asyncio.Future[Recorded]"]


class NotKeptError(Exception):
    """The delivery could not be stored now; its sender is to try again."""


class Intake:
    """Takes deliveries on one event loop and writes them from threads. `start` and `stop` frame its life.

    `ring` is called, from a thread, after a commit that kept something new. It may be slow or fail: it only wakes a
    worker earlier than the sweep would.
    """

    def __init__(
        self,
        engine: Engine,
        keyring: Keyring,
        ring: Callable[[], None],
        *,
        gather_s: float = GATHER_S,
        queue_max: int = QUEUE_MAX,
    ) -> None:
        self._engine = engine
        self._keyring = keyring
        self._ring = ring
        self._gather_s = gather_s
        self._queue_max = queue_max
        # SQLite has one writer; on Postgres a second batch is packed while the first one waits for the disk.
        self._writers = 1 if engine.dialect.name == "sqlite" else 2
        self._waiting: deque[_Waiter] = deque()
        self._came = asyncio.Event()
        self._rung = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self) -> None:
        self._threads = ThreadPoolExecutor(self._writers + 1, thread_name_prefix="intake")
        writers = [asyncio.create_task(self._write(), name=f"intake-{n}") for n in range(self._writers)]
        self._tasks = [*writers, asyncio.create_task(self._bell(), name="intake-bell")]

    async def stop(self) -> None:
        """Write what is waiting, ring a last time, and end."""
        self._stopping = True
        self._came.set()
        self._rung.set()
        await asyncio.gather(*self._tasks)
        self._threads.shutdown()

    async def keep(self, delivery: NewDelivery) -> Recorded:
        """Returns once the delivery is durably stored. Raises NotKeptError when it is not, or too many are waiting."""
        if self._stopping or len(self._waiting) >= self._queue_max:
            raise NotKeptError("too many deliveries are waiting")
        future: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, future))
        self._came.set()
        return await future

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._came.wait()
            if not self._stopping and len(self._waiting) < BATCH_MAX:
                await asyncio.sleep(self._gather_s)
            batch = [self._waiting.popleft() for _ in range(min(BATCH_MAX, len(self._waiting)))]
            if not self._waiting and not self._stopping:
                self._came.clear()
            if batch:
                rows = [delivery for delivery, _ in batch]
                self._answer(batch, await loop.run_in_executor(self._threads, self._store, rows))
            elif self._stopping:
                return

    def _answer(self, batch: Sequence[_Waiter], outcomes: Sequence[Recorded | NotKeptError]) -> None:
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if future.done():  # the sender has gone; what it sent is kept all the same
                continue
            if isinstance(outcome, NotKeptError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
        if any(isinstance(outcome, Recorded) and outcome.new for outcome in outcomes):
            self._rung.set()

    async def _bell(self) -> None:
        """Rings once for all that was kept since it last rang, beside the writers: they never wait for the queue."""
        loop = asyncio.get_running_loop()
        while True:
            await self._rung.wait()
            stopping = self._stopping
            if stopping:
                await asyncio.gather(*self._tasks[:-1])
            else:
                self._rung.clear()
            try:
                await loop.run_in_executor(self._threads, self._ring)
            except Exception as fault:  # noqa: BLE001 - whatever the queue does, the rows are kept and the sweep finds them
                _log.warning("bell_failed", error=type(fault).__name__)
            if stopping:
                return

    def _store(self, rows: Sequence[NewDelivery]) -> Sequence[Recorded | NotKeptError]:
        """In a thread: all rows at once; if one of them cannot be stored, each by itself."""
        try:
            return self._commit(rows)
        except (InterfaceError, OperationalError, PoolTimeoutError) as fault:
            # The database is away or busy, which trying row by row would only make worse.
            _log.error("deliveries_not_kept", error=type(fault).__name__, count=len(rows))
            return [NotKeptError("the database is away")] * len(rows)
        except Exception as fault:  # noqa: BLE001 - a writer that ended here would leave every later sender waiting
            _log.warning("batch_split", error=type(fault).__name__, count=len(rows))
            return [self._store_one(row) for row in rows]

    def _store_one(self, row: NewDelivery) -> Recorded | NotKeptError:
        try:
            return self._commit([row])[0]
        except Exception as fault:  # noqa: BLE001 - as above
            _log.error("delivery_not_kept", error=type(fault).__name__, provider=row.provider)
            return NotKeptError("it cannot be stored")

    def _commit(self, rows: Sequence[NewDelivery]) -> list[Recorded]:
        with self._engine.begin() as conn:
            return record(conn, self._keyring, rows)
