"""The embedded database keeps what it was told to keep."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from worker.engine import make_engine


def test_a_commit_is_on_the_disk_and_leaves_nothing_of_what_was_erased_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "makegood.db"
    engine = make_engine(f"sqlite:///{file}")
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE kept (said TEXT)"))
        conn.execute(text("INSERT INTO kept VALUES ('something personal')"))
    with engine.begin() as conn:
        conn.execute(text("UPDATE kept SET said = 'nothing'"))
        journal, full = conn.scalar(text("PRAGMA journal_mode")), 2
        assert conn.scalar(text("PRAGMA synchronous")) == full
    # In these modes, and not in the usual one, SQLite waits until the end of the journal is on the disk too.
    assert journal in {"truncate", "wal"}
    if journal == "truncate":
        assert (tmp_path / "makegood.db-journal").read_bytes() == b""
    engine.dispose()
