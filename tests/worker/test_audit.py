"""The audit chain shows every change."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, Engine, delete, select, update

from worker.audit import GENESIS, Entry, append, append_all, head, verify
from worker.schema import audit

AT = datetime(2026, 11, 2, 12, 0, 0, 123456, tzinfo=UTC)
DETAIL = {"amount_minor": 9900, "because": ["ünï", "b"], "clause": None, "certain": True, "z": {"b": 1, "a": 2}}


def _fill(conn: Connection, count: int = 20) -> None:
    for n in range(count):
        append(conn, "makegood", "remedy.queued", f"remedy:stripe:ch_{n}", DETAIL, AT)


def test_a_whole_chain_verifies(engine: Engine) -> None:
    with engine.begin() as conn:
        assert (verify(conn), head(conn)) == (None, (0, GENESIS))
        _fill(conn)
        append_all(conn, [Entry("Jo", "remedy.waived", "x", {}), Entry("Jo", "remedy.waived", "y", {})], AT)
    with engine.connect() as conn:
        n, last = head(conn)
        assert (n, verify(conn), verify(conn, last)) == (22, None, None)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "somebody"),
        ("action", "remedy.held"),
        ("subject", "remedy:stripe:ch_x"),
        ("detail", {**DETAIL, "amount_minor": 9901}),
        ("at", AT.replace(microsecond=123457)),
        ("prev_hash", "1" * 64),
        ("hash", "1" * 64),
    ],
)
def test_a_changed_field_shows(engine: Engine, column: str, value: object) -> None:
    with engine.begin() as conn:
        _fill(conn)
        conn.execute(update(audit).where(audit.c.n == 7).values({column: value}))
        assert verify(conn) == 7


def test_a_dropped_entry_and_a_cut_tail_show(engine: Engine) -> None:
    with engine.begin() as conn:
        _fill(conn)
        _, noted = head(conn)
        conn.execute(delete(audit).where(audit.c.n > 15))
        assert verify(conn) is None
        assert verify(conn, noted) == 16
        conn.execute(delete(audit).where(audit.c.n == 3))
        assert verify(conn) == 3


def test_swapped_entries_show(engine: Engine) -> None:
    with engine.begin() as conn:
        for n in range(5):
            append(conn, "makegood", "x", str(n), {}, AT)
        rows = {row.n: row for row in conn.execute(select(audit))}
        for n, other in ((2, 3), (3, 2)):
            moved = {**rows[other]._mapping, "n": n, "hash": f"{n}"}
            conn.execute(update(audit).where(audit.c.n == n).values(moved))
        assert verify(conn) == 2


def test_an_entry_rolled_back_leaves_no_gap(engine: Engine) -> None:
    with engine.begin() as conn:
        _fill(conn, 2)
    with engine.connect() as conn, conn.begin() as transaction:
        _fill(conn, 2)
        transaction.rollback()
    with engine.begin() as conn:
        _fill(conn, 2)
        assert (head(conn)[0], verify(conn)) == (4, None)


def test_many_writers_make_one_chain(engine: Engine) -> None:
    def write(n: int) -> None:
        with engine.begin() as conn:
            append(conn, f"writer {n}", "x", str(n), {}, AT)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(60)))
    with engine.connect() as conn:
        assert (head(conn)[0], verify(conn)) == (60, None)


def test_a_float_is_refused(engine: Engine) -> None:
    with engine.begin() as conn, pytest.raises(TypeError):
        append(conn, "makegood", "x", "y", {"percent": 0.1}, AT)
