"""What migrations do to tables that are in use: on Postgres nothing here keeps anybody waiting for long.

An index on a table that an earlier migration made is built CONCURRENTLY, outside of a transaction. Where the migrations
run within somebody's transaction (SQLite, tests) it is built as usual."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import op

PART = 1000  # rows that are written at once


def add_index(name: str, table: str, columns: Sequence[str | sa.TextClause], **where: Any) -> None:  # noqa: ANN401 - a dialect's own
    """Add an index. One that an interrupted migration left half built is built anew."""
    with _beside_traffic() as how:
        if how:
            op.drop_index(name, table, if_exists=True, **how)
        op.create_index(name, table, list(columns), unique=False, **where, **how)


def drop_index(name: str, table: str) -> None:
    with _beside_traffic() as how:
        op.drop_index(name, table, if_exists=bool(how), **how)


def replace_index(name: str, table: str, columns: Sequence[str | sa.TextClause], **where: Any) -> None:  # noqa: ANN401 - a dialect's own
    """Another index under the name of one that is in use; at no time is there neither."""
    if not op.get_context().opts.get("apart"):
        op.drop_index(name, table)
        op.create_index(name, table, list(columns), unique=False, **where)
        return
    add_index(f"{name}_new", table, columns, **where)
    drop_index(name, table)
    op.execute(f"ALTER INDEX {name}_new RENAME TO {name}")


def fill(table: str, values: Mapping[str, str]) -> None:
    """Set columns of a table with a `key` that hold nothing yet, each to a SQL expression over its row: a small part at
    a time, in order, and each part a transaction of its own, so that nobody waits for more than one.

    It commits what came before it, and so belongs into a migration that can begin again at its beginning."""
    rows = sa.table(table, sa.column("key", sa.Text), *(sa.column(name) for name in values))
    told: dict[str, sa.ColumnElement[Any]] = {name: sa.literal_column(f"({value})") for name, value in values.items()}
    with _beside_traffic():
        after = ""
        while True:
            part = sa.select(rows.c.key).where(rows.c.key > after).order_by(rows.c.key).limit(PART).subquery()
            last = op.get_bind().scalar(sa.select(sa.func.max(part.c.key)))
            if last is None:
                return
            here = (rows.c.key > after, rows.c.key <= last, *(rows.c[name].is_(None) for name in values))
            op.get_bind().execute(sa.update(rows).where(*here).values(told))
            after = last


@contextmanager
def _beside_traffic() -> Iterator[dict[str, Any]]:
    if not op.get_context().opts.get("apart"):
        yield {}
        return
    with op.get_context().autocommit_block():
        waits = op.get_bind().exec_driver_sql("SHOW lock_timeout").scalar_one()
        # It waits for whoever began before it, and nobody waits for it.
        op.execute("SET lock_timeout = 0")
        yield {"postgresql_concurrently": True}
        op.execute(f"SET lock_timeout = '{waits}'")
