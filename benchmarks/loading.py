"""Memberships and charges put straight into the tables, as intake and the roster's import would have left them: nothing
is judged yet."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
from sqlalchemy import Engine, Table, insert

from benchmarks.charges import Life
from reconcile.ledger import BoundBy
from worker.codec import membership_to_plain
from worker.schema import Row, facts, identifiers, memberships
from worker.store.gists import gist
from worker.store.rows import row_of

IMPORTED = datetime(2025, 11, 30, 12, tzinfo=UTC)
PART = 20_000  # memberships


def load(engine: Engine, lives: Iterable[Life]) -> int:
    """Put them in; gives how many charges there are."""
    charges = 0
    everyone = iter(lives)
    while part := list(itertools.islice(everyone, PART)):
        told = sorted(_facts(part), key=lambda row: row["at"])  # as they come: a membership's lie far apart
        charges += len(told)
        for table, rows in ((memberships, list(_members(part))), (identifiers, list(_names(part))), (facts, told)):
            _put(engine, table, rows)
    _settle(engine)
    return charges


def forget_judgements(engine: Engine) -> None:
    """Take back all that judging has written."""
    with engine.begin() as conn:
        for name in ("findings", "remedies", "audit", "runs", "run_decisions"):
            conn.exec_driver_sql(f"DELETE FROM {name}")  # noqa: S608 - our own words
        conn.execute(memberships.update().values(judged_as_of=None, next_change=None, touched=True, explained=None))
    _settle(engine)


def _settle(engine: Engine) -> None:
    """As a database is that has run for a while: swept, and its statistics known."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.exec_driver_sql("VACUUM ANALYZE" if engine.dialect.name == "postgresql" else "ANALYZE")


def _members(part: Sequence[Life]) -> Iterator[Row]:
    for life in part:
        roster = membership_to_plain(life.membership)
        yield {"ref": life.membership.ref, "version": 1, "roster": roster, "imported_at": IMPORTED, "touched": True}


def _names(part: Sequence[Life]) -> Iterator[Row]:
    for life in part:
        ref = life.membership.ref
        yield {"provider": "", "kind": "named", "value": ref, "membership": ref}
        for agreement in life.membership.agreements:
            for kind in ("subscription", "customer", "payer"):
                if value := getattr(agreement, kind):
                    yield {"provider": agreement.provider, "kind": kind, "value": value, "membership": ref}


def _facts(part: Sequence[Life]) -> Iterator[Row]:
    for life in part:
        for taken in life.taken:
            bound = {"membership": life.membership.ref, "bound_by": BoundBy.SUBSCRIPTION.value, "fits": []}
            yield {**row_of(taken.charge), **bound, "plain": gist(taken.charge).plain}


def _put(engine: Engine, table: Table, rows: Sequence[Row]) -> None:
    if engine.dialect.name != "postgresql":
        with engine.begin() as conn:
            conn.execute(insert(table), list(rows))
        return
    names = list(rows[0])
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    statement = f"COPY {table.name} ({', '.join(names)}) FROM STDIN"
    with psycopg.connect(url) as conn, conn.cursor().copy(statement) as copy:
        for row in rows:
            copy.write_row([_sent(row[name]) for name in names])


def _sent(value: Any) -> Any:  # noqa: ANN401 - a column's value
    if isinstance(value, msgspec.Raw):
        return bytes(value).decode()
    return json.dumps(value) if isinstance(value, dict | list) else value
