"""Judgements are written: findings and remedies follow what the core decided, and every change is an audit entry.

A finding that vanished leaves no trace in the listings, so that they are the same whatever order facts came in; unless
a night's report has shown it, or a person or money has touched its remedy: then it stays, `cleared`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, delete, select, union

from reconcile.facts import Ref
from reconcile.money import Money
from reconcile.outcome import Finding, FindingStatus, HeldBecause, Remedy, RemedyKind, RemedyState
from worker.audit import Entry
from worker.schema import Row, findings, remedies
from worker.store.sql import listed, put
from worker.store.verdicts import Act, Stored, weigh

ACTOR = "makegood"
_ACTIONS = {Act.WAIVE: "remedy_waived", Act.FLAG: "remedy_differs", Act.ADVANCE: "remedy_advanced"}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was judged (memberships, and charges that have none) and all that was found and decided there."""

    memberships: frozenset[str] = frozenset()
    strays: frozenset[Ref] = frozenset()
    findings: tuple[Finding, ...] = ()
    remedies: tuple[Remedy, ...] = ()


@dataclass(frozen=True, slots=True)
class _Case:
    """One remedy's key: what is stored of it, what the judgement wants, what comes of that, and its finding."""

    act: Act
    row: Row | None
    decided: Remedy | None
    finding: Finding | None


@dataclass(slots=True)
class _Changes:
    put: dict[str, Row] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)


def write(conn: Connection, judgement: Judgement, at: datetime) -> list[Entry]:
    """Make the stored findings and remedies what the judgement says. Returns the audit entries of what changed, for the
    caller to append last in the transaction."""
    wanted = {finding.key: finding for finding in judgement.findings}
    decided = {remedy.key: remedy for remedy in judgement.remedies}
    held = _held_findings(conn, judgement, list(wanted))
    rows = _held_remedies(conn, judgement, list(held), list(decided))
    money, found = _Changes(), _Changes()
    cases: dict[str, list[_Case]] = {}
    left: dict[str, list[Row]] = {}
    for key in sorted(rows.keys() | decided.keys()):
        case, finding = _case(rows.get(key), decided.get(key), wanted)
        cases.setdefault(finding, []).append(case)
        if (stays := _settle_remedy(money, case, at)) is not None:
            left.setdefault(stays["finding"], []).append(stays)
    for key in sorted(held.keys() | wanted.keys()):
        _settle_finding(found, held.get(key), wanted.get(key), cases.get(key, []), left.get(key, []))
    _apply(conn, remedies, money)
    _apply(conn, findings, found)
    return [*found.entries, *money.entries]


def _case(row: Row | None, decided: Remedy | None, wanted: Mapping[str, Finding]) -> tuple[_Case, str]:
    """A remedy's case, and the key of the finding it belongs to: the judgement's word goes before the stored one."""
    finding = decided.finding if decided is not None else "" if row is None else str(row["finding"])
    act = weigh(None if row is None else Stored.of(row), decided)
    return _Case(act, row, decided, wanted.get(finding)), finding


def _held_findings(conn: Connection, judgement: Judgement, keys: Sequence[str]) -> dict[str, Row]:
    """The stored findings of what was judged, and those that carry a key of the judgement, whoever's they were."""
    members = listed(conn, ["ref"], [(ref,) for ref in judgement.memberships])
    charges = listed(conn, ["ref"], [(str(ref),) for ref in judgement.strays])
    known = listed(conn, ["key"], [(key,) for key in keys])
    return _locked(
        conn,
        findings,
        select(findings.c.key).join(members, findings.c.membership == members.c.ref),
        select(findings.c.key).join(charges, findings.c.membership.is_(None) & (findings.c.charge == charges.c.ref)),
        select(known.c.key),
    )


def _held_remedies(conn: Connection, judgement: Judgement, of: Sequence[str], keys: Sequence[str]) -> dict[str, Row]:
    """The stored remedies of these findings, those that hang on the members' claims, and those of these keys."""
    members = listed(conn, ["ref"], [(ref,) for ref in judgement.memberships])
    mine = (remedies.c.membership == members.c.ref) & remedies.c.finding.startswith("claim:")
    named = listed(conn, ["finding"], [(key,) for key in of])
    known = listed(conn, ["key"], [(key,) for key in keys])
    theirs = select(remedies.c.key).join(named, remedies.c.finding == named.c.finding)
    return _locked(conn, remedies, theirs, select(remedies.c.key).join(members, mine), select(known.c.key))


def _locked(conn: Connection, table: Table, *keys: Select[Any]) -> dict[str, Row]:
    """The rows of these keys, locked in key order. A union, not an OR: each part has an index of its own."""
    query = select(table).where(table.c.key.in_(union(*keys))).order_by(table.c.key).with_for_update()
    return {row["key"]: dict(row) for row in conn.execute(query).mappings()}


def _settle_remedy(changes: _Changes, case: _Case, at: datetime) -> Row | None:
    """Carry out what `weigh` said, to the row that is left. It keeps its moment of decision while nothing changes."""
    act, row, new = case.act, case.row, None
    if row is not None and act is Act.DELETE:
        changes.gone.append(row["key"])
        changes.entries.append(_remedy_entry("remedy_withdrawn", row, row))
    elif act in {Act.DECIDE, Act.HOLD_CHANGED} and case.decided is not None:
        new = _remedy_row(case.decided, case.finding, at)
        if act is Act.HOLD_CHANGED:
            new |= {"state": RemedyState.HELD.value, "held_because": HeldBecause.CHANGED.value}
        new["touched_by_person"] = row is not None and row["touched_by_person"]
    elif row is not None:
        new = {**row, **_moved(act, case.decided)}
    if new is not None and not _alike(row, new, besides="decided_at"):
        changes.put[new["key"]] = new
        changes.entries.append(
            _remedy_entry(_ACTIONS.get(act, "remedy_changed" if row else "remedy_decided"), new, row)
        )
    return new


def _moved(act: Act, wanted: Remedy | None) -> Row:
    """What of a row that stays an act changes."""
    if act is Act.WAIVE:
        return {"state": RemedyState.WAIVED.value, "held_because": None, "touched_by_person": False}
    if act is Act.HOLD_DISPUTED:
        return {"state": RemedyState.HELD.value, "held_because": HeldBecause.DISPUTED.value}
    if act is Act.FLAG:
        return {"held_because": HeldBecause.CHANGED.value}
    if act is Act.ADVANCE and wanted is not None:
        return {"state": wanted.state.value, "held_because": None}
    return {"held_because": None} if act is Act.UNFLAG else {}


def _settle_finding(
    changes: _Changes, row: Row | None, wanted: Finding | None, cases: Sequence[_Case], left: Sequence[Row]
) -> None:
    if wanted is None and row is not None:
        if not row["published"] and all(case.row is None or case.act is Act.DELETE for case in cases):
            changes.gone.append(row["key"])
            changes.entries.append(_finding_entry("finding_withdrawn", row))
        elif row["status"] != FindingStatus.CLEARED:
            cleared = {**row, "status": FindingStatus.CLEARED.value}
            changes.put[row["key"]] = cleared | _comes_to(cleared, left)
            changes.entries.append(_finding_entry("finding_cleared", cleared))
    elif wanted is not None:
        new = {**_finding_row(wanted), "published": row is not None and row["published"]}
        if _still_waived(row, new, cases):
            new["status"] = FindingStatus.WAIVED.value
        if not _alike(row, new):
            changes.entries.append(_finding_entry("finding_changed" if row else "finding_opened", new))
        new |= _comes_to(new, left)  # its remedy's own entry says when that changes
        if not _alike(row, new):
            changes.put[new["key"]] = new


def _comes_to(finding: Row, left: Sequence[Row]) -> Row:
    """The amount that a case is listed, ordered and summed by: of the remedy that is shown with it, else its excess. A
    proposal to end an agreement beside it has none."""
    for remedy in left:
        if remedy["amount_minor"] is not None:
            return {"amount_minor": remedy["amount_minor"], "amount_currency": remedy["currency"]}
    return {"amount_minor": finding["excess_minor"], "amount_currency": finding["currency"]}


def _still_waived(row: Row | None, new: Row, cases: Sequence[_Case]) -> bool:
    """A person's waiver holds while what was waived is still all there is, also where it was not wanted for a while. A
    proposal to end an agreement that was waived leaves the agreement as live as it was."""
    if row is None or new["status"] != FindingStatus.OPEN:
        return False
    stored = [(case.row, case.act) for case in cases if case.row is not None]
    if not stored:
        same = (row["kind"], row["excess_minor"]) == (new["kind"], new["excess_minor"])
        return bool(same and row["status"] == FindingStatus.WAIVED)
    if any(act is Act.HOLD_CHANGED for _, act in stored):
        return False
    waived = all(held["state"] == RemedyState.WAIVED and held["touched_by_person"] for held, _ in stored)
    return waived and any(held["kind"] != RemedyKind.CANCEL_AGREEMENT for held, _ in stored)


def _apply(conn: Connection, table: Table, changes: _Changes) -> None:
    if changes.gone:
        conn.execute(delete(table).where(table.c.key == bindparam("gone")), [{"gone": key} for key in changes.gone])
    put(conn, table, [changes.put[key] for key in sorted(changes.put)], key=["key"], replacing=True)


def _finding_row(finding: Finding) -> Row:
    amounts = (finding.charged, finding.expected, finding.excess)
    return {
        "key": finding.key,
        "kind": finding.kind.value,
        "membership": finding.membership,
        "charge": _text(finding.charge),
        "agreement": _text(finding.agreement),
        "renewal": finding.renewal,
        "charged_minor": _minor(finding.charged),
        "expected_minor": _minor(finding.expected),
        "excess_minor": _minor(finding.excess),
        "currency": next((amount.currency for amount in amounts if amount is not None), None),
        "confidence": finding.confidence.value,
        "status": finding.status.value,
        "because": list(finding.because),
        "first_seen": finding.first_seen,
    }


def _remedy_row(remedy: Remedy, finding: Finding | None, at: datetime) -> Row:
    return {
        "key": remedy.key,
        "finding": remedy.finding,
        "membership": remedy.membership if finding is None else finding.membership,
        "charge": _charge(remedy) if finding is None else _text(finding.charge),
        "kind": remedy.kind.value,
        "amount_minor": _minor(remedy.amount),
        "currency": None if remedy.amount is None else remedy.amount.currency,
        "state": remedy.state.value,
        "clause": remedy.clause,
        "policy_version": remedy.policy_version,
        "cited": list(remedy.cited),
        "held_because": None if remedy.held_because is None else remedy.held_because.value,
        "arithmetic": remedy.arithmetic,
        "decided_at": at,
        "observed": remedy.state in {RemedyState.SUBMITTED, RemedyState.SETTLED},
    }


def _charge(remedy: Remedy) -> str | None:
    """Of a remedy that hangs on no finding, the charge that its key names."""
    return remedy.key.removeprefix("remedy:") if remedy.membership is not None else None


def _alike(row: Mapping[str, Any] | None, new: Mapping[str, Any], besides: str = "") -> bool:
    return row is not None and all(row[name] == value for name, value in new.items() if name != besides)


def _finding_entry(action: str, row: Row) -> Entry:
    told = ("kind", "status", "confidence", "excess_minor", "currency")
    return Entry(ACTOR, action, row["key"], {name: row[name] for name in told})


def _remedy_entry(action: str, row: Row, before: Row | None) -> Entry:
    told = ("finding", "kind", "amount_minor", "currency", "state", "held_because", "clause", "policy_version")
    detail: Row = {name: row[name] for name in told}
    detail["arithmetic"] = row["arithmetic"]
    detail["cited"] = row["cited"]
    if before is not None:
        detail["before"] = {name: before[name] for name in ("kind", "amount_minor", "currency", "state")}
    return Entry(ACTOR, action, row["key"], detail)


def _text(ref: Ref | None) -> str | None:
    return None if ref is None else str(ref)


def _minor(amount: Money | None) -> int | None:
    return None if amount is None else amount.minor
