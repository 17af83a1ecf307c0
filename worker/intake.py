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

from worker.committing import AWAY, Committer
from worker.crypt import Keyring
from worker.store.recording import NewDelivery, Ready, Recorded, ready

BATCH_MAX = 256
QUEUE_MAX = 2048
RING_EVERY_S = 0.05  # one message for all that came meanwhile: the worker drains whatever is there

_log = structlog.get_logger(__name__)
_Waiter = tuple[Ready, "asyncio.Future[Recorded]"]


class NotKeptError(Exception):
    """The delivery could not be stored now; its sender is to try again."""


class Intake:
    """Takes deliveries on one event loop and writes them. `start` and `stop` frame its life.

    `ring` is called, from a thread, after a commit that kept something new. It may be slow or fail: it only wakes a
    worker earlier than the sweep would.
    """

    def __init__(
        self,
        engine: Engine,
        keyring: Keyring,
        ring: Callable[[], None],
        *,
        queue_max: int = QUEUE_MAX,
    ) -> None:
        self._engine = engine
        self._keyring = keyring
        self._ring = ring
        self._queue_max = queue_max
        self._waiting: deque[_Waiter] = deque()
        self._came = asyncio.Event()
        self._rung = asyncio.Event()
        self._stopping = False

    async def start(self) -> None:
        # One writer: a second one would halve the batches, and with them what is saved.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="intake")
        self._writer = asyncio.create_task(self._write(), name="intake-writer")
        self._bell_ringer = asyncio.create_task(self._bell(), name="intake-bell")

    async def stop(self) -> None:
        """Write what is waiting, ring a last time, and end."""
        self._stopping = True
        self._came.set()
        self._rung.set()
        await asyncio.gather(self._writer, self._bell_ringer)
        self._threads.shutdown()

    async def keep(self, delivery: NewDelivery) -> Recorded:
        """Returns once the delivery is durably stored. Raises NotKeptError when it is not, or too many are waiting."""
        if self._stopping or len(self._waiting) >= self._queue_max:
            raise NotKeptError("too many deliveries are waiting")
        try:
            row = ready(self._keyring, delivery)
        except Exception as fault:
            _log.error("delivery_not_kept", error=type(fault).__name__, provider=delivery.provider)
            raise NotKeptError("it cannot be stored") from fault
        future: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, future))
        if not self._came.is_set():
            self._came.set()
        return await future

    async def _write(self) -> None:
        committer = Committer(self._engine, self._threads)
        while True:
            await self._came.wait()
            await asyncio.sleep(0)  # whoever is being read in this turn of the loop comes along
            batch = [self._waiting.popleft() for _ in range(min(BATCH_MAX, len(self._waiting)))]
            if not self._waiting and not self._stopping:
                self._came.clear()
            if batch:
                self._answer(batch, await self._store(committer, [row for row, _ in batch]))
            elif self._stopping:
                await committer.close()
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
        """Rings once for all that was kept since it last rang, beside the writer: it never waits for the queue."""
        loop = asyncio.get_running_loop()
        while True:
            await self._rung.wait()
            stopping = self._stopping
            if stopping:
                await self._writer
            else:
                self._rung.clear()
            try:
                await loop.run_in_executor(self._threads, self._ring)
            except Exception as fault:  # noqa: BLE001 - whatever the queue does, the rows are kept and the sweep finds them
                _log.warning("bell_failed", error=type(fault).__name__)
            if stopping:
                return
            await asyncio.sleep(RING_EVERY_S)

    async def _store(self, committer: Committer, rows: Sequence[Ready]) -> Sequence[Recorded | NotKeptError]:
        """All rows at once; if one of them cannot be stored, each by itself."""
        try:
            return await committer.commit(rows)
        except AWAY as fault:
            # Trying row by row would only make it worse.
            _log.error("deliveries_not_kept", error=type(fault).__name__, count=len(rows))
            return [NotKeptError("the database is away")] * len(rows)
        except Exception as fault:  # noqa: BLE001 - a writer that ended here would leave every later sender waiting
            if len(rows) == 1:
                _log.error("delivery_not_kept", error=type(fault).__name__, provider=rows[0].key[0])
                return [NotKeptError("it cannot be stored")]
            _log.warning("batch_split", error=type(fault).__name__, count=len(rows))
            return [outcome for row in rows for outcome in await self._store(committer, [row])]
