"""What is not kept for ever: bodies of webhooks, ended sessions, answers kept for repetitions, told messages,
heartbeats of machines that are gone, and the runs that the breaker passed. Once a day, by the clock, in small steps.

Ids and hashes of deliveries stay, so that a repetition is known for ever; facts, findings, money and audit stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, delete, exists, select

from worker.accounts.signing_in import IDLE, WHOLE
from worker.engine import empty_log
from worker.runtime import Runtime
from worker.schema import api_answers, outbox, run_decisions, runs
from worker.store import accounts, deliveries, heartbeats, marks
from worker.store.deliveries import Purged
from worker.store.sql import run

BATCH = 1000
DONE = "tidied"  # the heartbeat of the last time
EVERY = timedelta(days=1)
GONE = timedelta(days=30)
ANSWERS_KEPT = timedelta(days=2)  # a repetition is one within a day

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Tidied:
    """How many rows of each were removed; of deliveries, how many bodies."""

    bodies: int = 0
    rows: int = 0


def tidy_due(runtime: Runtime, stopping: Callable[[], bool] = lambda: False) -> Tidied | None:
    """Tidy unless it was done within a day; None then."""
    now = runtime.clock()
    last = run(runtime.engine, lambda conn: heartbeats.last_beat(conn, DONE))
    if last is not None and now - last < EVERY:
        return None
    tidied = tidy(runtime, stopping)
    if not stopping():
        heartbeats.beat(runtime.engine, DONE, now)
        _log.info("tidied", count=tidied.bodies, rows=tidied.rows)
    return tidied


def tidy(runtime: Runtime, stopping: Callable[[], bool] = lambda: False) -> Tidied:
    """Remove what is too old, a thousand rows a transaction. Ends early, between two of them, once `stopping()`."""
    now = runtime.clock()
    kept_since = now - timedelta(days=runtime.settings.retention_days)
    bodies = _bodies(runtime, stopping, kept_since)
    rows = sum(
        _while_full(runtime, stopping, remove)
        for remove in (
            lambda conn: _told(conn, kept_since),
            lambda conn: _answers(conn, now - ANSWERS_KEPT),
            lambda conn: _runs(conn, now - GONE),
            lambda conn: heartbeats.forget(conn, now - GONE),
        )
    )
    run(runtime.engine, lambda conn: accounts.forget_sessions(conn, now - WHOLE, now - IDLE))
    empty_log(runtime.engine)
    return Tidied(bodies, rows)


def _while_full(runtime: Runtime, stopping: Callable[[], bool], remove: Callable[[Connection], int]) -> int:
    total, removed = 0, BATCH
    while removed >= BATCH and not stopping():
        removed = run(runtime.engine, remove)
        total += removed
    return total


def _bodies(runtime: Runtime, stopping: Callable[[], bool], before: datetime) -> int:
    """The bodies of what is old, from where there was anything left the last time: a walk, not a search through all."""
    after = run(runtime.engine, lambda conn: marks.read(conn, "bodies"))
    total, nothing_left = 0, True

    def step(conn: Connection) -> Purged:
        purged = deliveries.purge(conn, after, BATCH, before)
        if nothing_left and purged.done_up_to is not None:
            marks.put(conn, "bodies", purged.done_up_to)
        return purged

    while not stopping() and (purged := run(runtime.engine, step)).last is not None:
        total += purged.bodies
        nothing_left = nothing_left and purged.done_up_to == purged.last
        after = purged.last
    return total


def _told(conn: Connection, before: datetime) -> int:
    o = outbox.c
    old = select(o.key, o.channel).where(o.state == "sent", o.sent_at < before).limit(BATCH).subquery()
    return conn.execute(delete(outbox).where(exists().where(old.c.key == o.key, old.c.channel == o.channel))).rowcount


def _answers(conn: Connection, before: datetime) -> int:
    a = api_answers.c
    old = select(a.holder, a.key).where(a.at < before).order_by(a.at).limit(BATCH).subquery()
    return conn.execute(
        delete(api_answers).where(exists().where(old.c.holder == a.holder, old.c.key == a.key))
    ).rowcount


def _runs(conn: Connection, before: datetime) -> int:
    """Runs that were looked at and passed; those that tripped the breaker stay."""
    c = runs.c
    passed = select(c.name).where(c.checked_at < before, c.verdict.is_(None)).limit(BATCH)
    names = conn.scalars(passed).all()
    conn.execute(delete(run_decisions).where(run_decisions.c.run.in_(names)))
    return conn.execute(delete(runs).where(c.name.in_(names), c.checked_at.is_not(None))).rowcount
