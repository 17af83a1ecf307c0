"""Reads what the report is made of: every finding, sums of the charges, and a picture of the memberships that are
affected most. No charge is loaded that no finding concerns."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import Connection, func, or_, select

from reconcile.judgement import survey
from reconcile.outcome import FindingKind, FindingStatus
from reconcile.policy import Policy
from reconcile.summary import summarise
from reconcile.totals import Case
from worker import books
from worker.engine import lift_limits, reading
from worker.report.lines import Cited, FindingLine, RemedyLine, Told
from worker.report.timeline import Timeline, timeline
from worker.runtime import Runtime
from worker.schema import facts, findings, memberships, remedies
from worker.store import nights, summing
from worker.store.ledgers import load_ledgers
from worker.store.nights import Night

PART = 1000
SLICE = 200
PICTURES_MAX = 400
_BACK = ("refund", "dispute", "credit")


def read(runtime: Runtime, night: date, pictures: int = PICTURES_MAX) -> Told:
    """Read the books in one transaction, so that all figures are of one moment. `pictures` bounds the timelines."""
    with reading(runtime.engine).begin() as conn:
        lift_limits(conn)
        run = nights.load(conn, night) or Night(night, nights.DONE, "", night, night, 0, {})
        cases = summing.cases(conn, night)
        found, on_claims = _findings(conn, cases)
        elsewhere, drawn = _ledgers(conn, runtime, run, found, pictures)
        found = tuple(_with_returns(line, elsewhere) for line in found)
        told_of = books.of_cases(conn, runtime, run, (line.case for line in found))
        judged = conn.scalar(select(func.max(memberships.c.judged_as_of)))
        known = conn.scalar(select(func.count()).select_from(memberships)) or 0
        look_alikes = _look_alikes(conn)
    cited = {cite for line in found for remedy in line.remedies for cite in remedy.cited}
    cited |= {cite for remedy in on_claims for cite in remedy.cited}
    told_then = run.summary
    return Told(
        told_of,
        runtime.rules.zone,
        judged or night,
        known,
        found,
        on_claims,
        look_alikes,
        tuple(_clauses(runtime.rules.policy, cited, night)),
        drawn,
        told_then is None or msgspec.json.encode(summarise(told_of)).decode() == told_then,
    )


def _findings(conn: Connection, cases: Sequence[Case]) -> tuple[tuple[FindingLine, ...], tuple[RemedyLine, ...]]:
    """Every finding with its remedies, and the remedies that claims were granted."""
    prescribed: dict[str, list[RemedyLine]] = defaultdict(list)
    for row in conn.execute(select(remedies).execution_options(yield_per=PART)):
        prescribed[row.finding].append(_remedy(row))
    by_key = {case.key: case for case in cases}
    query = select(findings).execution_options(yield_per=PART)
    lines, known = [], set()
    for row in conn.execute(query):
        known.add(row.key)
        if (case := by_key.get(row.key)) is not None:
            own = sorted(prescribed.get(row.key, ()), key=lambda r: (not r.moves_money, r.key))
            lines.append(_finding(row, case, tuple(own)))
    rest = [remedy for finding, many in prescribed.items() if finding not in known for remedy in many]
    # Sorted here and not by the database, whose order of letters is another one on each machine.
    lines.sort(key=lambda line: (line.first_seen, line.key))
    return tuple(lines), tuple(sorted(rest, key=lambda remedy: remedy.key))


def _finding(row: Any, case: Case, own: tuple[RemedyLine, ...]) -> FindingLine:  # noqa: ANN401 - a row of `findings`
    return FindingLine(
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
        case,
        own,
    )


def _remedy(row: Any) -> RemedyLine:  # noqa: ANN401 - a row of `remedies`
    return RemedyLine(
        row.key,
        row.finding,
        row.membership,
        row.charge,
        row.kind,
        row.amount_minor,
        row.currency,
        row.state,
        row.held_because,
        row.clause,
        row.policy_version,
        tuple(row.cited),
        row.arithmetic,
    )


def _ledgers(
    conn: Connection, runtime: Runtime, run: Night, found: Iterable[FindingLine], pictures: int
) -> tuple[dict[str, int], dict[str, Timeline]]:
    """What went back of each affected charge by other hands, as the core reckons it, and the pictures. One pass over
    the ledgers of the affected memberships, a slice at a time."""
    by_member: dict[str, list[FindingLine]] = defaultdict(list)
    for line in found:
        if line.membership is not None:
            by_member[line.membership].append(line)
    drawn = set(_most_affected(by_member)[:pictures])
    owing = {ref for ref, lines in by_member.items() if any(books.is_owing(line.case) for line in lines)}
    owing &= _with_money_back(conn)
    refs = sorted(owing | drawn)
    elsewhere: dict[str, int] = {}
    shown: dict[str, Timeline] = {}
    for first in range(0, len(refs), SLICE):
        for ledger in load_ledgers(conn, refs[first : first + SLICE]):
            ref = ledger.membership.ref
            if ref in owing:
                elsewhere |= books.back_elsewhere(ledger, runtime.rules.zone, run.as_of)
            if ref in drawn:
                scene = survey(ledger, runtime.rules, run.as_of)
                shown[ref] = timeline(scene, *_marked(by_member[ref]))
    return elsewhere, shown


def _with_money_back(conn: Connection) -> set[str]:
    """The memberships of whose charges anything may have gone back: the others' ledgers need not be read for it. Names
    of two providers may be taken for each other here; the core then finds that nothing went back."""
    c, back = facts.c, facts.alias("back").c
    given = select(back.charge).where(back.kind.in_(_BACK), back.charge.is_not(None))
    by_intent = select(back.intent).where(back.kind.in_(_BACK), back.intent.is_not(None))
    stated = c.body["refunded_minor"].as_integer() > 0
    query = select(c.membership).where(c.kind == "charge", c.membership.is_not(None)).distinct()
    return set(conn.scalars(query.where(or_(c.object_id.in_(given), c.intent.in_(by_intent), stated))))


def _marked(lines: Sequence[FindingLine]) -> tuple[dict[str, str], set[date]]:
    """What the picture marks: charges by the kind of their finding, and due dates that nothing paid."""
    standing = [line for line in lines if line.status != FindingStatus.CLEARED.value]
    # A charge may have a second finding, of its refund: what is wrong with the charge itself goes first.
    standing.sort(key=lambda line: line.key.startswith("finding:"))
    wrong = {line.charge: line.kind for line in standing if line.charge is not None}
    missed = [line for line in standing if line.kind == FindingKind.MISSED_RENEWAL.value]
    return wrong, {line.renewal for line in missed if line.renewal is not None}


def _most_affected(by_member: Mapping[str, Sequence[FindingLine]]) -> list[str]:
    """The memberships, those first in which something is open, then by what waits for a person, then by the excess."""

    def rank(ref: str) -> tuple[int, int, int, str]:
        still = [line for line in by_member[ref] if line.is_open]
        waits = sum(not line.remedies or line.held is not None for line in still)
        return -bool(still), -waits, -max((line.excess_minor or 0 for line in still), default=0), ref

    return sorted(by_member, key=rank)


def _with_returns(line: FindingLine, elsewhere: Mapping[str, int]) -> FindingLine:
    back = elsewhere.get(line.charge or "", 0)
    return replace(line, case=replace(line.case, elsewhere_minor=back)) if back else line


def _look_alikes(conn: Connection) -> tuple[tuple[str, int], ...]:
    counted: Counter[str] = Counter()
    for (lines,) in conn.execute(select(memberships.c.explained).execution_options(yield_per=PART)):
        for line in lines or ():
            counted.update(line["notes"])
    return tuple(sorted(counted.items()))


def _clauses(policy: Policy, cited: Iterable[str], night: date) -> Iterator[Cited]:
    for cite in sorted(cited):
        name, _, clause_id = cite.partition("/")
        if name in policy.versions:
            bundle = policy.in_force(name, night)
            for clause in bundle.clauses:
                if clause.id == clause_id:
                    says = (clause.heading, clause.says, clause.force.value)
                    yield Cited(cite, bundle.version, bundle.title, *says)
