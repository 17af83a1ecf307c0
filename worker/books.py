"""The books that a night's summary and its report are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from sqlalchemy import Connection

from reconcile.ledger import Ledger
from reconcile.outcome import FindingStatus
from reconcile.returns import Returns, given_back, returns
from reconcile.stints import day_over
from reconcile.summary import Books, Gap, Work
from reconcile.totals import OWING, Case
from worker.runtime import Runtime
from worker.store import summing
from worker.store.ledgers import load_ledgers
from worker.store.nights import Night, days, open_gaps, unchecked
from worker.store.switches import is_stopped

SLICE = 200


def read(conn: Connection, runtime: Runtime, night: Night) -> Books:
    """Everything up to the end of the night's date, in the merchant's zone."""
    return of_cases(conn, runtime, night, _with_returns(conn, runtime, night, summing.cases(conn, night.night)))


def of_cases(conn: Connection, runtime: Runtime, night: Night, cases: Iterable[Case]) -> Books:
    """The books with these cases."""
    until = day_over(night.night, runtime.rules.zone)
    return Books(
        night=night.night,
        since=night.since,
        mode=runtime.settings.mode,
        cases=tuple(cases),
        charges=tuple(summing.charge_sums(conn, until, night.night)),
        gaps=tuple(Gap(provider, said) for provider, said in open_gaps(conn).items()),
        work=Work(summing.failed_deliveries(conn), summing.unjudged(conn), is_stopped(conn)),
        missed=tuple((provider, kind, count) for provider, kind, count in night.notes.get("missed", ())),
        unchecked=unchecked(night),
        days=days(night),
    )


def _with_returns(conn: Connection, runtime: Runtime, night: Night, cases: Sequence[Case]) -> Iterable[Case]:
    """The cases with what went back of their charges by other hands."""
    refs = sorted({case.membership for case in cases if case.membership is not None and is_owing(case)})
    elsewhere: dict[str, int] = {}
    for first in range(0, len(refs), SLICE):
        for ledger in load_ledgers(conn, refs[first : first + SLICE]):
            elsewhere |= back_elsewhere(ledger, runtime.rules.zone, night.as_of)
    for case in cases:
        yield replace(case, elsewhere_minor=elsewhere.get(case.charge or "", 0))


def is_owing(case: Case) -> bool:
    """Whether a case says that money is owed back, and nothing has cleared it."""
    return case.kind in OWING and case.status is not FindingStatus.CLEARED


def back_elsewhere(ledger: Ledger, zone: str, as_of: date) -> dict[str, int]:
    """What went back of each charge by other hands, as the core reckons it from the facts."""
    told = returns(ledger)
    charges = [bound.charge for bound in ledger.charges]
    return {str(c.ref): given_back(c, told.get(c.ref, Returns()), zone, as_of).elsewhere for c in charges}
