"""A run of the judge that several workers share. The rows of its slices are the queue of record: a message only wakes a
worker, and the one who began the run takes whatever nobody else does."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from worker import breaker
from worker.breaker import Judging
from worker.judging import Judged, judge_range, judge_strays_due
from worker.runtime import Runtime
from worker.store import slices
from worker.store.due import Wanted
from worker.store.slices import Done
from worker.store.sql import run

SIZE = 5000  # memberships: about a second of work, so that workers end at about the same time
LEASE = timedelta(seconds=60)
PAUSE_S = 0.2
WAKE_MAX = 32  # messages: a worker takes slices until there are none, so one for each worker is enough

Wake = Callable[[str, int], None]  # the run, and how many workers could help


def alone(_run: str, _count: int) -> None:
    """Wake nobody: the run is judged here."""


def judge_shared(
    runtime: Runtime, wanted: Wanted, name: str, wake: Wake = alone, progress: Callable[[int], None] | None = None
) -> Judged:
    """Judge what is wanted together with whoever is woken, and end when all of it is done. One that is interrupted and
    begun again under the same name goes on with the slices that are left."""
    waiting = run(runtime.engine, lambda conn: slices.lay_out(conn, name, wanted, SIZE))
    if waiting > 1:
        wake(name, min(waiting, WAKE_MAX))
    while True:
        help_with(runtime, name, progress=progress)
        if run(runtime.engine, lambda conn: slices.left(conn, name)) == 0:
            break
        time.sleep(PAUSE_S)  # the others have the rest; what one of them drops is free again after its lease
    total = judge_strays_due(runtime, wanted)
    breaker.check(runtime, Judging(name))
    done = run(runtime.engine, partial(slices.close, run=name))
    return total + Judged(done.memberships, 0, done.findings, done.failed)


def help_with(
    runtime: Runtime,
    name: str,
    stopping: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Judge slices of a run until nobody leaves one, or `stopping()`. Gives how many."""
    count = 0
    while not stopping():
        share = run(runtime.engine, lambda conn: slices.take(conn, name, runtime.clock(), LEASE))
        if share is None:
            break
        judged = judge_range(runtime, share.after, share.wanted, Judging(name))
        done = Done(judged.memberships, judged.findings, judged.failed)
        run(runtime.engine, partial(slices.finish, share=share, done=done))
        count += 1
        if progress is not None:
            progress(run(runtime.engine, lambda conn: slices.totals(conn, name)).memberships)
    return count
