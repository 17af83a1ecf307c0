"""What the report says of itself in whole sentences; the same in every file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconcile.outcome import REPORTED
from reconcile.summary import Work
from worker.report import words
from worker.report.lines import FindingLine
from worker.report.view import Item, View


def scope(shown: View) -> str:
    """What was held against what."""
    told = shown.told
    said = (
        f"{shown.charges:,} charges of {told.memberships:,} memberships, up to the end of {words.day(shown.night)} "
        f"in {told.zone}, held against the renewals that each membership agreed to."
    )
    if shown.summary.mode == "shadow":
        said += " Shadow mode: remedies are decided and nothing is sent."
    return said


def notes(shown: View) -> Iterator[str]:
    """What a reader should know before relying on the figures."""
    summary, told = shown.summary, shown.told
    if summary.since < summary.night:
        since = words.day(summary.since)
        yield f"It covers {since} to {words.day(summary.night)}: no night was run in between."
    if told.judged_as_of > summary.night:
        yield f"Memberships have been judged up to {words.day(told.judged_as_of)} since: what is open is open now."
    if not told.as_told:
        yield "The books have moved on since this night's message was sent: its figures were those of that moment."
    for provider in summary.unchecked:
        yield f"{provider} could not be asked what is missing: there are no credentials."


def work(undone: Work) -> Iterator[tuple[str, int]]:
    """What is undone outside the findings, with its count."""
    if undone.failed_deliveries:
        yield "Webhooks that could not be read", undone.failed_deliveries
    if undone.unjudged:
        yield "Memberships and charges not judged", undone.unjudged
    if undone.stopped:
        yield "Outgoing money is stopped by hand", 1


def states(item: Item) -> str:
    """What becomes of a finding, in one line: of its remedies, or of itself where it has none."""
    line = item.line
    said = [
        words.state(remedy.state) if remedy.moves_money else f"{words.remedy(remedy.kind).lower()}: {remedy.state}"
        for remedy in line.remedies
    ]
    return "; ".join(dict.fromkeys(said)) or (_bare(line) if line.is_open else line.status)


def _bare(line: FindingLine) -> str:
    return "only reported" if line.kind in REPORTED else "to follow up"


def all_states(items: Iterable[Item]) -> str:
    """The same of several findings, each state once."""
    return "; ".join(dict.fromkeys(states(item) for item in items))
