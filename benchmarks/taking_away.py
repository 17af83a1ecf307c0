"""What `benchmarks.upheaval` takes away: workers, their executors, Postgres and Redis, each in its own way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis
from sqlalchemy import Connection, create_engine, text

from tests.conftest import ROOT


@dataclass
class Worker:
    """`makegood work` under a supervisor."""

    environment: dict[str, str]
    process: subprocess.Popen[bytes] = field(init=False)
    again: int = 0

    def __post_init__(self) -> None:
        self._start()

    def _start(self) -> None:
        arguments = [sys.executable, "-m", "worker.cli", "work", "--threads", "1"]
        self.process = subprocess.Popen(arguments, cwd=ROOT, env=self.environment)  # noqa: S603 - our own command

    def keep_up(self) -> None:
        if self.process.poll() is not None:
            self.again += 1
            self._start()

    def executors(self) -> list[int]:
        """The executor is a child of `work`, which starts another one where it ended. A process that has ended has no
        children."""
        with suppress(OSError):
            threads = list(Path(f"/proc/{self.process.pid}/task").iterdir())
            return [int(pid) for thread in threads for pid in _children(thread)]
        return []


@contextmanager
def working(environment: dict[str, str]) -> Iterator[Worker]:
    worker = Worker(environment)
    try:
        yield worker
    finally:
        worker.process.terminate()
        try:
            worker.process.wait(60)
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()


def kill(*pids: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _children(thread: Path) -> list[str]:
    with suppress(OSError):
        return (thread / "children").read_text(encoding="ascii").split()
    return []


def flush(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()


def kill_redis(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        kill(int(client.info("server")["process_id"]))


def stop_postgres(url: str) -> None:
    """What `pg_ctl stop -m immediate` does: it throws out everybody and writes nothing more. Its log is read when it
    is started again."""
    with _connected(url) as conn:
        told = conn.scalar(text("SELECT pg_read_file('postmaster.pid')"))
        os.kill(int(str(told).split("\n", 1)[0]), signal.SIGQUIT)


def crash(url: str) -> None:
    """One of the server's processes dies: it throws out everybody, reads its log again, and comes back."""
    with _connected(url) as conn:
        kill(int(conn.scalar(text("SELECT pg_backend_pid()"))))


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url)
    conn = engine.connect()
    try:
        yield conn
    finally:
        conn.invalidate()  # the server is gone
        engine.dispose()
