"""`makegood backup`: a copy that is whole, taken while others write, and that is a database again."""

from __future__ import annotations

import base64

from tests.worker.cli.world import LEAST, Command

KEY = base64.b64encode(bytes(32)).decode()


def test_a_copy_is_a_database_with_what_was_there(makegood: Command) -> None:
    makegood.apart("import", "roster", makegood.file("r.jsonl", [LEAST]))
    assert makegood.apart("backup", "copy.db").code == 0
    (makegood.folder / "makegood.db").unlink()
    (makegood.folder / "copy.db").rename(makegood.folder / "makegood.db")
    ran = makegood.apart("explain", "M-1", "--json")
    assert (ran.code, ran.rows[0]["membership"]) == (0, "M-1")


def test_what_is_there_is_not_written_over(makegood: Command) -> None:
    makegood.file("copy.db", [])
    ran = makegood.apart("backup", "copy.db")
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert (makegood.folder / "copy.db").stat().st_size == 0


def test_of_postgres_it_says_what_to_use(makegood: Command, postgres_url: str) -> None:
    settings = {"DATABASE_URL": postgres_url, "ENCRYPTION_KEYS": KEY}
    makegood.apart("migrate", **settings)
    ran = makegood.apart("backup", "copy.db", **settings)
    assert ran.code == 2
    assert "pg_dump" in ran.err
