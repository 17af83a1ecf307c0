"""The breaker: a run of the judge in which too much looks wrong is more likely wrong itself. All that it queued is held
and people are told, once.

What a slice decided is noted in its own transaction, and no remedy is sent before its whole run was looked at: a judge
that dies half-way leaves nothing unguarded behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection, Row, select, update

from reconcile.outcome import BILLING_ERRORS, Finding, HeldBecause, RemedyKind
from worker.audit import ACTOR, Entry, append_all
from worker.engine import reading
from worker.runtime import Runtime
from worker.schema import remedies, run_decisions, runs
from worker.store.sql import listed, put, run
from worker.store.switches import raise_alarm
from worker.tables import decimal

FLAGGED_MIN = 5
RULE_PERCENT, RULE_MIN = 80, 20
SAME_AMOUNT_MAX = 20
LEFT_OVER = timedelta(minutes=10)  # a run that was not looked at after this long has lost its judge

_DECIDED = {"remedy_decided", "remedy_changed"}


@dataclass(frozen=True, slots=True)
class Judging:
    """One run of the judge. Its name is the same in each of its slices, and in each of the workers that share it."""

    name: str


@dataclass(frozen=True, slots=True)
class Slice:
    """What one transaction of a run looked at, and the audit entries of what it decided."""

    charges: int
    findings: Sequence[Finding]
    entries: Sequence[Entry]


def note(conn: Connection, judging: Judging, part: Slice, at: datetime) -> None:
    """Note what one slice looked at and newly decided, in its transaction."""
    if part.charges == 0 and not part.entries:
        return
    kinds = {finding.key: finding.kind.value for finding in part.findings if finding.kind in BILLING_ERRORS}
    rows = {
        entry.subject: {
            "run": judging.name,
            "remedy": entry.subject,
            "finding_kind": kinds[entry.detail["finding"]],
            "amount_minor": entry.detail["amount_minor"],
            "currency": entry.detail["currency"],
        }
        for entry in part.entries
        if entry.action in _DECIDED
        and entry.detail["finding"] in kinds
        and entry.detail["kind"] != RemedyKind.CANCEL_AGREEMENT
        and entry.detail["state"] in {"queued", "held"}
    }
    put(conn, run_decisions, [rows[key] for key in sorted(rows)], key=["run", "remedy"], replacing=True)
    c = runs.c  # last, for it is the one row that every worker wants
    first = {"name": judging.name, "noted_at": at, "charges": 0, "checked_at": None, "verdict": None}
    put(conn, runs, [first], key=["name"], replacing=False)
    same = c.name == judging.name
    conn.execute(update(runs).where(same).values(noted_at=at, charges=c.charges + part.charges, checked_at=None))


def after_run(conn: Connection, runtime: Runtime, judging: Judging) -> str | None:
    """Look at the whole run. Where it passes, its remedies may go; else those that are queued are held, and the reason
    is returned. A run is looked at once, unless more was judged in it since."""
    now, c = runtime.clock(), runs.c
    row = conn.execute(select(runs).where(c.name == judging.name).with_for_update()).one_or_none()
    if row is None or row.checked_at is not None:
        return None if row is None else row.verdict
    decided = conn.execute(select(run_decisions).where(run_decisions.c.run == judging.name)).all()
    verdict = row.verdict or _verdict(row.charges, decided, runtime.settings.breaker_percent)
    conn.execute(update(runs).where(c.name == judging.name).values(checked_at=now, verdict=verdict))
    if verdict is not None:
        _hold(conn, judging, [one.remedy for one in decided], verdict, now)
    return verdict


def check(runtime: Runtime, judging: Judging) -> str | None:
    """`after_run` in a transaction of its own."""
    return run(runtime.engine, lambda conn: after_run(conn, runtime, judging))


def check_left_over(runtime: Runtime) -> None:
    """Look at the runs whose judge did not live to do so."""
    before = runtime.clock() - LEFT_OVER
    with reading(runtime.engine).begin() as conn:
        names = conn.scalars(select(runs.c.name).where(runs.c.checked_at.is_(None), runs.c.noted_at <= before)).all()
    for name in names:
        check(runtime, Judging(name))


def _verdict(charges: int, decided: Sequence[Row[tuple[object, ...]]], percent: Decimal) -> str | None:
    """Why the run is held; None for one that passes. 100 percent switches every rule off."""
    flagged = len(decided)
    if percent >= 100 or flagged < FLAGGED_MIN:
        return None
    if flagged * 100 > percent * charges:
        return f"{flagged} of {charges} charges were found wrong, more than {percent} %"
    kind, of_kind = Counter(one.finding_kind for one in decided).most_common(1)[0]
    if flagged >= RULE_MIN and of_kind * 100 > RULE_PERCENT * flagged:
        return f"{of_kind} of {flagged} findings are {kind}"
    amounts = Counter((one.amount_minor, one.currency) for one in decided if one.amount_minor is not None)
    (amount, currency), of_amount = amounts.most_common(1)[0] if amounts else ((0, ""), 0)
    if of_amount > SAME_AMOUNT_MAX:
        return f"{of_amount} remedies are of {decimal(amount, currency)} {currency}"
    return None


def _hold(conn: Connection, judging: Judging, keys: Sequence[str], verdict: str, at: datetime) -> None:
    r = remedies.c
    named = listed(conn, ["key"], [(key,) for key in keys])
    going = select(r.key).join(named, r.key == named.c.key).where(r.state == "queued", r.touched_by_person.is_(False))
    held = conn.scalars(going.order_by(r.key).with_for_update(of=remedies)).all()
    conn.execute(
        update(remedies)
        .where(r.key.in_(select(listed(conn, ["key"], [(key,) for key in held]).c.key)))
        .values(state="held", held_because=HeldBecause.BREAKER.value)
    )
    entries = [Entry(ACTOR, "remedy_held", key, {"because": "breaker", "run": judging.name}) for key in sorted(held)]
    raise_alarm(conn, "breaker", judging.name, f"{verdict}: {len(entries)} remedies are held", at)
    append_all(conn, [Entry(ACTOR, "breaker_tripped", judging.name, {"verdict": verdict}), *entries], at)
