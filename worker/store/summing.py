"""What the summary is made of, read in few statements: charges summed by what they are, and the findings one by one."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime

from sqlalchemy import Connection, Text, func, literal, or_, select

from reconcile.outcome import FindingKind, FindingStatus, RemedyKind, RemedyState, owes_more
from reconcile.totals import CLASSIFYING, Case, ChargeSum, Given
from worker.schema import STRAY, deliveries, facts, findings, memberships, remedies, shown
from worker.store.due import CHANGED

PART = 1000


def charge_sums(conn: Connection, until: datetime, night: date) -> list[ChargeSum]:
    """All money taken before `until`, by currency and by the kind of the finding that says what a charge is."""
    c, f = facts.c, findings.c
    verdict = (
        select(f.charge, f.kind, f.excess_minor)
        .where(f.kind.in_([kind.value for kind in CLASSIFYING]), f.charge.is_not(None))
        .where(f.status != FindingStatus.CLEARED.value, f.first_seen <= night)
        .subquery()
    )
    ref = c.provider + literal(":", Text) + c.object_id
    # An excess is of the charge's own currency only where the finding says so; no sum is made across currencies.
    query = (
        select(c.currency, verdict.c.kind, func.count(), func.sum(c.amount_minor), func.sum(verdict.c.excess_minor))
        .outerjoin(verdict, verdict.c.charge == ref)
        .where(c.kind == "charge", c.state == "taken", c.at < until)
        .group_by(c.currency, verdict.c.kind)
        .order_by(c.currency, verdict.c.kind)
    )
    return [
        ChargeSum(currency, None if kind is None else FindingKind(kind), count, int(charged), int(excess or 0))
        for currency, kind, count, charged, excess in conn.execute(query.select_from(facts))
    ]


def cases(conn: Connection, night: date) -> list[Case]:
    """The findings first seen by this night, each with its remedies and when a night showed it. What went back by other
    hands is not in it."""
    prescribed: dict[str, list[Given]] = defaultdict(list)
    r = remedies.c
    columns = (r.finding, r.kind, r.state, r.amount_minor, r.held_because)
    for row in conn.execute(select(*columns).order_by(r.key).execution_options(yield_per=PART)):
        given = Given(RemedyKind(row.kind), RemedyState(row.state), row.amount_minor, row.held_because)
        prescribed[row.finding].append(given)
        if owes_more(given.state, row.held_because):
            # What is owed beyond what was sent waits for a person.
            prescribed[row.finding].append(Given(given.kind, RemedyState.HELD, held_because=row.held_because))
    f = findings.c
    query = (
        select(f.key, f.kind, f.status, f.first_seen, f.membership, f.charge, f.currency, f.excess_minor)
        .add_columns(shown.c.night, shown.c.over_on)
        .outerjoin(shown, shown.c.finding == f.key)
        .where(f.first_seen <= night)
    )
    return [
        Case(
            row.key,
            FindingKind(row.kind),
            FindingStatus(row.status),
            row.first_seen,
            row.membership,
            row.charge,
            row.currency,
            row.excess_minor,
            remedies=tuple(prescribed[row.key]),
            shown_on=row.night,
            over_on=row.over_on,
        )
        for row in conn.execute(query.execution_options(yield_per=PART))
    ]


def failed_deliveries(conn: Connection) -> int:
    return conn.scalar(select(func.count()).where(deliveries.c.state == "failed")) or 0


def unjudged(conn: Connection) -> int:
    """How many memberships and stray charges changed and could not be judged since."""
    touched = conn.scalar(select(func.count()).where(memberships.c.touched.is_(True))) or 0
    waiting = or_(facts.c.judged_as_of.is_(None), facts.c.judged_as_of == CHANGED)
    return touched + (conn.scalar(select(func.count()).select_from(facts).where(STRAY, waiting)) or 0)
