"""Many new rows in one statement."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Table, insert

from worker import packed
from worker.schema import Row


def add(conn: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, in their order. One whose key is there already is an error."""
    if not rows:
        return
    if conn.dialect.name == "postgresql":
        names = tuple(rows[0])
        conn.exec_driver_sql(packed.insert(table, names), packed.whole(table, names, rows))
    else:
        conn.execute(insert(table), rows)
