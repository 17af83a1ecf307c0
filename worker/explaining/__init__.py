"""`explain`: what was expected, what came, how they were paired, which clause decides, the arithmetic, and what
happened since. The core computes it anew from the stored ledger: it can be held against what was decided then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from reconcile.judgement import judge_stray, reconcile, survey
from reconcile.outcome import Finding
from reconcile.scene import Scene
from worker.codec import key_of
from worker.engine import reading
from worker.explaining import course, verdict
from worker.explaining.page import page
from worker.judging import today
from worker.runtime import Runtime
from worker.schema import Row, memberships
from worker.store import histories, ledgers
from worker.store.histories import Known

__all__ = ["Explained", "explain", "explained", "page"]


@dataclass(frozen=True, slots=True)
class Explained:
    """Everything about something as plain data, and what it was read off; no scene where no membership is concerned.
    `findings` are all of the membership, of which `told` has those that are about what was asked for."""

    told: Row
    scene: Scene | None = None
    findings: Sequence[Finding] = ()


def explain(runtime: Runtime, ref: str) -> Row | None:
    """Everything about `ref` (a membership, charge, finding or remedy) as plain data; None where nothing is known."""
    found = explained(runtime, ref)
    return None if found is None else found.told


def explained(runtime: Runtime, ref: str) -> Explained | None:
    """The same with the scene, for who draws it."""
    with reading(runtime.engine).begin() as conn:
        about = histories.known(conn, ref)
        if about is None:
            return None
        if about.membership is None:
            return _stray(runtime, conn, ref, about)
        return _member(runtime, conn, ref, about)


def _member(runtime: Runtime, conn: Connection, ref: str, about: Known) -> Explained:
    (ledger,) = ledgers.load_ledgers(conn, [str(about.membership)])
    judged = conn.execute(select(memberships).where(memberships.c.ref == about.membership)).mappings().one()
    as_of: date = judged["judged_as_of"] or today(runtime)
    scene = survey(ledger, runtime.rules, as_of)
    outcome = reconcile(ledger, runtime.rules, as_of)
    told = histories.told_by(conn, [key_of(fact) for fact in histories.facts_of(ledger)])
    found = verdict.findings(conn, outcome.findings, outcome.remedies, about)
    claimed = verdict.claimed(conn, about, runtime.rules.zone)
    subjects = verdict.subjects(found, claimed, about)
    days = {str(taking.ref): taking.day for taking in scene.paired.takings}
    member = ledger.membership
    everything = {
        "ref": ref,
        "is": about.kind,
        "membership": member.ref,
        "as_of": as_of,
        "judged": judged["judged_as_of"] is not None and not judged["touched"],
        "policy": list(member.policy),
        "plan": course.plan(member),
        "ran": [course.stint(stint) for stint in scene.course.stints],
        "expected": course.expected(scene, about),
        "came": [*course.came(scene, outcome, told, about), *course.attempts(ledger, told, about)],
        "receipts": [] if about.charge else course.receipts(ledger),
        "findings": found,
        "claims": claimed,
        "clauses": verdict.clauses(runtime.rules.policy, found, claimed, days),
        "since": verdict.since(conn, (*ledger.refunds, *ledger.credits), ledger.disputes, subjects, about),
    }
    return Explained(everything, scene, outcome.findings)


def _stray(runtime: Runtime, conn: Connection, ref: str, about: Known) -> Explained | None:
    """A charge that no membership has."""
    stray = None if about.charge is None else ledgers.load_strays(conn, [about.charge])[about.charge]
    if stray is None:
        return None
    as_of = about.judged_as_of or today(runtime)
    judged = judge_stray(stray, runtime.rules, as_of)
    found = verdict.findings(conn, judged[:1] if judged else (), judged[1:] if judged else (), about)
    told = histories.told_by(conn, [key_of(stray.charge)])
    everything = {
        "ref": ref,
        "is": about.kind,
        "membership": None,
        "as_of": as_of,
        "fits": list(stray.fits),
        "expected": [],
        "came": [course.no_money(stray.charge, None, told)],
        "findings": found,
        "clauses": [],
        "since": verdict.since(conn, stray.refunds, stray.disputes, verdict.subjects(found, (), about), about),
    }
    return Explained(everything)
