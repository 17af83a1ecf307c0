"""The database: one engine for Postgres and SQLite, with each one's traps closed, and its schema brought to the head.

Every transaction may be run again: a connection lost during COMMIT leaves open whether it was committed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from psycopg import AsyncConnection
from psycopg.errors import (
    IdleInTransactionSessionTimeout,
    LockNotAvailable,
    ReadOnlySqlTransaction,
    TransactionTimeout,
)
from psycopg.pq import Format
from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select, text
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import OperationalError

import worker.packed  # noqa: F401 - so that every connection knows how its arrays are sent

try:  # the SQLite that a distribution brings is mostly too old for a write-ahead log
    from pysqlite3 import dbapi2 as sqlite3
except ImportError:  # no wheel for this kind of machine
    import sqlite3

if TYPE_CHECKING:  # half a second that only a migration has to spend
    from alembic.config import Config

T = TypeVar("T")

MIGRATIONS = Path(__file__).parent / "migrations"

# Two connections that checkpoint a write-ahead log at once can corrupt the file, up to the release before this one.
WAL_IS_SAFE = (3, 51, 3)
SQLITE_BUSY_MS = 10_000

# An execution option of statements that bring bodies: they come as they are and not as twice as many letters.
AS_BYTES = "makegood_as_bytes"

_MIGRATION_LOCK = 0x6D616B65676F6F64  # "makegood"
_MIGRATION_WAITS = ("lock_timeout", "3s")
MIGRATION_TRIES = 20
MIGRATION_PAUSE_S = 3.0

# A stopped process keeps its row locks for ever under the defaults of Postgres; these give them back.
_POSTGRES_LIMITS = {
    "lock_timeout": "5s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "15s",
    "client_connection_check_interval": "10s",
    "timezone": "UTC",
}
# What the driver files under internal errors and is a fault of the moment: the server took the session away from a
# process that stood still within a transaction, or it has become a standby.
_LOST = (IdleInTransactionSessionTimeout, TransactionTimeout, ReadOnlySqlTransaction)
# A plan made while a table was empty would else be kept until autovacuum has come by, and reads all that has grown
# meanwhile: a new database's first backlog took nearly three times as long. To plan anew is little beside a batch.
_POSTGRES_PLANS = {"plan_cache_mode": "force_custom_plan"}


def _options(settings: Mapping[str, str]) -> str:
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


_CONNECTING: dict[str, Any] = {
    "options": _options(_POSTGRES_LIMITS),
    "connect_timeout": 5,
    "application_name": "makegood",
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}


def make_engine(database_url: str) -> Engine:
    """An engine for `sqlite:///FILE` or `postgresql://…`. It connects only when it is used."""
    # The parameters of a failed statement are somebody's data: no error text and no log shows them.
    url = _with_driver(make_url(database_url))
    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    engine = create_engine(
        url,
        pool_pre_ping=True,
        pool_recycle=1800,
        pool_size=10,
        pool_timeout=10,
        connect_args={**_CONNECTING, "options": _options(_POSTGRES_LIMITS | _POSTGRES_PLANS)},
        hide_parameters=True,
    )
    event.listen(engine, "handle_error", _of_the_moment, retval=True)
    event.listen(engine, "before_cursor_execute", _as_bytes)
    return engine


def _as_bytes(_conn: Connection, cursor: Any, *rest: Any) -> None:  # noqa: ANN401 - the driver's own
    _statement, _parameters, context, _many = rest
    if context.execution_options.get(AS_BYTES):
        cursor.format = Format.BINARY


async def own_connection(engine: Engine) -> AsyncConnection:
    """A connection to the Postgres of `engine`, beside its pool: on the running loop, and committing each statement by
    itself. For who writes so often that the pool's own work would be most of it."""
    address = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    return await AsyncConnection.connect(address, autocommit=True, **_CONNECTING)


def migrate(engine: Engine) -> None:
    """Bring the schema to the head. Harmless to repeat.

    On SQLite all of it is one transaction. On Postgres each migration is one, waits for no lock longer than a moment,
    since whoever comes after it would wait too, and is tried again; indexes are built beside the traffic."""
    if engine.dialect.name == "sqlite":
        from alembic import command

        with engine.begin() as conn:
            command.upgrade(alembic_config(conn), "head")
        return
    with engine.connect() as conn:
        try:
            _alone(conn)
            _upgrade_beside_traffic(conn)
        finally:
            conn.invalidate()  # what was set for it, and its lock, are not for the pool


def _upgrade_beside_traffic(conn: Connection) -> None:
    from alembic import command

    config = alembic_config(conn)
    config.attributes["apart"] = True
    for left in reversed(range(MIGRATION_TRIES)):
        try:
            command.upgrade(config, "head")
            return
        except OperationalError as fault:
            if left == 0 or not isinstance(fault.orig, LockNotAvailable):
                raise
            conn.rollback()
            time.sleep(MIGRATION_PAUSE_S)


def at_head(engine: Engine) -> bool:
    """Whether the schema is the one that this code expects."""
    return version(engine) == head()


def version(engine: Engine) -> str | None:
    """The last migration that the database had; None where it had none."""
    with reading(engine).connect() as conn:
        if not inspect(conn).has_table("alembic_version"):
            return None
        found: str | None = conn.scalar(text("SELECT max(version_num) FROM alembic_version"))
    return found


def head() -> str:
    """The last migration; their files are numbered in order."""
    return max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def alembic_config(conn: Connection) -> Config:
    """Alembic without an ini file: `worker/migrations/env.py` takes the connection from here."""
    from alembic.config import Config

    config = Config(stdout=sys.stdout)  # its default is what standard output was when alembic was first imported
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = conn
    return config


def lift_limits(conn: Connection) -> None:
    """Let this transaction take as long as it needs: a report over everything."""
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql("SET LOCAL statement_timeout = 0")
        conn.exec_driver_sql("SET LOCAL lock_timeout = '60s'")
        conn.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def _alone(conn: Connection) -> None:
    """Several containers that start at once migrate one after the other. Asked for again and again, not waited for: an
    index that is built beside the traffic waits for everybody who waits, and so would never be built."""
    for name, value in (("statement_timeout", "0"), ("idle_in_transaction_session_timeout", "0"), _MIGRATION_WAITS):
        conn.exec_driver_sql(f"SET {name} = '{value}'")
    while not conn.scalar(select(func.pg_try_advisory_lock(_MIGRATION_LOCK))):
        conn.commit()
        time.sleep(0.2)
    conn.commit()


def _of_the_moment(context: ExceptionContext) -> BaseException | None:
    """A lost session is an OperationalError, as a lost connection is: whoever minds the one minds the other too."""
    fault = context.original_exception
    if not isinstance(fault, _LOST):
        return None
    told = OperationalError(context.statement, None, fault, connection_invalidated=context.is_disconnect)
    told.hide_parameters = True
    return told


def _with_driver(url: URL) -> URL:
    if url.drivername in {"postgres", "postgresql"}:
        return url.set(drivername="postgresql+psycopg")
    return url


def _sqlite(url: URL) -> Engine:
    # `autocommit=False` in the driver would begin transactions itself, and late: a read followed by a write then loses
    # updates of others without an error. With isolation_level None it begins none, and the event below does.
    arguments: dict[str, Any] = {"isolation_level": None, "check_same_thread": False, "timeout": SQLITE_BUSY_MS / 1000}
    engine = create_engine(url, module=sqlite3, connect_args=arguments, json_serializer=_json, hide_parameters=True)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _json(value: object) -> str:
    """JSON, in which what is JSON text already stays as it is (`msgspec.Raw`)."""
    return msgspec.json.encode(value).decode()


def _set_up_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
    def pragma(said: str) -> Any:  # noqa: ANN401 - as above
        return (connection.execute(f"PRAGMA {said}").fetchone() or (None,))[0]

    pragma(f"busy_timeout={SQLITE_BUSY_MS}")
    # Of a rollback journal that was deleted the deletion is not waited for: it may come back with the power and roll
    # back the last commit. That it was truncated is waited for, and so is a write-ahead log; some disks bear none.
    if sqlite3.sqlite_version_info < WAL_IS_SAFE or _patiently(partial(pragma, "journal_mode=WAL")) != "wal":
        pragma("journal_mode=TRUNCATE")
    pragma("synchronous=FULL")  # NORMAL may lose the last commits with the power: an answered webhook that was not kept
    pragma("foreign_keys=ON")
    pragma("secure_delete=ON")  # what is erased is overwritten
    pragma("mmap_size=0")
    pragma("temp_store=MEMORY")


def _patiently(into_another_mode: Callable[[], T]) -> T:
    """SQLite waits for nobody when a file changes its mode, which a new one does once: so it is waited here."""
    until = time.monotonic() + SQLITE_BUSY_MS / 1000
    while True:
        try:
            return into_another_mode()
        except sqlite3.OperationalError:
            if time.monotonic() >= until:
                raise
            time.sleep(0.02)


def _begin_sqlite(conn: Connection) -> None:
    # The write lock is taken at the start, so that what was read still holds when it is written upon. A transaction
    # that only reads may say so and then waits for no writer's turn.
    reads = conn.get_execution_options().get("makegood_reads", False)
    conn.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, and reads all of one moment, however long it takes."""
    steady = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with engine.connect().execution_options(makegood_reads=True, **steady) as conn, conn.begin():
        lift_limits(conn)
        yield conn


def empty_log(engine: Engine) -> bool:
    """Have SQLite write what its log holds to its place, and empty the log: what was erased is then in neither. False
    where somebody reads what was before, so that it was left for the next time."""
    if engine.dialect.name != "sqlite":
        return True
    with closing(engine.raw_connection()) as conn, closing(conn.cursor()) as cursor:
        busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def copy_to(engine: Engine, file: Path) -> None:
    """A copy of a SQLite database as it is at one moment, checked, readable by nobody else. Writers go on meanwhile.
    Where that fails, no part of a copy is left. Raises OSError where it cannot be written."""
    file.touch(mode=0o600, exist_ok=False)
    try:
        _copy(engine, file)
    except BaseException as error:
        file.unlink()
        if isinstance(error, sqlite3.OperationalError):
            raise OSError(str(error)) from None
        raise


def _copy(engine: Engine, file: Path) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT", makegood_reads=True) as conn:
        driver = conn.connection.dbapi_connection
        with sqlite3.connect(file) as copy:
            driver.backup(copy, pages=2048)  # type: ignore[union-attr] # sqlite3's own connection
            (said,) = copy.execute("PRAGMA integrity_check").fetchone()
        copy.close()
    if said != "ok":
        raise ValueError(f"the copy is not whole: {said}")


def reading(engine: Engine) -> Engine:
    """The same engine for transactions that only read: on SQLite they do not queue for the write lock."""
    return engine.execution_options(makegood_reads=True)
