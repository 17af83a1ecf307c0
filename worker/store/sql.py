"""What both databases can do, said once: many values in one parameter, upserts, and the lock of the facts."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    column,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.types import NullType

from worker import packed
from worker.schema import Row

T = TypeVar("T")

_NEED_NOT_LAST = text("SET LOCAL synchronous_commit TO off")

# Faults of the moment and of the database, not of what was to be done.
TRANSIENT = (InterfaceError, OperationalError)

# Any number that nobody else locks: facts that bear on one another must see each other (see `lock_facts`).
_FACTS_LOCK = 0x6D616B65


def is_postgres(conn: Connection) -> bool:
    return conn.dialect.name == "postgresql"


def lock_facts(conn: Connection) -> None:
    """From here to the end of the transaction nobody else stores facts or imports memberships.

    A charge and the invoice that names its membership may come at once to two workers. If neither saw the other's
    uncommitted row, the charge would stay unbound for ever; so the short part of a batch that stores and binds is taken
    in turns. SQLite has one writer anyway."""
    if is_postgres(conn):
        conn.execute(select(func.pg_advisory_xact_lock(_FACTS_LOCK)))


@contextmanager
def the_only_one(engine: Engine, key: int) -> Iterator[bool]:
    """Whether nobody else is within such a block of the same `key`, which nobody enters meanwhile; on SQLite, where two
    processes are the exception, always. It ends with the process, however that ends."""
    if engine.dialect.name != "postgresql":
        yield True
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        alone = bool(conn.scalar(select(func.pg_try_advisory_lock(key))))
        try:
            yield alone
        finally:
            if alone:
                conn.execute(select(func.pg_advisory_unlock(key)))


def need_not_last(conn: Connection) -> None:
    """Let the commit of this transaction not wait for the disk. Should the server itself fall in the next moment, it is
    gone as a whole, unless a later one was waited for, which takes all before it to the disk. For what would be done
    anew then: its locks, which others want, are so not held while the disk writes."""
    if is_postgres(conn):
        conn.execute(_NEED_NOT_LAST)


def listed(conn: Connection, names: Sequence[str], rows: Iterable[tuple[str, ...]]) -> FromClause:
    """`rows` of texts as something to join, sent as one parameter however many they are."""
    ordered = sorted(rows)
    if is_postgres(conn):
        arrays = [packed.texts(texts) for texts in zip(*ordered, strict=True)] or [packed.texts([]) for _ in names]
        sent = [cast(bindparam(None, array, NullType()), ARRAY(Text)) for array in arrays]
        return func.unnest(*sent).table_valued(*(column(name, Text) for name in names)).render_derived()
    each = func.json_each(json.dumps(ordered)).table_valued("value")
    return select(*(func.json_extract(each.c.value, f"$[{n}]").label(name) for n, name in enumerate(names))).subquery()


def numbered(conn: Connection, column: ColumnElement[int], numbers: Sequence[int]) -> ColumnElement[bool]:
    """Whether `column` is one of `numbers`, sent as one parameter however many they are."""
    if is_postgres(conn):
        return column == func.any(cast(bindparam(None, packed.numbers(numbers), NullType()), ARRAY(BigInteger)))
    each = func.json_each(json.dumps(list(numbers))).table_valued("value")
    return column.in_(select(each.c.value))


@contextmanager
def in_index_order(conn: Connection) -> Iterator[None]:
    """Within the block Postgres sorts nothing that an index has in order. It believes a queue to be as short as when it
    last counted, and would else read and sort all of a long one for each batch."""
    if is_postgres(conn):
        conn.exec_driver_sql("SET LOCAL enable_sort = off")
    yield
    if is_postgres(conn):
        conn.exec_driver_sql("SET LOCAL enable_sort TO DEFAULT")


def begins(conn: Connection, column: ColumnElement[Any], start: str) -> ColumnElement[bool]:
    """Whether `column` begins with `start`, by the order of bytes on both databases and in any language. On Postgres an
    index of `text_pattern_ops` serves it."""
    end = start + "\U0010ffff"
    if not is_postgres(conn):
        return and_(column >= start, column < end)
    return and_(column.bool_op("~>=~")(start), column.bool_op("~<~")(end))


def put(
    conn: Connection,
    table: Table,
    rows: Sequence[Row],
    *,
    key: Sequence[str],
    replacing: bool,
    returning: Sequence[str] = (),
) -> list[tuple[Any, ...]]:
    """Insert rows, in their order; those whose key is there already are replaced, or left as they are. Returns the
    columns `returning` of the rows that were written."""
    if not rows:
        return []
    names = tuple(rows[0])
    if is_postgres(conn):
        statement = packed.insert(table, names, tuple(key), tuple(returning), replacing=replacing)
        done = conn.exec_driver_sql(statement, packed.whole(table, names, rows))
    else:
        inserted = sqlite.insert(table)
        told = {name: inserted.excluded[name] for name in names if name not in key}
        upsert = (
            inserted.on_conflict_do_update(index_elements=key, set_=told)
            if replacing
            else inserted.on_conflict_do_nothing(index_elements=key)
        )
        done = conn.execute(upsert.returning(*(table.c[name] for name in returning)) if returning else upsert, rows)
    return [tuple(row) for row in done] if returning else []


def change(conn: Connection, table: Table, rows: Sequence[Row], *, key: Sequence[str]) -> None:
    """Set, in the row of each one's key, its other columns."""
    if not rows:
        return
    names = tuple(rows[0])
    if is_postgres(conn):
        conn.exec_driver_sql(packed.change(table, names, tuple(key)), packed.columns(table, names, rows))
        return
    told = [name for name in names if name not in key]
    same = and_(*(table.c[name] == bindparam(f"_{name}") for name in key))
    statement = update(table).where(same).values({name: bindparam(f"_{name}") for name in told})
    conn.execute(statement, [{f"_{name}": value for name, value in row.items()} for row in rows])


def run(engine: Engine, work: Callable[[Connection], T], tries: int = 3) -> T:
    """Do `work` in a transaction, again where the database gave it up (a deadlock, a lock that took too long, a lost
    connection). `work` may so be done twice, and has to be harmless to repeat."""
    for left in reversed(range(tries)):
        try:
            with engine.begin() as conn:
                return work(conn)
        except TRANSIENT:
            if left == 0:
                raise
    raise ValueError("a transaction needs at least one try")


def by_first(rows: Collection[tuple[Any, ...]]) -> dict[Any, list[Any]]:
    """Rows of two columns as lists by the first."""
    found: dict[Any, list[Any]] = {}
    for key, value in rows:
        found.setdefault(key, []).append(value)
    return found
