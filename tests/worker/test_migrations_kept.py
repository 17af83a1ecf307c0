"""Migrations on a database that is in use: they keep what is in it, down and up again, and lock nothing for long."""

from __future__ import annotations

import ast
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Date,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    insert,
    select,
    text,
)  # fmt: skip

from worker import engine as engines
from worker.engine import MIGRATIONS, alembic_config, at_head, head, migrate
from worker.migrations import ops
from worker.schema import UtcDateTime, findings, metadata, remedies

FILES = sorted((MIGRATIONS / "versions").glob("[0-9]*.py"))
Rows = dict[str, list[dict[str, Any]]]


def test_data_is_kept_by_every_step_down_and_up_again(engine: Engine) -> None:
    """But for what the lower revision has no place for."""
    with engine.begin() as conn:
        _fill(conn)
    before = kept = _rows(engine)
    assert all(len(rows) == 2 for rows in before.values())
    for number in range(int(head()) - 1, 0, -1):
        below = f"{number:04}"
        _to(engine, "downgrade", below)
        kept = _rows(engine)
        assert set(kept) <= set(before)
        assert kept == _cut(before, kept), below
        _to(engine, "upgrade", f"{number + 1:04}")
        assert _cut(_rows(engine), kept) == kept, below
        _to(engine, "downgrade", below)
    migrate(engine)
    assert at_head(engine)
    assert _cut(_rows(engine), kept) == kept


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_migration_waits_for_no_lock_for_long_and_comes_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_MIGRATION_WAITS", ("lock_timeout", "200ms"))
    monkeypatch.setattr(engines, "MIGRATION_PAUSE_S", 0.1)
    _to(engine, "downgrade", "0001")
    waited: list[float] = []
    migrating = threading.Thread(target=migrate, args=(engine,))
    with engine.connect() as conn:
        conn.execute(text("LOCK TABLE facts IN ACCESS SHARE MODE"))  # a long report
        migrating.start()
        for _ in range(8):
            time.sleep(0.1)
            began = time.monotonic()
            with engine.begin() as other:
                other.execute(text("SELECT count(*) FROM facts"))
            waited.append(time.monotonic() - began)
        conn.rollback()
    migrating.join(60)
    assert at_head(engine)
    assert max(waited) < 2


def test_cases_that_were_there_have_their_amounts(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over several parts: a remedy's amount, an excess where no remedy says one, and nothing."""
    monkeypatch.setattr(ops, "PART", 2)
    common = {"confidence": "certain", "status": "open", "because": [], "first_seen": date(2026, 1, 1)}
    cases = [("a", 100, "USD"), ("b", 200, "USD"), ("c", 300, "EUR"), ("d", None, None), ("e", 500, "USD")]
    decided = {"state": "held", "cited": [], "decided_at": datetime(2026, 1, 1, tzinfo=UTC)}
    given = [("a", "refund", 90), ("b", "review", None), ("c", "cancel_agreement", None), ("e", "refund", 0)]
    with engine.begin() as conn:
        rows = [{"key": key, "kind": "overcharge", "excess_minor": n, "currency": c, **common} for key, n, c in cases]
        conn.execute(insert(findings), rows)
        conn.execute(
            insert(remedies),
            [{"key": f"r{of}", "finding": of, "kind": kind, "amount_minor": n, **decided} for of, kind, n in given],
        )
    _to(engine, "downgrade", "0009")
    migrate(engine)
    with engine.connect() as conn:
        found = conn.execute(select(findings.c.key, findings.c.amount_minor).order_by(findings.c.key)).all()
    assert dict(tuple(row) for row in found) == {"a": 90, "b": 200, "c": 300, "d": None, "e": 0}


@pytest.mark.parametrize("file", FILES[1:], ids=lambda file: file.stem)
def test_nothing_in_a_migration_locks_for_long(file: Path) -> None:
    """Indexes on tables that were there before are built beside the traffic (`worker.migrations.ops`); columns are
    added without a value and never made another type; rows are written a small part at a time (`ops.fill`)."""
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    made = {_words(call)[0] for call in calls if ast.unparse(call.func) == "op.create_table"}
    for call in calls:
        name, words = ast.unparse(call.func), _words(call)
        said = ast.unparse(call)
        if name in {"op.create_index", "op.drop_index"}:
            assert made & set(words), f"use worker.migrations.ops: {said}"
        if name == "op.add_column":
            assert "nullable=True" in said, f"a column that must hold a value rewrites or checks every row: {said}"
            assert "server_default" not in said, said
        assert name not in {"op.alter_column", "op.create_check_constraint", "op.create_unique_constraint"}, said
        assert name not in {"op.create_foreign_key", "op.batch_alter_table", "op.bulk_insert", "op.rename_table"}, said
        if name == "op.execute":
            assert not re.search(r"\b(UPDATE|DELETE|ALTER TABLE|VACUUM|CLUSTER)\b", said, re.IGNORECASE), said


def _words(call: ast.Call) -> list[str]:
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    return [value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]


def _to(engine: Engine, way: str, revision: str) -> None:
    with engine.begin() as conn:
        getattr(command, way)(alembic_config(conn), revision)


def _fill(conn: Connection) -> None:
    """Two rows in every table, of which each column holds something."""
    for table in metadata.sorted_tables:
        words = dict(_checked(table))
        for n in (1, 2):
            conn.execute(insert(table).values({column.name: _value(column, n, words) for column in table.columns}))


def _checked(table: Table) -> Iterator[tuple[str, str]]:
    for check in table.constraints:
        if isinstance(check, CheckConstraint) and (found := re.match(r"(\w+) IN \('(\w+)'", str(check.sqltext))):
            yield found[1], found[2]


def _value(column: Column[Any], n: int, words: dict[str, str]) -> object:
    if column.name in words:
        return words[column.name]
    for kind, value in (
        (UtcDateTime, datetime(2026, 1, n, 12, tzinfo=UTC)),
        (Date, date(2026, 1, n)),
        (Boolean, n == 1),
        ((Integer, BigInteger), 2**40 + n if isinstance(column.type, BigInteger) else n),
        (JSON, {"ünï": [n, None, "code"]}),
        (LargeBinary, bytes([0, n, 255])),
    ):
        if isinstance(column.type, kind):
            return value
    return f"{column.name} {n} ünï"


def _rows(engine: Engine) -> Rows:
    found = MetaData()
    found.reflect(engine)
    with engine.connect() as conn:
        return {
            name: sorted((dict(row) for row in conn.execute(select(table)).mappings()), key=repr)
            for name, table in found.tables.items()
            if name != "alembic_version"
        }


def _cut(rows: Rows, to: Rows) -> Rows:
    """Only the tables and columns that are in `to`."""
    return {name: sorted(({key: row[key] for key in to[name][0]} for row in rows[name]), key=repr) for name in to}
