"""Tallies: what was done so far, counted in the transaction that did it, so that they are true over every process and
restart. A table of some hundred rows answers what would else be a count over millions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from worker.schema import tallies
from worker.store.sql import is_postgres

HANDLED, TOLD = "handled", "told"
_NOT_PLAIN = re.compile("[^a-z0-9_.-]")

_t = tallies.c


def add(conn: Connection, name: str, counts: Mapping[tuple[str, str, str], int]) -> None:
    """Add to the tallies `(provider, kind, outcome)` of a name. Their rows stay locked to the end of the transaction:
    the last thing that it does."""
    rows = [
        {"name": name, "provider": provider, "kind": kind, "outcome": outcome, "n": n}
        for (provider, kind, outcome), n in sorted(
            counts.items()
        )  # in one order, so that two never wait for each other
    ]
    if rows:
        statement = (postgresql.insert if is_postgres(conn) else sqlite.insert)(tallies).values(rows)
        added = {"n": _t.n + statement.excluded.n}
        conn.execute(
            statement.on_conflict_do_update(index_elements=["name", "provider", "kind", "outcome"], set_=added)
        )


def read(conn: Connection) -> list[tuple[str, str, str, str, int]]:
    """Every tally: name, provider, kind, outcome, count."""
    query = select(_t.name, _t.provider, _t.kind, _t.outcome, _t.n).order_by(_t.name, _t.provider, _t.kind, _t.outcome)
    return [(name, provider, kind, outcome, n) for name, provider, kind, outcome, n in conn.execute(query)]


@lru_cache(1000)
def kind_of(event_type: str) -> str:
    """What an event is about, of which there are some dozens: `charge.dispute` of `charge.dispute.created`."""
    return _NOT_PLAIN.sub("_", event_type.rpartition(".")[0].lower() or event_type.lower())[:60]
