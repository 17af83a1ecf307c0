"""What is wrong and what is done about it: the verdict part of `explain`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy import Connection

from reconcile.facts import Credit, Dispute, Ref, Refund
from reconcile.outcome import Finding, FindingKind, Remedy, RemedyKind
from reconcile.policy import Policy
from worker.schema import Row
from worker.store import histories, listings
from worker.store.histories import Known
from worker.store.links import OUR_BOOKS


def findings(conn: Connection, found: Sequence[Finding], decided: Sequence[Remedy], about: Known) -> list[Row]:
    """What is stored, in the form of the listing, with the arithmetic of the judgement made now; and what this
    judgement `found` that is not written down yet."""
    stray = FindingKind.UNRECOGNISED_CHARGE if about.membership is None else None
    chosen = listings.Filter(membership=about.membership, kind=stray)
    # A proposal to cancel the agreement may stand beside the remedy proper, which is the one that the finding shows.
    ordered = sorted(decided, key=lambda remedy: remedy.kind is not RemedyKind.CANCEL_AGREEMENT)
    now = {remedy.finding: remedy for remedy in ordered}
    held = {row["key"]: row["held_because"] for row in listings.remedies(conn, chosen)}
    rows = []
    for stored in listings.findings(conn, chosen):
        why = held.get((stored["remedy"] or {}).get("key"))
        rows.append({**stored, "stored": True, **_reckoning(now.get(stored["key"])), "held_because": why})
    known = {stored["key"] for stored in rows}
    rows += [row(finding, now.get(finding.key)) for finding in found if finding.key not in known]
    if about.kind == "membership":
        return rows
    return [one for one in rows if one["key"] == about.finding or one["charge"] == str(about.charge)]


def row(finding: Finding, remedy: Remedy | None) -> Row:
    amounts = {name: getattr(finding, name) for name in ("charged", "expected", "excess")}
    currency = next((amount.currency for amount in amounts.values() if amount), None)
    return {
        "key": finding.key,
        "finding": finding.kind.value,
        "membership": finding.membership,
        "charge": str(finding.charge) if finding.charge else None,
        "renewal": finding.renewal,
        **{name: amount.minor if amount else None for name, amount in amounts.items()},
        "currency": currency,
        "confidence": finding.confidence.value,
        "status": finding.status.value,
        "because": list(finding.because),
        "first_seen": finding.first_seen,
        "remedy": _remedy(remedy) if remedy else None,
        "stored": False,
        **_reckoning(remedy),
    }


def _remedy(remedy: Remedy) -> Row:
    return {
        "key": remedy.key,
        "kind": remedy.kind.value,
        "amount": remedy.amount.minor if remedy.amount else None,
        "state": remedy.state.value,
        "clause": remedy.clause,
        "policy_version": remedy.policy_version,
    }


def _reckoning(remedy: Remedy | None) -> Row:
    if remedy is None:
        return {"arithmetic": "", "cited": [], "held_because": None}
    held = remedy.held_because.value if remedy.held_because else None
    return {"arithmetic": remedy.arithmetic, "cited": list(remedy.cited), "held_because": held}


def clauses(policy: Policy, found: Iterable[Row], days: Mapping[str, date]) -> list[Row]:
    """The clauses that the findings name, in the version in force when the charge was made."""
    named = {
        (name, days.get(row["charge"] or "", date.max))
        for row in found
        for name in (*row["cited"], (row["remedy"] or {}).get("clause"))
        if name
    }
    rows: dict[tuple[str, str], Row] = {}
    for name, day in sorted(named):
        bundle = policy.in_force(name.partition("/")[0], day)
        for clause in bundle.clauses:
            if bundle.cite(clause.id) == name:
                told = {"clause": name, "version": bundle.version, "heading": clause.heading}
                rows[name, bundle.version] = {**told, "says": clause.says, "force": clause.force.value}
    return list(rows.values())


def since(
    conn: Connection, backs: Iterable[Refund | Credit], disputes: Iterable[Dispute], found: Iterable[Row], about: Known
) -> list[Row]:
    """What went back, what was disputed, and every act on the findings and remedies, in order of time."""
    mine = None if about.charge is None else about.charge.id
    happened: list[Row] = []
    for back in backs:
        if mine in (None, back.charge):
            by = "makegood" if back.remedy else "other hands"
            happened.append({"at": back.made_at, "what": _went_back(back), "by": by, "about": _charge_of(back)})
    for dispute in disputes:
        if mine in (None, dispute.charge):
            what = f"dispute {dispute.ref} {dispute.state.value}"
            at = dispute.opened_at or dispute.told_at
            happened.append({"at": at, "what": what, "by": "member", "about": _charge_of(dispute)})
    subjects = [row["key"] for row in found] + [row["remedy"]["key"] for row in found if row["remedy"]]
    if about.kind == "membership" and about.membership:
        subjects.append(about.membership)
    happened += [
        {"at": act["at"], "what": act["action"].replace("_", " "), "by": act["actor"], "about": act["subject"]}
        for act in histories.acts(conn, subjects)
    ]
    return sorted(happened, key=lambda row: (row["at"], row["what"], row["about"] or ""))


def _went_back(back: Refund | Credit) -> str:
    amount = f"{back.amount.minor} {back.amount.currency}"
    if isinstance(back, Refund):
        return f"refund {back.ref} of {amount} {back.state.value}"
    name = "credit on our own books" if back.ref.provider == OUR_BOOKS else f"credit {back.ref}"
    return f"{name} of {amount}" + (", which lowers the dues after it" if back.remedy else "")


def _charge_of(fact: Refund | Dispute | Credit) -> str | None:
    provider = (fact.charge_provider if isinstance(fact, Credit) else None) or fact.ref.provider
    return str(Ref(provider, fact.charge)) if fact.charge else None
