"""What backtests came to, for the page of their policy: the one that is shown, and the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from reconcile.policy import Bundle
from worker import schema
from worker.backtest import digest


@dataclass(frozen=True, slots=True)
class Trial:
    """One backtest. `same`: its clauses are those of the version that is shown; None: it was of another version."""

    row: Row[Any]
    same: bool | None

    @property
    def money(self) -> list[schema.Row]:
        """What is given back, by currency, under the clauses in force and under those that were tried."""
        sums: dict[str, schema.Row] = {}
        for one in self.row.sums:
            if one["currency"] is not None:
                heap = sums.setdefault(one["currency"], {"currency": one["currency"], "now": 0, "then": 0})
                heap["now"] += one["now_amount"]
                heap["then"] += one["then_amount"]
        return [sums[currency] for currency in sorted(sums)]

    @property
    def against(self) -> str:
        """The versions that it was held against."""
        return ", ".join(one["version"] for one in self.row.against)


def chosen(rows: Sequence[Row[Any]], bundle: Bundle, wanted: str) -> Trial | None:
    """The one that was asked for by its number, else the newest of this version."""
    if wanted.isascii() and wanted.isdigit():
        found = next((row for row in rows if row.id == int(wanted)), None)
    else:
        found = next((row for row in rows if (row.bundle, row.version) == (bundle.name, bundle.version)), None)
    if found is None:
        return None
    mine = (found.bundle, found.version) == (bundle.name, bundle.version)
    return Trial(found, found.digest == digest(bundle) if mine else None)
