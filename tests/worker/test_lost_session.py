"""A session that the server took away from a process that stood still is a fault of the moment: it is tried again, and
nothing is decided upon it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from worker.cli.errors import UNREACHABLE, one_line
from worker.engine import make_engine
from worker.store.sql import TRANSIENT, run


@pytest.fixture
def pg_engine(postgres_url: str) -> Iterator[Engine]:
    engine = make_engine(postgres_url)
    yield engine
    engine.dispose()


def stand_still(conn: Connection) -> None:
    """For longer than the server lets an open transaction wait (25P03)."""
    conn.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
    time.sleep(0.3)


def test_a_transaction_whose_session_was_lost_is_done_again(pg_engine: Engine) -> None:
    tries = []

    def work(conn: Connection) -> int | None:
        tries.append(1)
        if len(tries) == 1:
            stand_still(conn)
        found: int | None = conn.scalar(text("SELECT 7"))
        return found

    assert run(pg_engine, work) == 7
    assert len(tries) == 2


def test_one_lost_at_its_commit_is_transient_too(pg_engine: Engine) -> None:
    with pg_engine.connect() as conn:
        stand_still(conn)
        with pytest.raises(TRANSIENT):
            conn.commit()


def test_a_lost_session_is_said_as_a_database_away_and_shows_no_values(pg_engine: Engine) -> None:
    with pg_engine.connect() as conn:
        stand_still(conn)
        with pytest.raises(OperationalError) as lost:
            conn.execute(text("SELECT CAST(:secret AS text)"), {"secret": "ada@example.org"})
    assert lost.value.connection_invalidated
    assert "ada@example.org" not in str(lost.value)
    said = one_line(lost.value)
    assert said is not None
    assert said[0] == UNREACHABLE


def test_a_server_that_became_a_standby_is_a_fault_of_the_moment(pg_engine: Engine) -> None:
    with pg_engine.connect() as conn:
        conn.execute(text("SET TRANSACTION READ ONLY"))
        with pytest.raises(TRANSIENT):
            conn.execute(text("CREATE TABLE nothing (id int)"))
