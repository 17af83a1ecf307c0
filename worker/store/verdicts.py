"""What becomes of a stored remedy when its charge is judged again. Pure: the rules, without the SQL.

What neither money nor a person has touched follows the judgement. What they have is never silently changed: a person's
approval does not carry over to another decision, and what is wanted beyond money already sent is for a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from reconcile.outcome import HeldBecause, Remedy, RemedyState

_WAITING = frozenset({RemedyState.QUEUED, RemedyState.HELD})
_DONE = frozenset({RemedyState.SUBMITTED, RemedyState.SETTLED})

# Why the shell holds a remedy that the core would have queued. A judgement that wants the same leaves it held.
SHELL_HOLDS = frozenset({HeldBecause.BREAKER, HeldBecause.STALE_ROSTER, HeldBecause.UNTOLD_REFUND})


class Act(Enum):
    KEEP = "keep"
    DECIDE = "decide"  # write the judgement's remedy
    HOLD_CHANGED = "hold_changed"  # write it, but a person who had decided on another must decide again
    HOLD_DISPUTED = "hold_disputed"  # what a person approved waits until the dispute is over
    FLAG = "flag"  # leave the row, mark that the judgement wants more
    UNFLAG = "unflag"
    ADVANCE = "advance"  # the provider told what became of the money that was sent
    WAIVE = "waive"  # nothing is wanted of what a person had decided on; no person's waiver
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Stored:
    """What of a stored remedy the rules look at."""

    kind: str
    amount_minor: int | None
    currency: str | None
    state: RemedyState
    held_because: str | None
    touched_by_person: bool
    observed: bool = False  # its state was read off the provider's facts: nothing was sent from here

    @property
    def untouched(self) -> bool:
        """Neither money nor a person: the row is nothing but the last judgement."""
        return not self.touched_by_person and (self.state in _WAITING or self.observed)

    @property
    def waived_by_itself(self) -> bool:
        """Nothing was wanted any more of what a person had let go: if it is wanted again, nobody has given it up."""
        return self.state is RemedyState.WAIVED and not self.touched_by_person

    @staticmethod
    def of(row: Mapping[str, Any]) -> Stored:
        return Stored(
            row["kind"],
            row["amount_minor"],
            row["currency"],
            RemedyState(row["state"]),
            row["held_because"],
            row["touched_by_person"],
            row["observed"],
        )


def weigh(stored: Stored | None, wanted: Remedy | None) -> Act:
    """What to do with a stored remedy now that `wanted` is the judgement; None: nothing is to be decided."""
    if stored is None:
        return Act.KEEP if wanted is None else Act.DECIDE
    if stored.untouched:
        return _follow(stored, wanted)
    if stored.waived_by_itself:
        return Act.KEEP if wanted is None else Act.DECIDE
    return _after_person(stored, wanted) if stored.state in _WAITING else _after_money(stored, wanted)


def _follow(stored: Stored, wanted: Remedy | None) -> Act:
    if wanted is None:
        return Act.DELETE
    return Act.KEEP if _held_by_shell(stored, wanted) else Act.DECIDE


def _after_person(stored: Stored, wanted: Remedy | None) -> Act:
    if wanted is None:
        return Act.WAIVE
    if wanted.state in _DONE:
        return Act.ADVANCE
    if not _same(stored, wanted):
        return Act.HOLD_CHANGED
    disputed = wanted.held_because is HeldBecause.DISPUTED
    return Act.HOLD_DISPUTED if disputed and stored.state is RemedyState.QUEUED else Act.KEEP


def _after_money(stored: Stored, wanted: Remedy | None) -> Act:
    if wanted is not None and wanted.state is RemedyState.SETTLED and stored.state is not RemedyState.SETTLED:
        return Act.KEEP if stored.state is RemedyState.WAIVED else Act.ADVANCE
    flagged = stored.held_because == HeldBecause.CHANGED
    if _more(stored, wanted):
        if stored.state is RemedyState.WAIVED:
            return Act.HOLD_CHANGED  # what was waived was less, and nothing of it was sent
        return Act.KEEP if flagged else Act.FLAG
    return Act.UNFLAG if flagged else Act.KEEP


def _more(stored: Stored, wanted: Remedy | None) -> bool:
    """Whether the judgement wants money beyond what was sent or waived. What is wanted is what is *still* owed, so
    after a settled remedy any of it is more."""
    if wanted is None or wanted.state not in _WAITING or wanted.amount is None:
        return False
    return wanted.amount.minor > (0 if stored.state is RemedyState.SETTLED else stored.amount_minor or 0)


def _held_by_shell(stored: Stored, wanted: Remedy) -> bool:
    by_shell = stored.state is RemedyState.HELD and stored.held_because in SHELL_HOLDS
    return by_shell and wanted.state is RemedyState.QUEUED and _same(stored, wanted)


def _same(stored: Stored, wanted: Remedy) -> bool:
    minor, currency = (wanted.amount.minor, wanted.amount.currency) if wanted.amount else (None, None)
    return (stored.kind, stored.amount_minor, stored.currency) == (wanted.kind.value, minor, currency)
