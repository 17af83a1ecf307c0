"""What of a roster row is kept: what billing needs (PR-1), no number that is never kept (PR-2), and nothing personal of
who lives where the statement is not meant for (PR-7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconcile.membership import Agreed, Change, Membership, Notice, PlanChange, Termination
from worker.countries import MEANT_FOR, NOT_KEPT
from worker.scrubbing.texts import scrubbed, without


@dataclass(frozen=True, slots=True)
class Minimised:
    """What is kept of a row. `abroad` is the member's country where the statement is not meant for it."""

    membership: Membership
    personal: dict[str, str]
    abroad: str | None


def minimised(membership: Membership, personal: Mapping[str, str] | None) -> Minimised:
    """The row as it may be kept. Free text loses the member's own name and address too."""
    told = dict(personal or {})
    own = (told.get("email"), told.get("name"))

    def clean(text: str) -> str:
        return scrubbed(without(text, *own))

    kept = replace(
        membership,
        plan=replace(membership.plan, code=clean(membership.plan.code)),
        changes=tuple(_change(change, clean(_words(change))) for change in membership.changes),
        notices=tuple(_notice(notice, clean(_words(notice))) for notice in membership.notices),
    )
    country = told.get("country", "")
    abroad = country if country and country not in MEANT_FOR else None
    if country in NOT_KEPT:
        return Minimised(kept, {}, abroad)
    return Minimised(kept, {name: scrubbed(text) for name, text in told.items()}, abroad)


def _words(told: Change | Notice) -> str:
    match told:
        case Agreed():
            return told.what
        case PlanChange():
            return told.code
        case Termination():
            return told.reason
        case _:
            return ""


def _change(change: Change, words: str) -> Change:
    match change:
        case Agreed():
            return replace(change, what=words)
        case PlanChange():
            return replace(change, code=words)
        case _:
            return change


def _notice(notice: Notice, words: str) -> Notice:
    return replace(notice, reason=words) if isinstance(notice, Termination) else notice
