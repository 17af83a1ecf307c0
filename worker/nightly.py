"""The night: ask the providers for what webhooks missed, judge, follow up, sum up, report, tell. One run a night,
whoever starts it; one that is killed at any moment is taken up where it was, to the same summary.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from worker.judging import today
from worker.night import phases, slots
from worker.night.phases import Left, NightLostError, Run
from worker.runtime import Runtime
from worker.sharing import Wake, alone
from worker.store import heartbeats, nights
from worker.store.nights import Night, Taking
from worker.store.sql import TRANSIENT, run

BEGAN = "nights"  # the heartbeat of the first look: a new installation does not make up for nights before it

_log = structlog.get_logger(__name__)


def run_due(runtime: Runtime, stopping: Callable[[], bool] = lambda: False, wake: Wake = alone) -> Night | None:
    """Run the night whose time was the last to come, unless it was; None where there was nothing to do.

    After a downtime that is one night, not several: a judgement is of all facts up to its date, so the latest finds
    what those before it would have found, and says which dates it covers."""
    now = runtime.clock()
    zone = ZoneInfo(runtime.rules.zone)
    night, slot = slots.latest_due(now, runtime.settings.night_at, zone)
    on = today(runtime)
    began, last = run(runtime.engine, lambda conn: (heartbeats.first(conn, BEGAN, now), nights.latest(conn, on)))
    if (last is not None and last.night >= night) or (last is None and slot <= began):
        return None
    # Facts of today may have been judged already, if the run is late: judging as of an earlier date would undo that.
    return run_night(runtime, night, as_of=max(night, on), stopping=stopping, wake=wake)


def run_night(
    runtime: Runtime,
    night: date,
    *,
    as_of: date | None = None,
    again: bool = False,
    stopping: Callable[[], bool] = lambda: False,
    passing: Callable[[str], None] = lambda _: None,
    wake: Wake = alone,
) -> Night | None:
    """Run a night or go on with it, and give it as it is at the end. None where another run has it, or where it is done
    and not wanted `again`. Once `stopping()` it is left between two phases. `passing` is told each point on the way;
    `wake` has workers take part in the judging."""
    lease = timedelta(seconds=runtime.settings.lease_seconds)
    wanted = Taking(night, as_of or night, phases.FIRST, lease, again)
    taken = run(runtime.engine, lambda conn: nights.take(conn, wanted, runtime.clock()))
    if taken is None:
        return None
    _log.info("night_taken", night=str(night), attempt=taken.attempt, since=str(taken.since))
    try:
        with _kept(runtime, taken):
            for name in phases.from_on(taken.phase):
                if stopping():
                    break
                taken = _phase(Run(runtime, taken, wake), name, passing)
    except NightLostError:
        _log.warning("night_lost", night=str(night), attempt=taken.attempt)
        return None
    finally:
        # Whoever comes next may take it at once, whatever ended this run.
        with suppress(SQLAlchemyError):
            run(runtime.engine, lambda conn: nights.leave(conn, taken, runtime.clock()))
    phases.after(runtime, taken)
    return taken


def _phase(work: Run, name: str, passing: Callable[[str], None]) -> Night:
    """Do one phase. What it leaves is written together with the step to the next one, so that it is never half there;
    what it does before that is harmless to do again."""
    runtime, night = work.runtime, work.night
    passing(f"{name}:begin")
    left: Left = phases.do(name, work)
    passing(f"{name}:done")

    def note(conn: Connection) -> Night:
        notes = night.notes if left.note is None else {**night.notes, name: left.note}
        if not nights.advance(conn, night, phases.behind(name), notes):
            raise NightLostError
        if left.also is not None:
            left.also(conn)
        return nights.load(conn, night.night) or night

    noted = run(runtime.engine, note)
    passing(f"{name}:noted")
    return noted


@contextmanager
def _kept(runtime: Runtime, night: Night) -> Iterator[None]:
    """Hold the night during the block, however long a phase takes: the lease is for runs that are gone."""
    lease = timedelta(seconds=runtime.settings.lease_seconds)
    over = threading.Event()

    def hold() -> None:
        while not over.wait(runtime.settings.lease_seconds / 4):
            # One that fails is made up for by the next, or another run takes the night and this one finds that out.
            with suppress(*TRANSIENT):
                run(runtime.engine, lambda conn: nights.keep(conn, night, runtime.clock() + lease))

    holder = threading.Thread(target=hold, name="night-lease", daemon=True)
    holder.start()
    try:
        yield
    finally:
        over.set()
        holder.join()
