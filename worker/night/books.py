"""The books that a night's summary is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from reconcile.outcome import FindingStatus
from reconcile.returns import Returns, given_back, returns
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
    zone = ZoneInfo(runtime.rules.zone)
    until = datetime.combine(night.night + timedelta(days=1), time(), zone).astimezone(UTC)
    return Books(
        night=night.night,
        since=night.since,
        mode=runtime.settings.mode,
        cases=tuple(_with_returns(conn, runtime, night, summing.cases(conn, night.night))),
        charges=tuple(summing.charge_sums(conn, until, night.night)),
        gaps=tuple(Gap(provider, said) for provider, said in open_gaps(conn).items()),
        work=Work(summing.failed_deliveries(conn), summing.unjudged(conn), is_stopped(conn)),
        missed=tuple((provider, kind, count) for provider, kind, count in night.notes.get("missed", ())),
        unchecked=unchecked(night),
        days=days(night),
    )


def _with_returns(conn: Connection, runtime: Runtime, night: Night, cases: Sequence[Case]) -> Iterable[Case]:
    """The cases with what went back of their charges by other hands, as the core reckons it from the facts."""
    owing = [case for case in cases if case.kind in OWING and case.status is not FindingStatus.CLEARED]
    refs = sorted({case.membership for case in owing if case.membership is not None})
    elsewhere: dict[str, int] = {}
    for first in range(0, len(refs), SLICE):
        for ledger in load_ledgers(conn, refs[first : first + SLICE]):
            told = returns(ledger)
            for bound in ledger.charges:
                of_charge = told.get(bound.charge.ref, Returns())
                back = given_back(bound.charge, of_charge, runtime.rules.zone, night.as_of)
                elsewhere[str(bound.charge.ref)] = back.elsewhere
    for case in cases:
        yield replace(case, elsewhere_minor=elsewhere.get(case.charge or "", 0))
