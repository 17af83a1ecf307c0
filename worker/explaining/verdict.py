"""What is wrong and what is done about it: the verdict part of `explain`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy import Connection

from reconcile.facts import Credit, Dispute, Ref, Refund
from reconcile.outcome import Finding, FindingKind, Remedy, RemedyKind
from reconcile.policy import Policy
from worker.schema import Row
from worker.store import claims, histories, listings
from worker.store.histories import Known
from worker.store.judgements import ACTOR
from worker.store.links import OUR_BOOKS
from worker.tables import decimal


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


def claimed(conn: Connection, about: Known, zone: str) -> list[Row]:
    """What the member claimed and was answered, in the form of the listing; of one charge only what is about it."""
    if about.membership is None:
        return []
    rows = claims.listing(conn, listings.Filter(membership=about.membership), zone)
    return [row for row in rows if about.charge is None or row["charge"] == str(about.charge)]


def clauses(policy: Policy, found: Iterable[Row], claimed: Iterable[Row], days: Mapping[str, date]) -> list[Row]:
    """The clauses that findings and answers name, in the version in force when the charge was made."""
    cited = [(row["charge"], (*row["cited"], (row["remedy"] or {}).get("clause"))) for row in found]
    cited += [(row["charge"], (row["clause"],)) for row in claimed]
    named = {(name, days.get(charge or "", date.max)) for charge, names in cited for name in names if name}
    rows: dict[tuple[str, str], Row] = {}
    for name, day in sorted(named):
        bundle = policy.in_force(name.partition("/")[0], day)
        for clause in bundle.clauses:
            if bundle.cite(clause.id) == name:
                told = {"clause": name, "version": bundle.version, "heading": clause.heading}
                rows[name, bundle.version] = {**told, "says": clause.says, "force": clause.force.value}
    return list(rows.values())


def since(
    conn: Connection,
    backs: Iterable[Refund | Credit],
    disputes: Iterable[Dispute],
    subjects: Iterable[str],
    about: Known,
) -> list[Row]:
    """What went back, what was disputed, and every act on these subjects, in order of time."""
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
    happened += [
        {"at": act["at"], "what": _act(act), "by": act["actor"], "about": act["subject"]}
        for act in histories.acts(conn, sorted(subjects))
    ]
    return sorted(happened, key=lambda row: (row["at"], row["what"], row["about"] or ""))


def subjects(found: Iterable[Row], claimed: Iterable[Row], about: Known) -> set[str]:
    """What acts may be about: the findings, the claims and the remedies of both, also one that no finding shows now."""
    named = {about.membership} if about.kind == "membership" else set()
    for row in found:
        named |= {row["key"], (row["remedy"] or {}).get("key"), f"remedy:{row['charge']}" if row["charge"] else None}
    for row in claimed:
        named |= {f"claim:{row['claim']}", row["remedy_key"]}
    return {name for name in named if name}


def _act(act: Row) -> str:
    """What was done, with the reason that a person gave for it."""
    done, reason = act["action"].replace("_", " "), act["detail"].get("reason")
    return f"{done} ({reason})" if isinstance(reason, str) and act["actor"] != ACTOR else done


def _went_back(back: Refund | Credit) -> str:
    amount = f"{decimal(back.amount.minor, back.amount.currency)} {back.amount.currency}"
    if isinstance(back, Refund):
        return f"refund {back.ref} of {amount} {back.state.value}"
    name = "credit on our own books" if back.ref.provider == OUR_BOOKS else f"credit {back.ref}"
    return f"{name} of {amount}" + (", which lowers the dues after it" if back.remedy else "")


def _charge_of(fact: Refund | Dispute | Credit) -> str | None:
    provider = (fact.charge_provider if isinstance(fact, Credit) else None) or fact.ref.provider
    return str(Ref(provider, fact.charge)) if fact.charge else None
