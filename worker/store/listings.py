"""The listings of contract.md: plain dicts in its key order, in an order that does not depend on arrival."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Filter:
    """What a listing shows. Empty `statuses` (or "all" in it) and None show everything; `since` is by first_seen."""

    statuses: Collection[str] = ()
    kind: str | None = None
    since: date | None = None
    membership: str | None = None


def findings(conn: Connection, chosen: Filter = Filter()) -> Iterator[dict[str, Any]]:
    """The findings, each with its remedy or null, by membership, first_seen, key."""
    raise NotImplementedError("in work")


def remedies(conn: Connection, chosen: Filter = Filter()) -> Iterator[dict[str, Any]]:
    """The remedies of the findings, in their order. `statuses` are remedy states here, `kind` the finding's kind."""
    raise NotImplementedError("in work")
