"""What both databases can do, said once: many values in one parameter, upserts, and the lock of the facts."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, FromClause, Table, Text, bindparam, column, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import InterfaceError, OperationalError

T = TypeVar("T")

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


def listed(conn: Connection, names: Sequence[str], rows: Iterable[tuple[str, ...]]) -> FromClause:
    """`rows` of texts as something to join, sent as one parameter however many they are."""
    ordered = sorted(rows)
    if is_postgres(conn):
        arrays = [list(texts) for texts in zip(*ordered, strict=True)] or [[] for _ in names]
        sent = [bindparam(None, texts, ARRAY(Text)) for texts in arrays]
        return func.unnest(*sent).table_valued(*(column(name, Text) for name in names)).render_derived()
    each = func.json_each(json.dumps(ordered)).table_valued("value")
    return select(*(func.json_extract(each.c.value, f"$[{n}]").label(name) for n, name in enumerate(names))).subquery()


def upsert(conn: Connection, table: Table) -> Any:  # noqa: ANN401 - both dialects' Insert, which share these methods
    """An INSERT that takes `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return postgresql.insert(table) if is_postgres(conn) else sqlite.insert(table)


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
