"""Deliveries become facts, and the memberships they touch are judged: in batches, and in turns.

The judgement follows in transactions of its own, for a mark outlives any crash: whoever comes next judges what
is marked.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from worker import batches
from worker.batches import BATCH, Handled, store_pending
from worker.judging import Round, judge_changed
from worker.runtime import Runtime

HANDLE_S, JUDGE_S = 20.0, 5.0  # how long each has its turn while the other waits


def drain(runtime: Runtime, stopping: Callable[[], bool] = lambda: False, *, limit: int = BATCH) -> Handled:
    """Handle deliveries until none is left that can be handled now, and judge all that was touched, by them or by
    whoever was interrupted. Deliveries go first, for what many of them touch is then judged once; but neither side
    waits longer than the other's turn. Ends earlier, between two batches or slices, once `stopping()`."""
    total = Handled()
    going: Round | None = None
    behind = False  # whether something was touched where the round has been already
    while not stopping():
        handled, left = store_all(runtime, _within(HANDLE_S, stopping), limit)
        total += handled
        if stopping():
            break
        going, behind = (Round(), False) if going is None else (going, behind or handled.total > 0)
        judge_changed(runtime, _within(JUDGE_S, stopping), going)
        if going.over:
            if not left and not behind:
                break
            going = None
    return total


def store_all(runtime: Runtime, over: Callable[[], bool] = lambda: False, limit: int = BATCH) -> tuple[Handled, bool]:
    """Store until nothing is left that can be stored now, or it is `over()`, between two batches. What was handled, and
    whether there may be more. A backlog is taken by two threads: one reads while the other waits for the database."""
    again, first = batches.try_again(runtime, over), store_pending(runtime, limit)
    if first.total and over():
        return again + first, True
    if first.total < limit or runtime.engine.dialect.name != "postgresql":
        rest, left = _until_none(runtime, over, limit) if first.total else (Handled(), False)
        return again + first + rest, left
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(copy_context().run, _beside, runtime, over, limit)
        mine, left = _until_none(runtime, over, limit)
        theirs, also_left = second.result()
    return again + first + mine + theirs, left or also_left


def _beside(runtime: Runtime, over: Callable[[], bool], limit: int) -> tuple[Handled, bool]:
    batches.lived()
    return _until_none(runtime, over, limit)


def _until_none(runtime: Runtime, over: Callable[[], bool], limit: int) -> tuple[Handled, bool]:
    total = Handled()
    while (handled := store_pending(runtime, limit)).total:
        total += handled
        if over():
            return total, True
    return total, False


def _within(seconds: float, stopping: Callable[[], bool]) -> Callable[[], bool]:
    """Whether so much time has gone by from now on, or it is time to stop."""
    until = time.monotonic() + seconds
    return lambda: stopping() or time.monotonic() >= until
