"""What members asked for and were given, put on their ledgers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from reconcile.ledger import Ledger
from worker.store import claims
from worker.store.members import restricted


def with_claims(conn: Connection, ledgers: Sequence[Ledger]) -> list[Ledger]:
    """The ledgers with what claims were granted, which refunds close the service, and who restricted the processing."""
    refs = [ledger.membership.ref for ledger in ledgers]
    granted, returned, alone = claims.granted(conn, refs), claims.returned(conn, refs), restricted(conn, refs)
    if not (granted or returned or alone):
        return list(ledgers)
    return [
        replace(
            ledger,
            granted=tuple(granted.get(ref, ())),
            returned=tuple(returned.get(ref, ())),
            restricted=ref in alone,
        )
        for ref, ledger in zip(refs, ledgers, strict=True)
    ]
