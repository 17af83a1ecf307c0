"""What a running stack holds: memory, open files and threads of each process, connections, queue and lag, read from
/proc, the database and Redis."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psycopg
import redis

from benchmarks.stack import Stack

PROC = Path("/proc")


@dataclass(frozen=True)
class Sample:
    """One moment. Memory is in MB by process, files are open descriptors; `waiting` and `age_s` are of deliveries not
    handled yet."""

    at_s: float
    sent: int
    p50_ms: float
    p99_ms: float
    memory: dict[str, float]
    files: dict[str, int]
    threads: dict[str, int]
    connections: int
    waiting: int
    age_s: float
    redis_keys: int
    queued: int


class Watch:
    """Takes samples of a stack, on connections of its own."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._postgres = psycopg.connect(stack.database_url, autocommit=True)
        self._redis = redis.Redis.from_url(stack.redis_url)

    def close(self) -> None:
        self._postgres.close()
        self._redis.close()

    def sample(self, at_s: float, sent: int, latencies: tuple[float, float]) -> Sample:
        pids = dict(self._pids())
        waiting, age_s, connections = self._figures()
        return Sample(
            at_s=at_s,
            sent=sent,
            p50_ms=latencies[0],
            p99_ms=latencies[1],
            memory={name: _memory_mb(pid) for name, pid in pids.items()} | {"postgres": self._postgres_mb()},
            files={name: len(list((PROC / str(pid) / "fd").iterdir())) for name, pid in pids.items()},
            threads={name: len(list((PROC / str(pid) / "task").iterdir())) for name, pid in pids.items()},
            connections=connections,
            waiting=waiting,
            age_s=age_s,
            redis_keys=int(self._redis.dbsize()),
            queued=sum(int(self._redis.llen(key)) for key in self._redis.scan_iter("dramatiq:*", _type="list")),
        )

    def rows(self, query: str) -> list[tuple[object, ...]]:
        return self._postgres.execute(query.encode()).fetchall()

    def _figures(self) -> tuple[int, float, int]:
        ((waiting, age_s, connections),) = self.rows(
            "SELECT count(*), coalesce(extract(epoch FROM now() - min(received_at)), 0)::float8, "
            "(SELECT count(*) FROM pg_stat_activity WHERE application_name = 'makegood') "
            "FROM deliveries WHERE state = 'new'"
        )
        return int(str(waiting)), float(str(age_s)), int(str(connections))

    def _pids(self) -> Iterator[tuple[str, int]]:
        for name, process in self._stack.processes.items():
            yield name, process.pid
        for child in _children(self._stack.processes["work"].pid):
            if b"worker.money.child" in (PROC / str(child) / "cmdline").read_bytes():
                yield "executor", child

    def _postgres_mb(self) -> float:
        ((backend,),) = self.rows("SELECT pg_backend_pid()")
        server = _parent(int(str(backend)))
        # Proportional, because its processes share most of what they hold; the connections that watch count too.
        return sum(_proportional_mb(pid) for pid in (server, *_children(server)))


def smoothed(samples: Sequence[Sample], first: float, last: float) -> Sequence[Sample]:
    """The samples between two parts (0 to 1) of the whole time."""
    whole = samples[-1].at_s if samples else 0.0
    return [one for one in samples if first * whole <= one.at_s <= last * whole]


def middle(values: Sequence[float]) -> float:
    return median(values) if values else 0.0


def _memory_mb(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", (PROC / str(pid) / "status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def _proportional_mb(pid: int) -> float:
    try:
        found = re.search(r"^Pss:\s+(\d+) kB", (PROC / str(pid) / "smaps_rollup").read_text(), re.MULTILINE)
    except OSError:  # it has ended meanwhile
        return 0.0
    return int(found[1]) / 1024 if found else 0.0


def _children(pid: int) -> list[int]:
    tasks = (PROC / str(pid) / "task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def _parent(pid: int) -> int:
    return int((PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
