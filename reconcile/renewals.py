"""Expected renewals (in work)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from reconcile.money import Money


class RenewalKind(StrEnum):
    DUES = "dues"
    SETUP = "setup"
    AGREED = "agreed"


@dataclass(frozen=True, slots=True)
class Renewal:
    """An expected charge. It pays `[due, period_end)` and may be taken on `[opens, closes]`."""

    kind: RenewalKind
    due: date
    period_end: date | None
    amount: Money
    opens: date
    closes: date
    what: str = ""
