"""What calls may meet: named one by one for a test, or by chance from a seed."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from random import Random


class Fault(StrEnum):
    """Of the first group nothing is executed, of the second all of it, and the third changes what was made."""

    OK = "ok"

    RESET = "reset"  # the connection is reset before anything was done
    RATE_LIMITED = "429"
    BUSY = "409"  # another call has the key or the object
    BROKEN_BEFORE = "500_before"  # Stripe keeps that answer under the key
    UNAVAILABLE = "503"
    UNAUTHORISED = "401"
    FORBIDDEN = "403"
    NO_FUNDS = "no_funds"  # on the merchant's balance

    LOST = "lost"  # the connection closes without a word
    CUT = "cut"  # the answer breaks off
    SLOW = "slow"  # the answer comes after `slow_s`, which a client may not wait for
    LATE = "late"  # nothing is answered, and it is executed only `late` afterwards
    BROKEN_AFTER = "500_after"  # Stripe keeps that answer under the key
    GARBAGE = "garbage"  # an answer that is no JSON

    PENDING = "pending"  # stays on its way until somebody settles or fails it
    SETTLES_LATER = "settles_later"  # on its way, and settled `settles` afterwards
    FAILS_LATER = "fails_later"  # settled, and failed `fails` afterwards


READS = frozenset(
    {
        Fault.OK, Fault.RESET, Fault.RATE_LIMITED, Fault.BROKEN_BEFORE, Fault.UNAVAILABLE, Fault.UNAUTHORISED,
        Fault.FORBIDDEN, Fault.LOST, Fault.CUT, Fault.SLOW, Fault.GARBAGE,
    }
)  # fmt: skip


@dataclass
class Faults:
    """Which fault each call meets. Times are real for `slow_s` and the bank's own for the others."""

    slow_s: float = 2.0
    retry_after_s: int = 2
    late: timedelta = timedelta(hours=1)
    settles: timedelta = timedelta(days=3)
    fails: timedelta = timedelta(days=20)
    met: Counter[Fault] = field(default_factory=Counter)
    _scripts: dict[bool, deque[Fault]] = field(default_factory=lambda: {True: deque(), False: deque()})
    _chances: tuple[int, Mapping[Fault, float]] | None = None
    _nth: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def script(self, *faults: Fault, reads: bool = False) -> None:
        """The next calls that move money (or the next reads) meet these, in this order."""
        if reads and not READS.issuperset(faults):
            raise ValueError("a read makes nothing that such a fault could be about")
        self._scripts[reads].extend(faults)

    def chance(self, seed: int, shares: Mapping[Fault, float]) -> None:
        """From now on each call that moves money meets a fault by these chances. It depends on the seed, on what is
        called and on how often it was, and not on who else calls meanwhile."""
        self._chances = seed, dict(shares)

    def calm(self) -> None:
        """No more faults."""
        with self._lock:
            self._chances = None
            for script in self._scripts.values():
                script.clear()

    def next(self, call: str, *, reads: bool = False) -> Fault:
        """What the call `call` (its method, its path, its key) meets this time."""
        with self._lock:
            fault = self._scripts[reads].popleft() if self._scripts[reads] else self._drawn(call, reads=reads)
            self.met[fault] += 1
            return fault

    def _drawn(self, call: str, *, reads: bool) -> Fault:
        if reads or self._chances is None:
            return Fault.OK
        seed, shares = self._chances
        self._nth[call] += 1
        drawn = Random(f"{seed} {call} {self._nth[call]}").random()  # noqa: S311 - faults must be repeatable
        for fault, share in shares.items():
            drawn -= share
            if drawn < 0:
                return fault
        return Fault.OK
