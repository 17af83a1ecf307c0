"""What both providers' doors share: which fault a call meets, and what becomes of a repeated one."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from worker.sandbox.bank.book import Back, Book, Credit, RefundStatus
from worker.sandbox.bank.faults import Fault, Faults
from worker.sandbox.bank.keys import Keys
from worker.sandbox.bank.wire import Answered

T = TypeVar("T")

_NEVER_CAME = {Fault.RESET: Answered(how="reset")}
_NOT_EXECUTED = frozenset(
    {
        Fault.RESET, Fault.RATE_LIMITED, Fault.BUSY, Fault.UNAVAILABLE, Fault.UNAUTHORISED, Fault.FORBIDDEN,
        Fault.NO_FUNDS,
    }
)  # fmt: skip
_ON_THE_WAY_BACK = frozenset({Fault.LOST, Fault.CUT, Fault.GARBAGE})


@dataclass(frozen=True)
class Done:
    """What an execution made, and the answer to it; nothing was made where it was refused."""

    answer: Answered
    made: Back | Credit | None = None


@dataclass(frozen=True)
class Order:
    """A call that moves money. `asked` is all of its parameters: the same key with others is refused."""

    call: str
    key: str
    asked: str
    execute: Callable[[RefundStatus], Done]


class Door(ABC, Generic[T]):
    """One provider's way in. `T` is what it keeps under an idempotency key."""

    def __init__(self, book: Book, faults: Faults) -> None:
        self.book = book
        self.faults = faults

    @abstractmethod
    def refused(self, fault: Fault) -> Answered:
        """The provider's words for a fault."""

    @abstractmethod
    def differs(self) -> Answered:
        """Its words for a key that was used with other parameters."""

    @abstractmethod
    def replayed(self, kept: T) -> Answered:
        """What a repeated request gets."""

    @abstractmethod
    def remember(self, keys: Keys[T], order: Order, done: Done, answer: Answered) -> None:
        """Keep under the key what a repetition will need, or drop it."""

    def read(self, call: str, work: Callable[[], Answered]) -> Answered:
        """A call that changes nothing."""
        fault = self.faults.next(call, reads=True)
        if fault in _NOT_EXECUTED:
            return _NEVER_CAME.get(fault) or self.refused(fault)
        if fault is Fault.BROKEN_BEFORE:
            return self.refused(fault)
        with self.book.lock:
            self.book.tick()
            answer = work()
        if fault is Fault.SLOW:
            self._sleep()
        return _on_the_way(answer, fault)

    def change(self, work: Callable[[], Answered]) -> Answered:
        """A call that may be repeated without a key, such as the end of an agreement."""
        with self.book.lock:
            self.book.tick()
            return work()

    def money(self, keys: Keys[T], order: Order) -> Answered:
        """A call that moves money, under its key."""
        fault = self.faults.next(f"{order.call} {order.key}")
        if fault in _NOT_EXECUTED:
            return _NEVER_CAME.get(fault) or self.refused(fault)
        with self.book.lock:
            self.book.tick()
            kept = keys.find(order.key, self.book.clock())
            if kept is not None:
                return _on_the_way(self._repeated(kept.asked, kept.result, order), fault)
            if fault is Fault.BROKEN_BEFORE:
                return self._broken(keys, order)
            keys.begin(order.key, order.asked, self.book.clock())
            if fault is Fault.LATE:
                # Until then it runs: whoever asks again is told so.
                self.book.later(self.faults.late, lambda: self._finish(keys, order, self._done(order), Fault.OK))
                return Answered(how="silent")
            done = self._done(order, fault)
            if fault is not Fault.SLOW:
                return _on_the_way(self._finish(keys, order, done, fault), fault)
        self._sleep()
        with self.book.lock:
            return self._finish(keys, order, done, fault)

    def _repeated(self, asked: str, result: T | None, order: Order) -> Answered:
        if asked != order.asked:
            return self.differs()
        return self.refused(Fault.BUSY) if result is None else self.replayed(result)

    def _broken(self, keys: Keys[T], order: Order) -> Answered:
        answer = self.refused(Fault.BROKEN_BEFORE)
        keys.begin(order.key, order.asked, self.book.clock())
        self.remember(keys, order, Done(answer), answer)
        return answer

    def _done(self, order: Order, fault: Fault = Fault.OK) -> Done:
        on_its_way = fault in {Fault.PENDING, Fault.SETTLES_LATER}
        done = order.execute("pending" if on_its_way else "succeeded")
        if isinstance(done.made, Back):
            self._plan(done.made.id, fault)
        return done

    def _plan(self, refund: str, fault: Fault) -> None:
        plans: dict[Fault, tuple[timedelta, Callable[[str], None]]] = {
            Fault.SETTLES_LATER: (self.faults.settles, self.book.settle),
            Fault.FAILS_LATER: (self.faults.fails, self.book.fail),
        }
        if fault in plans:
            after, work = plans[fault]
            self.book.later(after, lambda: work(refund))

    def _finish(self, keys: Keys[T], order: Order, done: Done, fault: Fault) -> Answered:
        answer = self.refused(fault) if fault is Fault.BROKEN_AFTER else done.answer
        self.remember(keys, order, done, answer)
        return answer

    def _sleep(self) -> None:
        threading.Event().wait(self.faults.slow_s)


def _on_the_way(answer: Answered, fault: Fault) -> Answered:
    if fault not in _ON_THE_WAY_BACK:
        return answer
    if fault is Fault.GARBAGE:
        return Answered(answer.status, b"<html><body>502 Bad Gateway</body></html>", {"Content-Type": "text/html"})
    return answer.but("cut" if fault is Fault.CUT else "silent")
