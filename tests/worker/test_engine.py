"""The embedded database keeps what it was told to keep, and nothing of what it was told to forget."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from worker import engine as engines
from worker.engine import empty_log, make_engine

FULL = 2


@pytest.fixture(params=["the SQLite that comes along", "an old one"])
def engine(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    if request.param == "an old one":
        monkeypatch.setattr(engines, "WAL_IS_SAFE", (4, 0, 0))
    engine = make_engine(f"sqlite:///{tmp_path / 'makegood.db'}")
    yield engine
    engine.dispose()


def test_a_commit_is_on_the_disk_when_it_returns(engine: Engine) -> None:
    with engine.begin() as conn:
        # In these modes, and not in the usual one, SQLite waits until the end of the journal is on the disk too.
        assert conn.scalar(text("PRAGMA journal_mode")) in {"wal", "truncate"}
        assert conn.scalar(text("PRAGMA synchronous")) == FULL


def test_what_was_erased_is_in_no_file(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE kept (n INTEGER PRIMARY KEY, said TEXT)"))
        conn.execute(text("INSERT INTO kept VALUES (1, 'something personal'), (2, 'something else')"))
    with engine.begin() as conn:
        conn.execute(text("UPDATE kept SET said = NULL WHERE n = 1"))
    assert empty_log(engine)
    assert b"something personal" not in _all_of(tmp_path)
    assert b"something else" in _all_of(tmp_path)


def test_what_somebody_reads_is_emptied_the_next_time(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'makegood.db'}")
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE kept (said TEXT)"))
    with engine.connect() as other:
        if other.scalar(text("PRAGMA journal_mode")) != "wal":
            pytest.skip("there is no SQLite with a safe write-ahead log for this machine")
    with engine.begin() as conn:
        conn.execute(text("INSERT INTO kept VALUES ('something personal')"))
    with engines.reading(engine).connect() as reader, engine.connect() as other:
        assert reader.scalar(text("SELECT said FROM kept")) == "something personal"
        other.execute(text("UPDATE kept SET said = NULL"))
        other.commit()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(engines, "SQLITE_BUSY_MS", 50)
            assert not empty_log(make_engine(str(engine.url)))
    assert empty_log(engine)
    assert b"something personal" not in _all_of(tmp_path)
    engine.dispose()


def test_a_file_that_an_earlier_version_wrote_is_read_on(tmp_path: Path) -> None:
    file = tmp_path / "makegood.db"
    with sqlite3.connect(file) as conn:
        conn.execute("PRAGMA journal_mode=TRUNCATE")
        conn.execute("CREATE TABLE kept (said TEXT)")
        conn.execute("INSERT INTO kept VALUES ('before')")
    conn.close()
    engine = make_engine(f"sqlite:///{file}")
    with engine.begin() as new:
        assert new.scalar(text("SELECT said FROM kept")) == "before"
    engine.dispose()


def _all_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())
