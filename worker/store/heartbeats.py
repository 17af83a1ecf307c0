"""The heartbeats: when something was last, or first, known to be alive.

A process beats under its role and its machine, as `work@host`, so that each of several replicas is seen; the name of a
container is its host. What has a plain name (`clock`'s daily judgement) belongs to all of them together."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Connection, Engine, delete, func, select

from worker.schema import heartbeats
from worker.store.sql import TRANSIENT, put, run

ROLES = ("clock", "work", "executor")
BEAT_S = 20.0
DEAD_AFTER = timedelta(minutes=3)  # the clock beats once a minute

_h = heartbeats.c
_log = structlog.get_logger(__name__)


def first(conn: Connection, name: str, now: datetime) -> datetime:
    """When `name` was first asked for: now, if it never was."""
    put(conn, heartbeats, [{"name": name, "at": now}], key=["name"], replacing=False)
    seen: datetime = conn.execute(select(_h.at).where(_h.name == name)).scalar_one()
    return seen


def here(role: str) -> str:
    """The name under which this machine's process of a role beats."""
    return f"{role}@{socket.gethostname()}"


def beat(engine: Engine, name: str, at: datetime) -> None:
    """Note that something was alive at this moment."""
    run(engine, lambda conn: put(conn, heartbeats, [{"name": name, "at": at}], key=["name"], replacing=True))


def last_beat(conn: Connection, name: str) -> datetime | None:
    """When something was last known to be alive."""
    last: datetime | None = conn.scalar(select(_h.at).where(_h.name == name))
    return None if last is None else last.astimezone(UTC)


def last_of(conn: Connection, role: str) -> datetime | None:
    """When any process of a role was last known to be alive."""
    last: datetime | None = conn.scalar(select(func.max(_h.at)).where(_h.name.startswith(f"{role}@", autoescape=True)))
    return last


def alive(conn: Connection, role: str, now: datetime) -> int:
    """How many machines have a living process of this role."""
    living = _h.name.startswith(f"{role}@", autoescape=True) & (_h.at > now - DEAD_AFTER)
    return conn.scalar(select(func.count()).select_from(heartbeats).where(living)) or 0


def forget(conn: Connection, before: datetime) -> int:
    """Remove the heartbeats of machines that have been gone for long."""
    return conn.execute(delete(heartbeats).where(_h.name.contains("@"), _h.at < before)).rowcount


@contextmanager
def beating(engine: Engine, role: str, clock: Callable[[], datetime], well: Callable[[], bool]) -> Iterator[None]:
    """Beat in a thread during the block, as long as all is `well`."""
    over = threading.Event()

    def go_on() -> None:
        while True:
            try:
                if well():
                    beat(engine, here(role), clock())
            except TRANSIENT as fault:
                _log.warning("beat_missed", name=role, error=type(fault).__name__)
            if over.wait(BEAT_S):
                return

    thread = threading.Thread(target=go_on, name=f"{role}-beat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
