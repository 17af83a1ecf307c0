"""A case: what happened in a sentence, what is owed and why, everything it rests on, and what may be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row
from starlette.responses import Response

from reconcile.outcome import FindingKind
from worker import explaining
from worker.audit import ACTOR
from worker.explaining import Explained
from worker.report.drawing import drawn
from worker.report.timeline import timeline
from worker.store import cases, standing
from worker.store.ranks import Rank
from worker.store.sends import EXECUTABLE
from worker.web.console import asking, sentences
from worker.web.console.approvals import blocked
from worker.web.console.decisions import seen_of
from worker.web.console.desk import Desk, missing
from worker.web.console.rendering import link
from worker.web.console.stacked import Line, lines


@dataclass(frozen=True, slots=True)
class Said:
    """The case in three sentences."""

    happened: str
    owed: str
    stands: str


def show(desk: Desk) -> Response:
    """The case of this finding's or remedy's key."""
    with desk.reading() as conn:
        found = cases.one(conn, desk.asked["key"])
        if found is None:
            raise missing("case")
        remedy = standing.remedies_of(conn, [found.remedy_key]) if found.remedy_key else []
        calls = standing.calls(conn, found.remedy_key) if found.remedy_key else []
    whole = explaining.explained(desk.runtime, found.key)
    if whole is None:
        raise missing("case")
    told = whole.told
    finding = next((row for row in told["findings"] if row["key"] == found.key), None)
    if finding is None:
        raise missing("case")
    row = remedy[0] if remedy else None
    return desk.page(
        "case.html.jinja",
        finding=finding,
        first_seen=found.first_seen,
        told=told,
        said=said(desk, finding, told, row),
        calls=calls,
        **decidable(desk, row),
        picture=picture(whole),
    )


def decidable(desk: Desk, remedy: Row[Any] | None) -> dict[str, Any]:
    """What the part of a page shows on which a remedy is decided."""
    # One by one: after this one the next that waits, in the order of Approvals.
    going, onward = asking.text(desk.query, "go"), ""
    if going and remedy is not None:
        behind = asking.place(str(Rank.of(remedy.currency, remedy.amount_minor)), remedy.key)
        onward = link("/console/approvals/next", go=going, after=behind)
    return {
        "remedy": remedy,
        "seen": "" if remedy is None else seen_of(remedy),
        "executable": remedy is not None and remedy.kind in EXECUTABLE,
        "blocked": "" if remedy is None else blocked(desk, remedy),
        "prepared": remedy is not None and remedy.prepared_by is not None and remedy.approved_by == ACTOR,
        "onward": onward,
    }


def said(desk: Desk, finding: Mapping[str, Any], told: Mapping[str, Any], remedy: Row[Any] | None) -> Said:
    """What a newcomer reads first."""
    shown = finding["remedy"]
    headings = {clause["clause"]: clause["heading"] for clause in told["clauses"]}
    state = desk.state
    return Said(
        sentences.what_happened(dict(finding), told["came"], told.get("ran", [])),
        sentences.what_is_owed(dict(finding), shown, headings.get((shown or {}).get("clause"), "")),
        sentences.where_it_stands(
            shown,
            finding["held_because"],
            shadow=state["shadow"],
            stopped=state["stopped"] is not None and state["stopped"].stopped,
            sent_from=_cooling(desk, remedy),
        ),
    )


@dataclass(frozen=True, slots=True)
class Picture:
    """What was due and what was taken: drawn, and as lines for a phone."""

    drawn: object
    lines: Sequence[Line]


def picture(whole: Explained) -> Picture | None:
    """None for a charge that no membership has."""
    if whole.scene is None:
        return None
    wrong = {str(f.charge): str(f.kind) for f in whole.findings if f.charge is not None and f.kind not in _BESIDE}
    missed = {f.renewal for f in whole.findings if f.kind is FindingKind.MISSED_RENEWAL and f.renewal is not None}
    told = timeline(whole.scene, wrong, missed)
    return Picture(drawn(told, 1), lines(told))


# Findings about what became of a refund: the charge itself has one of its own.
_BESIDE = frozenset({FindingKind.REFUND_FAILED, FindingKind.REFUND_OVERDUE, FindingKind.OVER_REFUNDED})


def _cooling(desk: Desk, remedy: Row[Any] | None) -> str:
    """Until when it may not be sent yet; empty where it may."""
    if remedy is None or remedy.kind == "cancel_agreement":
        return ""
    until = remedy.decided_at + timedelta(hours=desk.runtime.settings.cooling_hours)
    if until <= desk.runtime.clock():
        return ""
    local = until.astimezone(ZoneInfo(desk.runtime.rules.zone))
    return f"{local.day} {local:%B, %H:%M %Z}"
