"""How far a job has come that goes over everything once."""

from __future__ import annotations

from sqlalchemy import Connection, select

from worker.schema import marks
from worker.store import sql


def read(conn: Connection, name: str) -> int:
    """The last number that was done with; 0 at first."""
    return conn.scalar(select(marks.c.n).where(marks.c.name == name)) or 0


def put(conn: Connection, name: str, n: int) -> None:
    sql.put(conn, marks, [{"name": name, "n": n}], key=["name"], replacing=True)
