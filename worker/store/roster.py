"""The roster in the database: memberships, their versions, and the identifiers by which charges find them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from reconcile.membership import Membership

if TYPE_CHECKING:
    from worker.crypt import Keyring


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One row of a roster file. `personal` holds the member's plain fields (name, email, country); `membership.email`
    is filled from it by the store, as a keyed hash."""

    membership: Membership
    personal: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """How many memberships an import added, changed (a new version), and found as they were."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0


def import_memberships(conn: Connection, keyring: Keyring, rows: Sequence[RosterRow], at: datetime) -> Imported:
    """Take in roster rows, all or nothing with the caller's transaction. A row equal to what is stored changes nothing."""
    raise NotImplementedError("in work")
