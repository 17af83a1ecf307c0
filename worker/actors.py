"""The actors: what a message on the queue sets in motion. Messages carry ids and dates only, and losing one loses
nothing: the rows are the queue of record, and the clock's sweep rings again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from dramatiq import Actor, Broker, actor
from dramatiq.errors import BrokerConnectionError
from redis.exceptions import RedisError

from worker.broker import in_process, start_worker
from worker.handling import drain
from worker.runtime import Runtime
from worker.sharing import help_with
from worker.store.heartbeats import beating
from worker.store.sql import TRANSIENT

# A backlog is drained in one go; a worker that hangs longer than this is interrupted, and its rows come again.
DRAIN_LIMIT_MS = 60 * 60 * 1000
STOP_MS = 30_000

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Actors:
    """The actors of one broker. `stopping` ends a drain under way between two batches. Where the queue is away nobody
    is woken, which costs time and nothing else: the rows stay, and the clock's sweep rings again."""

    handle_deliveries: Actor[[], None]
    reconcile_slice: Actor[[str], None]
    in_process: bool = False
    stopping: threading.Event = field(default_factory=threading.Event)

    def ring(self) -> None:
        """Wake a worker: there are deliveries. One message, however many there are."""
        self._send(self.handle_deliveries)

    def wake(self, judging: str, count: int) -> None:
        """Have up to `count` workers take part in a run of the judge. Threads of this process would only share its
        time."""
        for _ in range(0 if self.in_process else count):
            self._send(self.reconcile_slice, judging)

    @staticmethod
    def _send(what: Actor[..., None], *arguments: str) -> None:
        try:
            what.send(*arguments)
        except (RedisError, BrokerConnectionError) as fault:
            _log.warning("nobody_woken", actor=what.actor_name, error=type(fault).__name__)


def declare(runtime: Runtime, broker: Broker) -> Actors:
    """The actors on this broker, working on this runtime. Nothing global is set: two products in one process keep
    apart. A process that only rings declares them too, and starts no worker."""
    stopping = threading.Event()
    rung, busy, judging = threading.Event(), threading.Lock(), threading.Lock()

    @actor(broker=broker, queue_name="deliveries", time_limit=DRAIN_LIMIT_MS)
    def handle_deliveries() -> None:
        # One drain a process: a second one would only get in its way. A ring that comes during it makes it look again.
        rung.set()
        while rung.is_set() and not stopping.is_set() and busy.acquire(blocking=False):
            try:
                rung.clear()
                _drain(runtime, stopping)
            finally:
                busy.release()

    @actor(broker=broker, queue_name="judging", time_limit=DRAIN_LIMIT_MS)
    def reconcile_slice(run: str) -> None:
        # Likewise one a process. It goes on until no slice of the run is left.
        if judging.acquire(blocking=False):
            try:
                help_with(runtime, run, stopping.is_set)
            finally:
                judging.release()

    return Actors(handle_deliveries, reconcile_slice, in_process(broker), stopping)


@contextmanager
def working(runtime: Runtime, broker: Broker, *, threads: int = 4) -> Iterator[Actors]:
    """Carry messages out in threads of this process during the block, and what waits from before. At its end the batch
    under way is finished; the rest stays in the database."""
    actors = declare(runtime, broker)
    worker = start_worker(broker, threads=threads)
    actors.ring()
    well = lambda: all(thread.is_alive() for thread in worker.workers)  # noqa: E731 - said where it is used
    try:
        with beating(runtime.engine, "work", runtime.clock, well):
            yield actors
    finally:
        actors.stopping.set()
        worker.stop(timeout=STOP_MS)
        if in_process(broker):
            broker.flush_all()


def _drain(runtime: Runtime, stopping: threading.Event) -> None:
    try:
        handled = drain(runtime, stopping.is_set)
    except TRANSIENT as fault:
        # The database is away or busy. The rows stay, and the sweep rings again.
        _log.warning("drain_interrupted", error=type(fault).__name__)
        return
    if handled.total:
        _log.info("deliveries_handled", count=handled.total)
