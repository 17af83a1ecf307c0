"""Judge memberships and stray charges on the stored facts, in slices, a transaction each."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection

from reconcile.facts import Ref
from reconcile.judgement import judge_stray, reconcile
from reconcile.ledger import StrayCharge
from worker import breaker
from worker.audit import Entry, append_all
from worker.breaker import Judging, Slice
from worker.faults import where
from worker.runtime import Runtime
from worker.screening import screen
from worker.store import due
from worker.store.due import AGAIN, Wanted
from worker.store.judgements import Judgement, write
from worker.store.ledgers import load_ledgers, load_strays
from worker.store.roster_age import with_age
from worker.store.sql import TRANSIENT, need_not_last, run

SLICE = 200
FACTS = 10_000  # that are judged at once where the screen has counted them: locked for some tenths of a second, too
SCREEN = 5000  # memberships that are looked through at once, and locked for some tenths of a second
_FIRST = Ref("", "")

R = TypeVar("R")


class Choose(Protocol[R]):
    """The next slice behind `last`."""

    def __call__(self, conn: Connection, last: R) -> Sequence[R]: ...


_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Judged:
    """How many memberships and stray charges were judged, and how many findings those have now. `failed` ones met a
    fault of the program: their earlier judgement stands, and they are tried again the next time."""

    memberships: int = 0
    strays: int = 0
    findings: int = 0
    failed: int = 0

    def __add__(self, other: Judged) -> Judged:
        return Judged(
            self.memberships + other.memberships,
            self.strays + other.strays,
            self.findings + other.findings,
            self.failed + other.failed,
        )


def reconcile_all(
    runtime: Runtime,
    as_of: date,
    membership: str | None = None,
    *,
    everything: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Judged:
    """Judge all that changed or fell due since it was last judged; one `membership` only; or `everything`.

    `progress` is told after each slice how many memberships have been judged so far."""
    if membership is not None:
        return run(runtime.engine, lambda conn: judge_memberships(conn, runtime, [membership], as_of))
    wanted = Wanted(as_of, everything)
    judging = Judging(f"reconcile {as_of} at {runtime.clock().isoformat()}")
    total = Judged()
    for _, judged in _memberships(runtime, wanted, judging, ""):
        total += judged
        if progress is not None:
            progress(total.memberships)
    if total.memberships:
        breaker.check(runtime, judging)
    return total + judge_strays_due(runtime, wanted)


@dataclass(slots=True)
class Round:
    """How far a round over what changed has come: one that is broken off goes on from there, so that whatever is
    marked meanwhile, everybody's turn comes."""

    membership: str = ""
    strays: bool = False  # memberships are done with, and stray charges under way
    stray: Ref = _FIRST
    over: bool = False


def judge_changed(runtime: Runtime, stopping: Callable[[], bool] = lambda: False, going: Round | None = None) -> Judged:
    """Judge, as of today, what facts or rosters have changed since it was last judged. Ends earlier, between two
    slices, once `stopping()`: what is left stays marked, and `going` says where to go on."""
    going, wanted = going or Round(), Wanted(today(runtime), changed_only=True)
    judging = Judging(f"changed at {runtime.clock().isoformat()}")
    total = Judged()
    if not going.strays:
        for last, judged in _memberships(runtime, wanted, judging, going.membership):
            total, going.membership = total + judged, last
            if stopping():
                break
        else:
            going.strays = True
        if total.memberships:
            breaker.check(runtime, judging)
    if going.strays:
        for stray, judged in _strays(runtime, wanted, going.stray):
            total, going.stray = total + judged, stray
            if stopping():
                break
        else:
            going.over = True
    return total


def judge_range(runtime: Runtime, after: str, wanted: Wanted, judging: Judging) -> Judged:
    """Judge what is wanted of the memberships after `after`: one worker's share of a run, at which the breaker looks
    when all of it is done."""
    return sum((judged for _, judged in _memberships(runtime, wanted, judging, after)), Judged())


def today(runtime: Runtime) -> date:
    """The date in the merchant's zone."""
    return runtime.clock().astimezone(ZoneInfo(runtime.rules.zone)).date()


def judge_memberships(
    conn: Connection, runtime: Runtime, refs: Sequence[str], as_of: date, judging: Judging | None = None
) -> Judged:
    """Judge these memberships within the caller's transaction. Their rows are locked before anything is read, so that
    no fact comes between what is read and what is written. `judging` is the run that the breaker will look at."""
    due.lock_memberships(conn, refs)
    ledgers = with_age(conn, load_ledgers(conn, refs), runtime.settings.roster_max_age_days, runtime.clock())
    outcomes = [reconcile(ledger, runtime.rules, as_of) for ledger in ledgers]
    findings = tuple(finding for outcome in outcomes for finding in outcome.findings)
    remedies = tuple(remedy for outcome in outcomes for remedy in outcome.remedies)
    due.memberships_judged(conn, outcomes, as_of)
    charges = sum(len(ledger.charges) for ledger in ledgers)
    _write(conn, runtime, Judgement(frozenset(refs), findings=findings, remedies=remedies), judging, charges)
    return Judged(memberships=len(outcomes), findings=len(findings))


def judge_strays(conn: Connection, runtime: Runtime, refs: Sequence[Ref], as_of: date) -> Judged:
    """Judge these charges within the caller's transaction, which has their rows locked. What was found of one while it
    was a stray goes when a membership has it now."""
    strays = load_strays(conn, refs)
    pairs = [judge_stray(stray, runtime.rules, as_of) for stray in strays.values() if stray is not None]
    found = [pair for pair in pairs if pair is not None]
    due.strays_judged(conn, {ref: _until(stray, runtime, as_of) for ref, stray in strays.items()})
    judgement = Judgement(
        strays=frozenset(strays),
        findings=tuple(finding for finding, _ in found),
        remedies=tuple(remedy for _, remedy in found),
    )
    _write(conn, runtime, judgement)
    return Judged(strays=len(pairs), findings=len(found))


def _until(stray: StrayCharge | None, runtime: Runtime, as_of: date) -> date | None:
    """What is noted of a stray charge: until when its judgement holds."""
    if stray is None:
        return None
    moments = [stray.charge.taken_at, *(refund.made_at for refund in stray.refunds)]
    moments += [dispute.opened_at for dispute in stray.disputes if dispute.opened_at is not None]
    zone = ZoneInfo(runtime.rules.zone)
    return AGAIN if any(at.astimezone(zone).date() > as_of for at in moments) else as_of


def _write(
    conn: Connection, runtime: Runtime, judgement: Judgement, judging: Judging | None = None, charges: int = 0
) -> None:
    """Write a judgement. The row of the run and the head of the audit chain, which all workers want, come last."""
    at = runtime.clock()
    entries = write(conn, judgement, at)
    _tell(entries, judgement)
    if judging is not None:
        breaker.note(conn, judging, Slice(charges, judgement.findings, entries), at)
    if entries:
        append_all(conn, entries, at)


def _tell(entries: Sequence[Entry], judgement: Judgement) -> None:
    """Log which remedies were decided, each with the finding and the charge that it is for."""
    if not _log.is_enabled_for(logging.INFO):
        return
    findings = {finding.key: finding for finding in judgement.findings}
    for entry in entries:
        finding = findings.get(str(entry.detail.get("finding")))
        if entry.action in {"remedy_decided", "remedy_changed"} and finding is not None:
            _log.info(
                entry.action,
                remedy=entry.subject,
                finding=finding.key,
                membership=finding.membership,
                charge=None if finding.charge is None else str(finding.charge),
                state=entry.detail.get("state"),
            )


def _memberships(runtime: Runtime, wanted: Wanted, judging: Judging, after: str) -> Iterator[tuple[str, Judged]]:
    """Judge the memberships that are wanted, part by part, each up to a reference."""

    def choose(conn: Connection, last: str) -> Sequence[str]:
        return due.next_memberships(conn, wanted, last, SLICE)

    def judge(conn: Connection, refs: Sequence[str]) -> Judged:
        return judge_memberships(conn, runtime, refs, wanted.as_of, judging)

    # For a few the screen costs more than it saves; of many that a wave of renewals has touched most are clean.
    if wanted.changed_only and len(run(runtime.engine, partial(choose, last=after))) < SLICE:
        return _slices(runtime, after, choose, judge)
    return _screened(runtime, wanted, judging, after, judge)


def _screened(
    runtime: Runtime, wanted: Wanted, judging: Judging, after: str, judge: Callable[[Connection, Sequence[str]], Judged]
) -> Iterator[tuple[str, Judged]]:
    """Look through many memberships at once; what is not seen to be clean is judged slice after slice."""
    last = after
    while True:
        part = partial(_screen, runtime=runtime, wanted=wanted, judging=judging, after=last)
        with _without_cycles():
            chosen, rest, judged = run(runtime.engine, part)
        if not chosen:
            return
        if judged.memberships:
            yield (last if rest else chosen[-1]), judged
        for few in parted(rest):
            yield few[-1], _slice(runtime, partial(_these, few), judge)[1]
        last = chosen[-1]


def parted(rest: Sequence[tuple[str, int]]) -> Iterator[Sequence[str]]:
    """Memberships, each with how many facts it has, in parts of at most `FACTS` or of one membership: what a statement
    costs is spread over many, and nobody waits longer for a membership of thousands."""
    part: list[str] = []
    held = 0
    for ref, facts in rest:
        if part and held + facts > FACTS:
            yield part
            part, held = [], 0
        part.append(ref)
        held += facts + 1
    if part:
        yield part


def _these(refs: Sequence[str], _conn: Connection) -> Sequence[str]:
    return refs


def _screen(
    conn: Connection, *, runtime: Runtime, wanted: Wanted, judging: Judging, after: str
) -> tuple[Sequence[str], Sequence[tuple[str, int]], Judged]:
    """The next memberships, those of them that are left to the core with how many facts each has, and what came of the
    others."""
    need_not_last(conn)
    chosen = due.next_memberships(conn, wanted, after, SCREEN)
    screened = screen(conn, chosen, runtime.rules, wanted.as_of)
    due.memberships_judged(conn, screened.clean, wanted.as_of)
    breaker.note(conn, judging, Slice(screened.charges, (), ()), runtime.clock())
    return chosen, screened.rest, Judged(memberships=len(screened.clean))


def judge_strays_due(runtime: Runtime, wanted: Wanted) -> Judged:
    """Judge what is wanted of the charges that no membership has."""
    return sum((judged for _, judged in _strays(runtime, wanted, _FIRST)), Judged())


def _strays(runtime: Runtime, wanted: Wanted, after: Ref) -> Iterator[tuple[Ref, Judged]]:
    def choose(conn: Connection, last: Ref) -> Sequence[Ref]:
        return due.next_strays(conn, wanted, last, SLICE)

    def judge(conn: Connection, refs: Sequence[Ref]) -> Judged:
        return judge_strays(conn, runtime, refs, wanted.as_of)

    return _slices(runtime, after, choose, judge)


def _slices(
    runtime: Runtime,
    first: R,
    choose: Choose[R],
    judge: Callable[[Connection, Sequence[R]], Judged],
) -> Iterator[tuple[R, Judged]]:
    """Judge slice after slice, each chosen from behind the one before: what cannot be judged is not met twice."""
    last = first
    while True:
        chosen, judged = _slice(runtime, partial(choose, last=last), judge)
        if not chosen:
            return
        last = chosen[-1]
        yield last, judged


def _slice(
    runtime: Runtime, choose: Callable[[Connection], Sequence[R]], judge: Callable[[Connection, Sequence[R]], Judged]
) -> tuple[Sequence[R], Judged]:
    """Judge the next slice in one transaction; where one of it meets a fault, each by itself, so that only that one
    keeps its earlier judgement. What is lost with the server is still marked, and judged again; the look that the
    breaker takes at the run, without which no remedy goes out, waits for the disk."""
    chosen: Sequence[R] = ()

    def together(conn: Connection) -> Judged:
        nonlocal chosen
        need_not_last(conn)
        chosen = choose(conn)
        return judge(conn, chosen) if chosen else Judged()

    try:
        with _without_cycles():
            judged = run(runtime.engine, together)
    except TRANSIENT:
        raise
    except Exception as fault:
        if not chosen:
            raise
        _log.warning("slice_split", error=where(fault), count=len(chosen))
        return chosen, sum((_alone(runtime, one, judge) for one in chosen), Judged())
    return chosen, judged


@contextmanager
def _without_cycles() -> Iterator[None]:
    """Let nobody look for reference cycles meanwhile: a slice is a hundred thousand objects with none among them, and
    looking would be a fifth of its cost."""
    looked = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looked:
            gc.enable()


def _alone(runtime: Runtime, one: R, judge: Callable[[Connection, Sequence[R]], Judged]) -> Judged:
    try:
        return run(runtime.engine, lambda conn: judge(conn, [one]))
    except TRANSIENT:
        raise
    except Exception as fault:  # noqa: BLE001 - as above
        _log.error("not_judged", key=str(one), error=where(fault))
        return Judged(failed=1)
