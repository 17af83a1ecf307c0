"""The doorbell. The database rows are the queue of record: losing every message loses nothing, for a sweep rings again.

Messages carry ids, never facts.
"""

from __future__ import annotations

import structlog
from dramatiq import Broker, Message, Worker
from dramatiq.broker import MessageProxy
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import Middleware, ShutdownNotifications, TimeLimit
from redis.exceptions import RedisError

from config.settings import Settings

# Of a million: a dead worker's messages come back at the next command and not, by lottery, half an hour later.
_MAINTENANCE_ALWAYS = 1_000_000
_HEARTBEAT_MS = 60_000
_SOCKET_S = 5
CORRELATION = "correlation_id"


def make_broker(settings: Settings) -> Broker:
    """The broker of `BROKER_URL`: within this process, or Redis. Nothing global is set; actors are handed it."""
    if settings.broker_url.startswith("memory://"):
        return StubBroker(middleware=_middleware(), fail_fast_default=False)
    return RedisBroker(  # type: ignore[no-untyped-call] # dramatiq left this one without types
        url=settings.broker_url,
        middleware=_middleware(),
        maintenance_chance=_MAINTENANCE_ALWAYS,
        heartbeat_timeout=_HEARTBEAT_MS,
        socket_timeout=_SOCKET_S,
        socket_connect_timeout=_SOCKET_S,
    )


def _middleware() -> list[Middleware]:
    """No retries and no results: a failed row carries its own next try, and the retry middleware would write
    tracebacks, with whatever they hold of a customer, into Redis."""
    return [TimeLimit(), ShutdownNotifications(), Correlation()]


class Correlation(Middleware):
    """Carries the correlation id of whoever rings to whoever works, in the message's options: all that is logged for
    one ring, in whichever process, has it. A ring without one is given its message's own."""

    def before_enqueue(self, broker: Broker, message: Message[object], delay: int | None) -> None:  # noqa: ARG002 - theirs
        bound = structlog.contextvars.get_contextvars().get(CORRELATION)
        message.options.setdefault(CORRELATION, bound or message.message_id)

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:  # noqa: ARG002 - theirs
        # Threads are used again: whatever an earlier message left is not this one's.
        structlog.contextvars.clear_contextvars()
        correlation = message.options.get(CORRELATION, message.message_id)
        structlog.contextvars.bind_contextvars(**{CORRELATION: correlation, "actor": message.actor_name})

    def after_process_message(
        self,
        broker: Broker,  # noqa: ARG002 - theirs
        message: MessageProxy,  # noqa: ARG002 - theirs
        *,
        result: object = None,  # noqa: ARG002 - theirs
        exception: BaseException | None = None,  # noqa: ARG002 - theirs
    ) -> None:
        structlog.contextvars.clear_contextvars()


def in_process(broker: Broker) -> bool:
    """Whether messages reach only the threads of this process."""
    return isinstance(broker, StubBroker)


def reachable(broker: Broker) -> bool:
    """Whether a message could be sent just now."""
    if not isinstance(broker, RedisBroker):
        return True
    try:
        return bool(broker.client.ping())
    except RedisError:
        return False


def start_worker(broker: Broker, *, threads: int = 4, queues: set[str] | None = None) -> Worker:
    """Threads of this process that carry out the messages of `queues` (all of them unless given), until `.stop()`."""
    worker = Worker(broker, queues=queues, worker_threads=threads, worker_timeout=100)
    worker.start()
    return worker


def close(broker: Broker) -> None:
    """Give the connections back; dramatiq leaves Redis' open."""
    broker.close()
    if isinstance(broker, RedisBroker):
        broker.client.close()
        broker.client.connection_pool.disconnect()
