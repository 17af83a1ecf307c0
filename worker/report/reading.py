"""What the report is made of: the findings with their remedies, and every charge that took money."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from reconcile.policy import Policy
from worker.engine import lift_limits, reading
from worker.runtime import Runtime
from worker.schema import facts, findings, memberships, remedies

PART = 1000


@dataclass(frozen=True, slots=True)
class Cited:
    """A clause that decides, as its bundle says it in its own words."""

    cite: str
    title: str
    heading: str
    says: str


@dataclass(frozen=True, slots=True)
class RemedyLine:
    kind: str
    amount_minor: int | None
    state: str
    held_because: str | None
    clause: str | None
    cited: tuple[str, ...]
    arithmetic: str
    policy_version: str | None


@dataclass(frozen=True, slots=True)
class FindingLine:
    key: str
    kind: str
    membership: str | None
    charge: str | None
    agreement: str | None
    renewal: date | None
    charged_minor: int | None
    expected_minor: int | None
    excess_minor: int | None
    currency: str | None
    confidence: str
    status: str
    because: tuple[str, ...]
    first_seen: date
    remedies: tuple[RemedyLine, ...] = ()


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """Money taken. `given_back_minor` is what went back by other hands than makegood's; `pays` says whether it pays a
    renewal, `notes` why a look-alike is fine."""

    ref: str
    minor: int
    currency: str
    day: date
    given_back_minor: int
    pays: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Books:
    """Everything up to the end of `night`, in the merchant's zone."""

    night: date
    zone: str
    mode: str
    memberships: int
    findings: tuple[FindingLine, ...]
    charges: tuple[ChargeLine, ...]
    clauses: tuple[Cited, ...]


def read(runtime: Runtime, night: date) -> Books:
    """Read the books in one transaction, so that all figures are of one moment."""
    zone = ZoneInfo(runtime.settings.time_zone)
    with reading(runtime.engine).begin() as conn:
        lift_limits(conn)
        found = tuple(_findings(conn, night))
        taken = tuple(charge for charge in _charges(conn, zone) if charge.day <= night)
        known = conn.scalar(select(func.count()).select_from(memberships)) or 0
    cited = {cite for finding in found for remedy in finding.remedies for cite in remedy.cited}
    clauses = tuple(_clauses(runtime.rules.policy, cited, night))
    return Books(night, runtime.settings.time_zone, runtime.settings.mode, known, found, taken, clauses)


def _findings(conn: Connection, night: date) -> Iterator[FindingLine]:
    prescribed: dict[str, list[RemedyLine]] = defaultdict(list)
    for row in conn.execute(select(remedies).order_by(remedies.c.key)):
        prescribed[row.finding].append(
            RemedyLine(
                row.kind,
                row.amount_minor,
                row.state,
                row.held_because,
                row.clause,
                tuple(row.cited),
                row.arithmetic,
                row.policy_version,
            )
        )
    query = select(findings).where(findings.c.first_seen <= night)
    rows = conn.execute(query.execution_options(yield_per=PART))
    # Sorted here and not by the database, whose order of letters is another one on each machine.
    for row in sorted(rows, key=lambda row: (row.first_seen, row.key)):
        yield FindingLine(
            row.key,
            row.kind,
            row.membership,
            row.charge,
            row.agreement,
            row.renewal,
            row.charged_minor,
            row.expected_minor,
            row.excess_minor,
            row.currency,
            row.confidence,
            row.status,
            tuple(row.because),
            row.first_seen,
            tuple(prescribed[row.key]),
        )


def _charges(conn: Connection, zone: ZoneInfo) -> Iterator[ChargeLine]:
    given_back = _given_back(conn)
    explained = _explained(conn)
    query = (
        select(facts.c.provider, facts.c.object_id, facts.c.amount_minor, facts.c.currency, facts.c.at, facts.c.body)
        .where(facts.c.kind == "charge", facts.c.state == "taken")
        .execution_options(yield_per=PART)
    )
    for row in conn.execute(query):
        ref = f"{row.provider}:{row.object_id}"
        pays, notes = explained.get(ref, (False, ()))
        # Older exports state what went back on the charge itself, and no refund.
        back = given_back[ref] or int(row.body.get("refunded_minor") or 0)
        yield ChargeLine(ref, row.amount_minor, row.currency, _day(row.at, zone), back, pays, notes)


def _day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def _given_back(conn: Connection) -> dict[str, int]:
    """Refunds made by other hands, on their way or settled, and disputes lost: by charge."""
    back: dict[str, int] = defaultdict(int)
    columns = (facts.c.provider, facts.c.charge, facts.c.kind, facts.c.state, facts.c.amount_minor, facts.c.body)
    query = select(*columns).where(facts.c.kind.in_(("refund", "dispute")), facts.c.charge.is_not(None))
    for row in conn.execute(query):
        counts = row.state in {"settled", "pending"} if row.kind == "refund" else row.state == "lost"
        if counts and not row.body.get("remedy"):
            back[f"{row.provider}:{row.charge}"] += row.amount_minor or 0
    return back


def _explained(conn: Connection) -> dict[str, tuple[bool, tuple[str, ...]]]:
    told: dict[str, tuple[bool, tuple[str, ...]]] = {}
    for (lines,) in conn.execute(select(memberships.c.explained).execution_options(yield_per=PART)):
        line: dict[str, Any]
        for line in lines or ():
            told[line["charge"]] = bool(line["pays"]), tuple(line["notes"])
    return told


def _clauses(policy: Policy, cited: set[str], night: date) -> Iterator[Cited]:
    for cite in sorted(cited):
        name, _, clause_id = cite.partition("/")
        if name in policy.versions:
            bundle = policy.in_force(name, night)
            for clause in bundle.clauses:
                if clause.id == clause_id:
                    yield Cited(cite, bundle.title, clause.heading, clause.says)
