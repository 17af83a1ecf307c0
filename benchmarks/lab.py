"""What the benchmarks stand on: a Postgres that loses nothing, programs that are started and ended, and a moment's
peace from whatever else runs on the machine."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.servers import owner_of, postgres_binaries
from tests.watched import free_port

HERE = Path(__file__).parent
START_S = 60.0

# What an operator would run: every commit is on the disk before it is told.
POSTGRES = {
    "listen_addresses": "127.0.0.1",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "min_wal_size": "2GB",
    "max_connections": "200",
    "timezone": "UTC",
}


class CannotMeasureError(RuntimeError):
    """Something that the measurement needs is not there."""


def program(name: str, package: str) -> str:
    """Where a program is. Raises CannotMeasureError, with the package that has it."""
    found = shutil.which(name)
    if found is None:
        raise CannotMeasureError(f"{name} is needed (on Debian: apt-get install {package})")
    return found


@contextmanager
def undisturbed() -> Iterator[None]:
    """Whatever is started in the block runs before all else on the machine (SCHED_RR), where that is allowed: with
    neighbours at work, a commit otherwise waits for its turn and not for the disk."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        yield
        return
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@contextmanager
def started(argv: Sequence[str], *, answers: Callable[[], bool], env: Mapping[str, str] | None = None) -> Iterator[int]:
    """A program that runs, undisturbed, during the block; gives its process id."""
    with tempfile.TemporaryFile() as log:
        with undisturbed():
            child = subprocess.Popen(argv, stdout=log, stderr=log, env=env)  # noqa: S603 - our own words
        try:
            deadline = time.monotonic() + START_S
            while not answers():
                if child.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise CannotMeasureError(f"{argv[0]} did not start: {log.read().decode(errors='replace')[-2000:]}")
                time.sleep(0.05)
            yield child.pid
        finally:
            child.terminate()
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def listening(port: int) -> bool:
    """Whether somebody answers at this port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class Postgres:
    """A running server; `url` is of its one database."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"postgresql://postgres@127.0.0.1:{port}/postgres"

    def run(self, *statements: str) -> list[tuple[object, ...]]:
        """Statements one after the other; the rows of the last."""
        rows: list[tuple[object, ...]] = []
        with psycopg.connect(self.url, autocommit=True) as conn:
            for statement in statements:
                found = conn.execute(statement.encode())
                rows = found.fetchall() if found.description else []
        return rows

    def fill_log(self) -> None:
        """Make its log segments beforehand: while they are new, each sync also has to make room on the disk, which a
        server that has run for an hour no longer does."""
        self.run(
            "CREATE TABLE filling AS SELECT repeat(md5(n::text), 100) FROM generate_series(1, 400000) AS n",
            "DROP TABLE filling",
            "CHECKPOINT",
            "SELECT pg_switch_wal()",
            "CHECKPOINT",
        )


@contextmanager
def postgres(*, sync_us: int = 0, settings: Mapping[str, str] | None = None) -> Iterator[Postgres]:
    """A Postgres with `POSTGRES`: Debian's where it is installed, else the wheel's. With `sync_us` every sync takes so
    much longer, as on a disk in a cloud."""
    with tempfile.TemporaryDirectory(prefix="makegood-bench-") as name:
        folder = Path(name)
        owner = owner_of(folder)
        binaries = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
        binaries = binaries or postgres_binaries(folder, owner)
        data, port = folder / "data", free_port()
        env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        made = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "--auth=trust", "--locale=C", "-E", "UTF8"]
        subprocess.run(made, check=True, capture_output=True, cwd=folder, env=env, **owner)  # noqa: S603 - as above
        if sync_us:
            env |= {"LD_PRELOAD": str(_slow_sync(folder)), "SLOWSYNC_US": str(sync_us)}
        told = {**POSTGRES, "unix_socket_directories": str(folder), "port": str(port), **(settings or {})}
        argv = [str(binaries / "postgres"), "-D", str(data), *(f"--{key}={value}" for key, value in told.items())]
        with (folder / "log").open("wb") as log:
            with undisturbed():
                child = subprocess.Popen(argv, stdout=log, stderr=log, cwd=folder, env=env, **owner)  # noqa: S603
            try:
                server = Postgres(port)
                _until_ready(server, child, folder / "log")
                server.fill_log()
                yield server
            finally:
                child.send_signal(2)
                child.wait(60)


def _until_ready(server: Postgres, child: subprocess.Popen[Any], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while child.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(psycopg.OperationalError):
            server.run("SELECT 1")
            return
        time.sleep(0.05)
    raise CannotMeasureError(f"Postgres did not start: {log.read_text()}")


def _slow_sync(folder: Path) -> Path:
    made = folder / "slowsync.so"
    compiler = program("gcc", "gcc")
    argv = [compiler, "-shared", "-fPIC", "-O2", "-o", str(made), str(HERE / "slowsync.c"), "-ldl"]
    subprocess.run(argv, check=True)  # noqa: S603 - as above
    folder.chmod(0o755)
    return made


def machine() -> str:
    """Where and when this is measured, in a line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    python = platform.python_version()
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}, Python {python}, load {load:.1f}"


def say(line: str) -> None:
    """Progress, beside the table."""
    sys.stderr.write(line + "\n")
