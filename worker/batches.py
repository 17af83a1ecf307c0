"""A batch of deliveries becomes stored facts.

It is one transaction: its deliveries are claimed and read, and closed, their facts stored and bound, and what they
touch marked for judgement. A delivery that cannot be handled is set aside with its error and never blocks others.

One that ends the whole process leaves no error behind. It is then among the oldest that are due when the next process
begins, so only the first batch of each is counted as an attempt before it is made, and is that process' own; what was
counted and is still open is tried alone, and after the fifth attempt a person has to look. No other batch pays for it.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from handlers.inbox import MalformedDelivery, Translation
from worker import codec
from worker.audit import append_all
from worker.faults import where
from worker.money.following import follow
from worker.runtime import Runtime
from worker.store import deliveries, tallies
from worker.store.deliveries import Delivery
from worker.store.facts import store_facts
from worker.store.sql import TRANSIENT, run, the_only_one
from worker.store.tallies import kind_of
from worker.store.tellings import Told

BATCH = 1000
RETRY_AFTER = timedelta(minutes=1)
DEADLY = "whoever handled it ended before it was done"

_AGAIN = 0x616761696E  # "again": any number that nobody else locks

_log = structlog.get_logger(__name__)
_lived = threading.local()  # `through` a batch: whether this thread has handled one


@dataclass(frozen=True, slots=True)
class Handled:
    """What became of deliveries: `done` gave facts, `passed_over` had none, `failed` could not be handled."""

    done: int = 0
    passed_over: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        return self.done + self.passed_over + self.failed

    def __add__(self, other: Handled) -> Handled:
        return Handled(self.done + other.done, self.passed_over + other.passed_over, self.failed + other.failed)


@dataclass(frozen=True, slots=True)
class _Read:
    """A delivery and what it said, or why it could not be read. `lasting`: it would read no better a second time."""

    delivery: Delivery
    translation: Translation | None = None
    fault: str = ""
    lasting: bool = False

    @property
    def outcome(self) -> str:
        """What becomes of it, for the figures."""
        if self.translation is None:
            return "set_aside" if self.lasting else "tried_again"
        return "done" if self.translation.facts else "passed_over"


def lived() -> None:
    """Say for this thread that its process has handled a batch: the next need not be counted first."""
    _lived.through = True


def store_pending(runtime: Runtime, limit: int = BATCH) -> Handled:
    """Up to `limit` deliveries that nobody has tried become stored facts, and what they touch is marked for judgement.
    None left: all counts are 0."""
    handled = Handled()
    if not getattr(_lived, "through", False):
        counted = run(runtime.engine, lambda conn: _count_first(conn, runtime, limit))
        handled = _stored(runtime, limit, counted, counted) if counted else handled
        lived()
    return handled if handled.total else _stored(runtime, limit, ())


def try_again(runtime: Runtime, over: Callable[[], bool] = lambda: False) -> Handled:
    """The same of what was tried before and is due again, each by itself, until nothing is left or it is `over()`; what
    ended its process five times is set aside. One worker at a time: what two had counted in turns, each finding it with
    the other, would look as if it had ended them."""
    handled = Handled()
    if not run(runtime.engine, partial(_tried, runtime=runtime)):  # as nearly always
        return handled
    with the_only_one(runtime.engine, _AGAIN) as alone:
        while alone and not over() and (ids := run(runtime.engine, partial(_tried, runtime=runtime))):
            before = handled.total
            for one in ids:
                handled += _alone(runtime, one)
                if over():
                    break
            if handled.total == before:  # others have them just now
                break
    return handled


def _tried(conn: Connection, runtime: Runtime) -> list[int]:
    return deliveries.tried(conn, runtime.clock(), BATCH)


def _alone(runtime: Runtime, delivery_id: int) -> Handled:
    taken = run(runtime.engine, partial(_take, runtime=runtime, delivery_id=delivery_id))
    if taken is None:
        return Handled()
    if taken.attempts < deliveries.ATTEMPTS_MAX:
        return _stored(runtime, 1, [taken.id], [taken.id])
    _log.warning("delivery_set_aside", delivery=taken.id, provider=taken.provider, why=DEADLY)
    return Handled(failed=1)


def _take(conn: Connection, runtime: Runtime, delivery_id: int) -> Delivery | None:
    """Count another attempt of one, or set it aside; None where it is handled by now, or somebody has it."""
    for one in deliveries.claim(conn, 1, runtime.clock(), [delivery_id]):
        if one.attempts >= deliveries.ATTEMPTS_MAX:
            deliveries.set_aside(conn, one.id, DEADLY, counted=True)
        else:
            deliveries.count(conn, [one])
        return one
    return None


def _count_first(conn: Connection, runtime: Runtime, limit: int) -> list[int]:
    """Count an attempt of those that this thread is about to try first."""
    chosen = deliveries.claim(conn, limit, runtime.clock())
    deliveries.count(conn, chosen)
    return [one.id for one in chosen]


def _stored(runtime: Runtime, limit: int, counted: Collection[int], among: Collection[int] = ()) -> Handled:
    """Handle the oldest deliveries that nobody has tried, or those `among` these that are still open and free. Those
    `counted` are counted as tried already."""
    claimed: list[Delivery] = []
    try:
        return run(runtime.engine, lambda conn: _store(conn, runtime, limit, counted, among, claimed))
    except TRANSIENT:
        raise
    except Exception as fault:
        if not claimed:
            raise
        note = where(fault)
    # One of them brought the transaction down: each by itself, so that it is only that one that waits.
    _log.warning("batch_split", error=note, count=len(claimed))
    if limit > 1:
        return sum((_stored(runtime, 1, counted, [one.id]) for one in claimed), Handled())
    run(runtime.engine, lambda conn: _wait(conn, runtime, claimed[0], note, counted))
    return Handled(failed=1)


def _store(  # noqa: PLR0917 - all that a batch is told
    conn: Connection,
    runtime: Runtime,
    limit: int,
    counted: Collection[int],
    among: Collection[int],
    claimed: list[Delivery],
) -> Handled:
    now = runtime.clock()
    claimed[:] = deliveries.claim(conn, limit, now, among)
    read = [_read(runtime, delivery) for delivery in claimed]
    done = [one.delivery.id for one in read if one.translation is not None and one.translation.facts]
    deliveries.close(conn, done, "done", None, now)
    passed = [one for one in read if one.translation is not None and not one.translation.facts]
    _pass_over(conn, runtime, passed)
    failed = [one for one in read if one.translation is None]
    for one in failed:
        _set_aside(conn, runtime, one, counted)
    # Last, for facts are stored in turns: whoever is here keeps the others waiting.
    told = [telling for one in read for telling in _told(one)]
    store_facts(conn, runtime.keyring, told)
    if entries := follow(conn, [telling.fact for telling in told], now):
        append_all(conn, entries, now)
    _tally(conn, read)
    if read:
        _log.info("deliveries_told", deliveries=[one.delivery.id for one in read], count=len(done))
    return Handled(len(done), len(passed), len(failed))


def _tally(conn: Connection, read: Sequence[_Read]) -> None:
    handled = Counter((one.delivery.provider, kind_of(one.delivery.event_type), one.outcome) for one in read)
    tallies.add(conn, tallies.HANDLED, handled)
    told = Counter(
        (one.delivery.provider, codec.kind_of(fact), "")
        for one in read
        if one.translation is not None
        for fact in one.translation.facts
    )
    tallies.add(conn, tallies.TOLD, told)


def _read(runtime: Runtime, delivery: Delivery) -> _Read:
    try:
        body = deliveries.open_body(runtime.keyring, delivery)
        if body is None:
            return _Read(delivery, fault="its body is no longer kept", lasting=True)
        return _Read(delivery, runtime.inboxes[delivery.provider].translate(body))
    except MalformedDelivery as fault:
        return _Read(delivery, fault=str(fault), lasting=True)
    except Exception as fault:  # noqa: BLE001 - a fault of the program in one delivery must not stop the others
        return _Read(delivery, fault=where(fault))


def _told(read: _Read) -> list[Told]:
    facts = read.translation.facts if read.translation is not None else ()
    return [Told(fact, read.delivery.source, read.delivery.id) for fact in facts]


def _pass_over(conn: Connection, runtime: Runtime, passed: Sequence[_Read]) -> None:
    by_reason: dict[str | None, list[int]] = {}
    for one in passed:
        reason = one.translation.passed_over if one.translation is not None else None
        by_reason.setdefault(reason, []).append(one.delivery.id)
    for reason, ids in by_reason.items():
        deliveries.close(conn, ids, "passed_over", reason, runtime.clock())


def _set_aside(conn: Connection, runtime: Runtime, read: _Read, counted: Collection[int]) -> None:
    _log.warning("delivery_set_aside", delivery=read.delivery.id, provider=read.delivery.provider, why=read.fault)
    if read.lasting:
        deliveries.set_aside(conn, read.delivery.id, read.fault, counted=read.delivery.id in counted)
    else:
        _wait(conn, runtime, read.delivery, read.fault, counted)


def _wait(conn: Connection, runtime: Runtime, delivery: Delivery, fault: str, counted: Collection[int]) -> None:
    """Try again later, each time later; after the fifth time a person has to."""
    known = delivery.id in counted
    next_at = runtime.clock() + RETRY_AFTER * 4 ** (delivery.attempts - known)
    deliveries.fail(conn, delivery.id, fault, next_at, counted=known)
