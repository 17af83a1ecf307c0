"""The points at which a process may die: before and after every commit, before and after every call to a provider.

They are counted here, so that a test can kill a process at each of them and none can be forgotten: a transaction or a
call of `worker.money` that is not on the list cannot be made. Nothing is told to die unless `MAKEGOOD_DIE_AT` says so,
which only tests do.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine

from worker.store.sql import run

T = TypeVar("T")

DIE_AT = "MAKEGOOD_DIE_AT"  # POINT or POINT#N: at the N-th time that it is passed

TRANSACTIONS = ("reap", "claim", "looked", "decide", "record", "judge", "release")
CALLS = ("look", "look_at_refund", "refund", "credit", "find_credit", "cancel")
POINTS = tuple(f"{name}:{moment}" for name in TRANSACTIONS for moment in ("before_commit", "after_commit")) + tuple(
    f"{name}:{moment}" for name in CALLS for moment in ("before_call", "after_call")
)

_held = threading.local()
_passed: dict[str, int] = {}


def transaction(engine: Engine, name: str, work: Callable[[Connection], T]) -> T:
    """Do `work` in a transaction of this name. It may be done twice, see `worker.store.sql.run`."""
    _known(name, TRANSACTIONS)

    def watched(conn: Connection) -> T:
        done = work(conn)
        _passing(f"{name}:before_commit")
        return done

    _held.name = name
    try:
        done = run(engine, watched)
    finally:
        _held.name = None
    _passing(f"{name}:after_commit")
    return done


def call(name: str, ask: Callable[[], T]) -> T:
    """Ask a provider. Never within a transaction: its locks would be held for as long as the provider likes."""
    _known(name, CALLS)
    if getattr(_held, "name", None) is not None:
        raise RuntimeError(f"{name} within the transaction {_held.name}")
    _passing(f"{name}:before_call")
    answer = ask()
    _passing(f"{name}:after_call")
    return answer


def _known(name: str, names: tuple[str, ...]) -> None:
    if name not in names:
        raise ValueError(f"{name} is not on the list of points")


def _passing(point: str) -> None:
    """Here a test may let the process die, as a power cut would."""
    chosen, _, nth = os.environ.get(DIE_AT, "").partition("#")
    if chosen != point:
        return
    _passed[point] = _passed.get(point, 0) + 1
    if _passed[point] == int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)
