"""Whatever is changed, dropped, swapped or cut off is found, and named by its number."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, create_engine, delete, insert, select, update

from worker.audit import Entry, append_all, head, verify
from worker.schema import audit

AT = datetime(2026, 11, 2, 12, tzinfo=UTC)
SIZE = 24
ENTRIES = [
    Entry("makegood", "remedy_decided", f"remedy:stripe:ch_{n}", {"amount_minor": 100 * n, "cited": ["a/B"], "x": None})
    for n in range(SIZE)
]
COLUMNS = ("at", "actor", "action", "subject", "detail", "prev_hash", "hash")


@pytest.fixture(scope="module")
def chain() -> Iterator[Engine]:
    engine = create_engine("sqlite://")
    audit.create(engine)
    with engine.begin() as conn:
        append_all(conn, ENTRIES, AT)
    yield engine
    engine.dispose()


def tampered(chain: Engine, tamper: Any) -> int | None:  # noqa: ANN401 - a function of a connection
    """The first broken number after `tamper`, which is undone."""
    with chain.connect() as conn, conn.begin() as transaction:
        _, noted = head(conn)
        assert verify(conn, noted) is None
        tamper(conn)
        found = verify(conn, noted)
        transaction.rollback()
    return found


def _another(column: str, value: Any) -> Any:  # noqa: ANN401 - a column's value
    if column == "at":
        return value.replace(microsecond=1)
    return {**value, "amount_minor": -1} if column == "detail" else f"{value}x"


@given(n=st.integers(1, SIZE), column=st.sampled_from(COLUMNS))
def test_a_change_is_found_where_it_is(chain: Engine, n: int, column: str) -> None:
    def change(conn: Connection) -> None:
        value = conn.execute(select(audit.c[column]).where(audit.c.n == n)).scalar_one()
        conn.execute(update(audit).where(audit.c.n == n).values({column: _another(column, value)}))

    assert tampered(chain, change) == n


@given(n=st.integers(1, SIZE))
def test_a_dropped_entry_is_found_where_it_was(chain: Engine, n: int) -> None:
    assert tampered(chain, lambda conn: conn.execute(delete(audit).where(audit.c.n == n))) == n


@given(first=st.integers(1, SIZE - 1), second=st.integers(2, SIZE))
def test_swapped_entries_are_found_at_the_first(chain: Engine, first: int, second: int) -> None:
    if first == second:
        return

    def swap(conn: Connection) -> None:
        rows = {row["n"]: dict(row) for row in conn.execute(select(audit)).mappings()}
        conn.execute(delete(audit).where(audit.c.n.in_((first, second))))
        conn.execute(insert(audit), [{**rows[first], "n": second}, {**rows[second], "n": first}])

    assert tampered(chain, swap) == min(first, second)


@given(kept=st.integers(0, SIZE - 1))
def test_a_cut_tail_is_found_by_the_head_that_was_noted(chain: Engine, kept: int) -> None:
    assert tampered(chain, lambda conn: conn.execute(delete(audit).where(audit.c.n > kept))) == kept + 1


@given(n=st.integers(1, SIZE))
def test_an_entry_written_anew_with_a_right_hash_breaks_the_next(chain: Engine, n: int) -> None:
    """Whoever can compute hashes has to write everything after it too; the head that was noted then shows it."""

    def rewrite(conn: Connection) -> None:
        rest = [Entry(e.actor, e.action, e.subject, {**e.detail, "x": 1}) for e in ENTRIES[n - 1 :]]
        conn.execute(delete(audit).where(audit.c.n >= n))
        append_all(conn, rest, AT)

    assert tampered(chain, rewrite) == SIZE + 1
