"""`policy backtest`: the whole stored history decided again under another bundle, through the same pure core.

To decide writes nothing and sends nothing, and the same history and bundle give the same figures on any machine. What
it came to can be kept, for people to read again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection

from reconcile.claims import decide_claim
from reconcile.claims_types import Claim
from reconcile.facts import Charge, RefundState
from reconcile.judgement import reconcile
from reconcile.ledger import Ledger
from reconcile.outcome import Outcome, Remedy, RemedyKind
from reconcile.policy import Bundle, Policy, Rules
from reconcile.returns import Returns, returns
from worker import audit
from worker.engine import lift_limits, reading
from worker.runtime import Runtime
from worker.schema import Row
from worker.store import backtests, claims, roster
from worker.store.ledgers import load_ledgers
from worker.store.sql import run

PART = 300
NO_CLAUSE = "no clause"


class NobodyUnderItError(ValueError):
    """No membership is under the bundle: there is no history to decide."""


@dataclass(slots=True)
class Heap:
    """How many remedies of one sort, and how much they come to."""

    count: int = 0
    minor: int = 0


_Sort = tuple[str, str, str, str]  # clause, remedy, state, currency


@dataclass(slots=True)
class Difference:
    """What was decided under the bundles in force and what would be under the other one, by clause; and each case that
    comes out otherwise."""

    bundle: Bundle
    replaced: str  # the bundle in whose place it stood
    as_of: date
    since: date  # the first charge
    memberships: int = 0
    now: dict[_Sort, Heap] = field(default_factory=dict)
    then: dict[_Sort, Heap] = field(default_factory=dict)
    cases: list[Row] = field(default_factory=list)

    def rows(self) -> Iterator[Row]:
        """One row a clause, remedy, state and currency, in that order."""
        for sort in sorted(self.now.keys() | self.then.keys()):
            now, then = self.now.get(sort, Heap()), self.then.get(sort, Heap())
            clause, remedy, state, currency = sort
            yield {
                "clause": None if clause == NO_CLAUSE else clause,
                "remedy": remedy,
                "state": state,
                "currency": currency or None,
                "now": now.count,
                "now_amount": now.minor,
                "then": then.count,
                "then_amount": then.minor,
                "difference": then.minor - now.minor,
            }


def keep(runtime: Runtime, found: Difference, by: str | None) -> None:
    """Keep what a backtest came to, with an audit entry. Sums only: whose cases they are is not kept."""
    bundle, against = found.bundle, runtime.rules.policy.versions.get(found.replaced, ())
    row: Row = {
        "bundle": bundle.name,
        "version": bundle.version,
        "digest": digest(bundle),
        "replaced": found.replaced,
        "against": [{"version": one.version, "digest": digest(one)} for one in against],
        "since": found.since,
        "as_of": found.as_of,
        "made_at": runtime.clock(),
        "made_by": by,
        "memberships": found.memberships,
        "otherwise": len({case["membership"] for case in found.cases}),
        "cases": len(found.cases),
        "sums": list(found.rows()),
    }
    told = ("version", "digest", "replaced", "memberships", "otherwise", "cases")
    detail = {name: row[name] for name in told} | {"as_of": found.as_of.isoformat()}

    def work(conn: Connection) -> None:
        backtests.keep(conn, row)
        audit.append(conn, by or audit.ACTOR, "policy_backtested", bundle.name, detail, row["made_at"])

    run(runtime.engine, work)


def digest(bundle: Bundle) -> str:
    """Of what a bundle says, however its file is laid out."""
    return hashlib.sha256(msgspec.json.encode(bundle, order="deterministic")).hexdigest()


def with_bundle(rules: Rules, bundle: Bundle, instead_of: str | None = None) -> Rules:
    """The rules with the bundle in place of every version of the one of its name (or of `instead_of`), from the
    beginning."""
    name = instead_of or bundle.name
    renamed = replace(bundle, name=name)
    return replace(rules, policy=Policy({**rules.policy.versions, name: (renamed,)}))


def backtest(runtime: Runtime, bundle: Bundle, as_of: date, instead_of: str | None = None) -> Difference:
    """Decide everything again, as at the end of `as_of`. Raises NobodyUnderItError."""
    name, other = instead_of or bundle.name, with_bundle(runtime.rules, bundle, instead_of)
    zone = ZoneInfo(runtime.rules.zone)
    at = datetime.combine(as_of, time.max, zone)
    trial = _Trial(
        runtime.rules, other, at, same_course=len(_courses(runtime.rules, name) | _courses(other, name)) == 1
    )
    found = Difference(bundle, name, as_of, as_of)
    with reading(runtime.engine).begin() as conn:
        lift_limits(conn)
        for refs in roster.refs(conn, PART):
            for ledger, asked in _histories(conn, refs):
                if name in ledger.membership.policy:
                    found.memberships += 1
                    first = min((one.charge.taken_at for one in ledger.charges), default=at)
                    found.since = min(found.since, first.astimezone(zone).date())
                    _compare(found, ledger, asked, trial)
    if not found.memberships:
        raise NobodyUnderItError(f"a bundle that memberships are under is expected, and {name} is none")
    return found


def _histories(conn: Connection, refs: Sequence[str]) -> Iterator[tuple[Ledger, Sequence[Claim]]]:
    asked = claims.of_members(conn, refs)
    for ledger in load_ledgers(conn, refs):
        yield undone(ledger), asked.get(ledger.membership.ref, ())


def undone(ledger: Ledger) -> Ledger:
    """The ledger as it would be had makegood given nothing back yet, and had no claim been answered."""
    returned = returns(ledger)
    charges = tuple(replace(b, charge=_unstated(b.charge, returned.get(b.charge.ref))) for b in ledger.charges)
    return replace(
        ledger,
        charges=charges,
        refunds=tuple(r for r in ledger.refunds if r.remedy is None),
        credits=tuple(c for c in ledger.credits if c.remedy is None),
        granted=(),
    )


def _unstated(charge: Charge, returned: Returns | None) -> Charge:
    """The charge without what it states of our own refunds."""
    if charge.refunded_minor is None or returned is None:
        return charge
    mine = [r for r in returned.refunds if r.remedy is not None and r.state is not RefundState.FAILED]
    ours = sum(r.amount.minor for r in mine if r.made_at <= charge.told_at)
    return replace(charge, refunded_minor=max(charge.refunded_minor - ours, 0))


@dataclass(frozen=True, slots=True)
class _Trial:
    """The two laws, the moment, and whether both let every membership run the same course."""

    now: Rules
    then: Rules
    at: datetime
    same_course: bool


def _courses(rules: Rules, name: str) -> set[tuple[int | None, bool, bool, bool]]:
    """What of a bundle bears on when a membership ended and what was owed, in all its versions. The rest of it only
    says what is done about a finding."""
    return {
        (
            bundle.notice.business_days if bundle.notice is not None else None,
            bundle.written is not None,
            bundle.setup_once is not None,
            bundle.confirmation is not None,
        )
        for bundle in rules.policy.versions.get(name, ())
    }


def _compare(found: Difference, ledger: Ledger, asked: Sequence[Claim], trial: _Trial) -> None:
    now = _decided(ledger, asked, trial.now, trial.at)
    if not (now or asked or ledger.returned) and trial.same_course:
        return  # nothing is wrong here, and no clause makes it so: most memberships are judged once
    then = _decided(ledger, asked, trial.then, trial.at)
    for remedies, heaps in ((now, found.now), (then, found.then)):
        for remedy in remedies.values():
            heap = heaps.setdefault(_sort(remedy), Heap())
            heap.count += 1
            heap.minor += 0 if remedy.amount is None else remedy.amount.minor
    for key in sorted(now.keys() | then.keys()):
        before, after = now.get(key), then.get(key)
        if _said(before) != _said(after):
            ref = ledger.membership.ref
            found.cases.append({"membership": ref, "key": key, "now": _said(before), "then": _said(after)})


def _decided(ledger: Ledger, asked: Sequence[Claim], rules: Rules, at: datetime) -> dict[str, Remedy]:
    """The remedies of the findings and of the claims, by key."""
    weighed = ledger
    for claim in asked:
        granted = decide_claim(claim, weighed, rules, at).granted
        if granted is not None:
            weighed = replace(weighed, granted=(*weighed.granted, granted))
    outcome: Outcome = reconcile(weighed, rules, at.date())
    return {r.key: r for r in outcome.remedies if r.kind is not RemedyKind.CANCEL_AGREEMENT}


def _sort(remedy: Remedy) -> _Sort:
    currency = "" if remedy.amount is None else remedy.amount.currency
    return remedy.clause or NO_CLAUSE, remedy.kind.value, remedy.state.value, currency


def _said(remedy: Remedy | None) -> Row | None:
    if remedy is None:
        return None
    amount = remedy.amount
    return {
        "remedy": remedy.kind.value,
        "amount": None if amount is None else amount.minor,
        "currency": None if amount is None else amount.currency,
        "state": remedy.state.value,
        "clause": remedy.clause,
    }
