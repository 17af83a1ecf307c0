"""The executor: works on every remedy that is due, one after the other, for one command or for as long as it runs.

The database is the queue. Nothing here needs Redis, a webhook, or the process that was here before.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from config.settings import SettingsError
from worker.audit import append_all
from worker.breaker import check_left_over
from worker.broker import CORRELATION
from worker.engine import reading
from worker.faults import where
from worker.money.deciding import Means
from worker.money.decisions import reopen_disputed
from worker.money.desk import Desk
from worker.money.following import advance
from worker.money.gateways import gateways, without
from worker.money.points import transaction
from worker.money.steps import Step
from worker.runtime import Runtime
from worker.store import sends
from worker.store.heartbeats import BEAT_S, beat, here
from worker.store.sql import TRANSIENT
from worker.store.switches import is_stopped

POLL_S = 2.0
LEASE_PART = 0.875  # the kill timer ends a process this far into its lease, before another may think it dead

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Issued:
    """What became of the remedies that were due, counted by word. In shadow mode only `due` and `cooling` are
    counted."""

    due: int = 0
    cooling: int = 0  # decided, and not to be sent before `COOLING_HOURS` are over
    words: Counter[str] = field(default_factory=Counter)
    shadow: bool = False
    stopped: bool = False
    failed: int = 0  # met a fault of the program; they are tried again


def issue_due(
    runtime: Runtime, *, timer: bool = False, every: bool = True, passing: Callable[[], bool] = lambda: True
) -> Issued:
    """Issue every remedy that is due, then return. With `timer`, this process dies before any of its leases runs out:
    only for one that does nothing else. With `every`, SettingsError is raised where a provider's key is missing that
    one of them needs; without, those wait. Before each `passing` is asked whether to go on."""
    check_left_over(runtime)
    if runtime.settings.mode != "live":
        return Issued(due=len(_due(runtime)), cooling=_cooling(runtime), shadow=True)
    transaction(runtime.engine, "reap", lambda conn: reap(conn, runtime))
    reopen_disputed(runtime)
    issued = Issued(cooling=_cooling(runtime))
    with gateways(runtime.settings) as made:
        desk = Desk(Means(runtime, made))
        worked: set[str] = set()
        while fresh := [key for key in _due(runtime) if key not in worked]:
            for key in fresh:
                worked.add(key)
                if passing():
                    _one(desk, key, issued, timer=timer)
            if every and issued.words["no credentials"]:
                raise without(next(iter({key.split(":")[1] for key in worked} - made.keys())))
    with reading(runtime.engine).begin() as conn:
        issued.stopped = is_stopped(conn)
    issued.due = len(worked)
    return issued


def run_executor(runtime: Runtime, pause: Callable[[], bool], *, ended: Callable[[], bool] = lambda: False) -> None:
    """Issue what is due, again and again, until a `pause`, or `ended` between two remedies, says that it is over. In a
    process of one thread, which the kill timer may end at any moment: whoever started it starts it again."""
    alive = _Pulse(runtime)

    def go_on() -> bool:
        alive()
        return not ended()

    while True:
        try:
            alive()
            issued = issue_due(runtime, timer=True, every=False, passing=go_on)
            if issued.due and not issued.shadow:
                _log.info("issued", count=issued.due)
        except TRANSIENT as fault:
            _log.warning("executor_waits", error=type(fault).__name__)
        except SettingsError as fault:
            _log.error("executor_waits", error=str(fault))
        if pause():
            return


class _Pulse:
    """Says now and then that the executor lives, however many remedies are due."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._at = float("-inf")

    def __call__(self) -> None:
        if time.monotonic() - self._at >= BEAT_S:
            beat(self._runtime.engine, here("executor"), self._runtime.clock())
            self._at = time.monotonic()


def reap(conn: Connection, runtime: Runtime) -> int:
    """Calls whose executor is gone: it is not known what became of them."""
    now = runtime.clock()
    entries = []
    for key in sends.overdue_leases(conn, now):
        sends.remedy_row(conn, key)
        send = sends.load(conn, key)
        if send is not None and send.step == Step.SENDING and send.lease_until is not None and send.lease_until <= now:
            entries += advance(conn, send, Step.UNKNOWN, now, uncertain=True, note="its executor died")
    if entries:
        append_all(conn, entries, now)
    return len(entries)


def _one(desk: Desk, key: str, issued: Issued, *, timer: bool) -> None:
    try:
        with (
            structlog.contextvars.bound_contextvars(**_cause(desk.runtime, key)),
            mortal(desk.runtime.settings.lease_seconds * LEASE_PART) if timer else nullcontext(),
        ):
            word = desk.work(key)
            _log.info("remedy_worked_on", word=word)
    except TRANSIENT:
        raise
    except Exception as fault:  # noqa: BLE001 - a fault in one remedy must not stop the others; its lease runs out
        _log.error("not_issued", subject=key, fault=where(fault))
        issued.failed += 1
    else:
        issued.words[word] += 1


def _cause(runtime: Runtime, key: str) -> dict[str, object]:
    """What every line about a remedy says: its finding, its charge, and the deliveries that told of the charge."""
    with reading(runtime.engine).begin() as conn:
        cause = sends.cause(conn, key)
    return {CORRELATION: key, "remedy": key, **cause}


@contextmanager
def mortal(seconds: float) -> Iterator[None]:
    """End this process, should the block take longer. The default action of the signal is death: nothing that runs in
    the process can put it off, and one that was frozen meanwhile dies before it does anything else."""
    before = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _due(runtime: Runtime) -> list[str]:
    now = runtime.clock()
    with reading(runtime.engine).begin() as conn:
        return list(sends.due(conn, now, _cooled(runtime, now)))


def _cooling(runtime: Runtime) -> int:
    with reading(runtime.engine).begin() as conn:
        return sends.cooling(conn, _cooled(runtime, runtime.clock()))


def _cooled(runtime: Runtime, now: datetime) -> datetime:
    return now - timedelta(hours=runtime.settings.cooling_hours)
