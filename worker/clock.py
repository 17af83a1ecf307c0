"""The clock: every minute it rings for whatever is unfinished, and after each local midnight it judges what fell due;
it starts the night at its time, and tells what is to be told.

It keeps its time in the database, so that it may be restarted, run late, or run twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import Connection, select
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from reconcile.stints import local_date
from worker import nightly, retention
from worker.alerts import channels, telling
from worker.faults import where
from worker.judging import Judged, reconcile_all, today
from worker.runtime import Runtime
from worker.schema import memberships
from worker.sharing import Wake, alone
from worker.store import deliveries
from worker.store.heartbeats import beat, beating, last_beat
from worker.store.sql import TRANSIENT, run

SWEEP_S = 60.0
ERRAND_ENDS_S = 20.0
TICK_MAX_S = 3600.0  # the day's judgement of everything may take long; a tick that takes longer hangs
NIGHT = "judged"  # the heartbeat of the daily judgement

_log = structlog.get_logger(__name__)


def run_clock(
    runtime: Runtime,
    ring: Callable[[], None],
    stop: threading.Event,
    *,
    every_s: float = SWEEP_S,
    wake: Wake = alone,
) -> None:
    """`makegood clock`: a tick at once and then every `every_s`, until `stop` is set. A dependency that is away for a
    while costs ticks, not the clock. The night and the alerts take long: they run beside it, one of each at a time.
    Raises SettingsError where an address for alerts is malformed."""
    channels.names(runtime.settings)
    errands, begun = Errands(), time.monotonic()
    with beating(runtime.engine, "clock", runtime.clock, lambda: time.monotonic() - begun < TICK_MAX_S):
        while True:
            begun = time.monotonic()
            try:
                tick(runtime, ring)
            except (*TRANSIENT, PoolTimeoutError) as fault:
                _log.warning("tick_missed", error=type(fault).__name__)
            errands.start("night", lambda: nightly.run_due(runtime, stop.is_set, wake))
            errands.start("alerts", lambda: telling.deliver(runtime))
            errands.start("tidying", lambda: retention.tidy_due(runtime, stop.is_set))
            if stop.wait(every_s):
                errands.end()
                return


def tick(runtime: Runtime, ring: Callable[[], None]) -> None:
    """One round: ring for what is unfinished, and judge the day once."""
    now = runtime.clock()
    if run(runtime.engine, lambda conn: _unfinished(conn, now)):
        ring()
    judge_the_day(runtime)


def judge_the_day(runtime: Runtime) -> Judged | None:
    """Judge all that changed or fell due, once in each of the merchant's days; None where today's was done. Started by
    "not yet done today", not by the hour: no hour is missing or double when the clocks change."""
    as_of = today(runtime)
    last = run(runtime.engine, lambda conn: last_beat(conn, NIGHT))
    if last is not None and local_date(last, runtime.rules.zone) >= as_of:
        return None
    judged = reconcile_all(runtime, as_of)
    # After it, not before: a day that was interrupted is done again. Two clocks at once judge twice, to the same end.
    beat(runtime.engine, NIGHT, runtime.clock())
    _log.info("day_judged", as_of=str(as_of), judged=judged.memberships)
    return judged


class Errands:
    """What a clock has done beside it: each errand in a thread of its own, and never twice at once. One that fails is
    logged and started again at a later tick."""

    def __init__(self) -> None:
        self._under_way: dict[str, threading.Thread] = {}

    def start(self, name: str, errand: Callable[[], object]) -> bool:
        """Begin it, unless it is still under way."""
        before = self._under_way.get(name)
        if before is not None and before.is_alive():
            return False
        # A daemon: one that hangs does not keep the process, and whatever it had taken is taken up by the next.
        self._under_way[name] = threading.Thread(target=_guarded, args=(name, errand), name=name, daemon=True)
        self._under_way[name].start()
        return True

    def end(self) -> None:
        """Wait for those under way, a while each."""
        for thread in self._under_way.values():
            thread.join(ERRAND_ENDS_S)


def _guarded(name: str, errand: Callable[[], object]) -> None:
    try:
        errand()
    except Exception as fault:  # noqa: BLE001 - a thread has nobody to raise to, and the clock must go on
        _log.error("errand_failed", name=name, fault=where(fault))


def _unfinished(conn: Connection, now: datetime) -> bool:
    touched = select(memberships.c.ref).where(memberships.c.touched.is_(True)).limit(1)
    return deliveries.oldest_waiting(conn, now) is not None or conn.scalar(touched) is not None
