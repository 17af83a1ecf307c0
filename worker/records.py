"""Many rows in one statement: as JSON in one parameter, which Postgres takes apart."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, LargeBinary, Table, TableValuedAlias, Text, bindparam, column, func, insert, select
from sqlalchemy.dialects.postgresql import JSONB

from worker.schema import Row


def add(conn: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, in their order. One whose key is there already is an error."""
    if not rows:
        return
    if conn.dialect.name == "postgresql":
        names = list(rows[0])
        conn.execute(insert(table).from_select(names, select(records(table, names, rows))))
    else:
        conn.execute(insert(table), rows)


def records(table: Table, names: Sequence[str], rows: Sequence[Row]) -> TableValuedAlias:
    """Rows as something to select from, sent as one JSON parameter: many times quicker on Postgres than a statement a
    row, which a driver has to send and the server to answer one by one."""
    binary = [name for name in names if isinstance(table.c[name].type, LargeBinary)]
    spelled = [{**row, **{name: _spelled(row[name]) for name in binary}} for row in rows] if binary else rows
    sent = bindparam(None, msgspec.json.encode(spelled).decode(), Text)
    typed = [column(name, table.c[name].type) for name in names]
    return func.jsonb_to_recordset(sent.cast(JSONB)).table_valued(*typed).render_derived(with_types=True)


def _spelled(value: bytes | None) -> str | None:
    return None if value is None else f"\\x{value.hex()}"
