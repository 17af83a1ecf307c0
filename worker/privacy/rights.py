"""A member's rights (PR-6): what is kept is handed over, corrected, left alone, or forgotten. Each is one transaction
with its audit entry, and says what it leaves standing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection

from reconcile.membership import Membership
from worker.audit import Entry, append_all
from worker.claims.intake import place as claim_place
from worker.codec import membership_to_plain
from worker.engine import empty_log
from worker.judging import judge_memberships, today
from worker.notices.writing import place as notice_place
from worker.roster.row import personal_fields
from worker.runtime import Runtime
from worker.schema import Row
from worker.store import claims, members, rights, roster
from worker.store.roster import RosterRow
from worker.store.sql import lock_facts, run


class NobodyError(ValueError):
    """No member is known by what was given."""


def export(runtime: Runtime, member: str, by: str) -> list[Row]:
    """Everything kept of a member, one object a membership. The look itself is an audit entry (PR-5)."""

    def work(conn: Connection) -> list[Row]:
        told = [_whole(conn, runtime, ref) for ref in _refs(conn, runtime, member)]
        _audit(conn, runtime, by, "member_exported", [row["membership"] for row in told])
        return told

    return run(runtime.engine, work)


def correction(given: Mapping[str, object]) -> dict[str, str]:
    """What is to be set, read as a roster row is: fields by name, an empty text where one is to be removed, null where
    it stays. Raises BadFieldError, which does not repeat them."""
    personal_fields({name: None if value == "" else value for name, value in given.items()})
    return {name: str(value) for name, value in given.items() if value is not None}


def correct(runtime: Runtime, member: str, by: str, told: Mapping[str, str]) -> list[Row]:
    """Set personal fields (name, email, country). An empty text removes one."""

    def work(conn: Connection) -> list[Row]:
        lock_facts(conn)
        refs = _refs(conn, runtime, member)
        for ref in refs:
            fields = {**roster.personal(conn, runtime.keyring, ref), **told}
            _write(conn, runtime, ref, {name: text for name, text in fields.items() if text})
        judge_memberships(conn, runtime, refs, today(runtime))
        _audit(conn, runtime, by, "member_corrected", refs, {"fields": sorted(told)})
        return [{"membership": ref, "corrected": sorted(told), "left": ["earlier audit entries"]} for ref in refs]

    return run(runtime.engine, work)


def restrict(runtime: Runtime, member: str, by: str, *, lift: bool = False) -> list[Row]:
    """Leave a member's data alone: judged still, so that the books are right, and nothing is sent by itself, neither
    money nor mail. `lift` ends it."""

    def work(conn: Connection) -> list[Row]:
        lock_facts(conn)
        refs = _refs(conn, runtime, member)
        for ref in refs:
            members.note(conn, ref, restricted_at=None if lift else runtime.clock())
        judge_memberships(conn, runtime, refs, today(runtime))
        _audit(conn, runtime, by, "restriction_lifted" if lift else "member_restricted", refs)
        left = ["automatic remedies and notices go again"] if lift else ["what is owed is still worked out, and held"]
        return [{"membership": ref, "restricted": not lift, "left": left} for ref in refs]

    return run(runtime.engine, work)


def erase(runtime: Runtime, member: str, by: str) -> list[Row]:
    """Forget a member: the key of their fields is destroyed, their addresses, words and webhook bodies are removed.
    Amounts, dates and ids stay for the books, and the audit chain holds."""
    told = run(runtime.engine, lambda conn: _erase(conn, runtime, member, by))
    empty_log(runtime.engine)
    return told


def _erase(conn: Connection, runtime: Runtime, member: str, by: str) -> list[Row]:
    lock_facts(conn)
    refs = _refs(conn, runtime, member)
    told: list[Row] = []
    for ref in refs:
        found = _known(conn, ref)
        personal = roster.personal(conn, runtime.keyring, ref)
        address = personal.get("email", "")
        # Of the names that look-ups go by, those of the provider stay: they are the books' own.
        words = [address, personal.get("name", ""), *_objects(found)]
        bodies = rights.forget_bodies(conn, runtime.keyring, words)
        members.erase(conn, ref, runtime.clock())
        _write(conn, runtime, ref, {})
        hashed = [runtime.keyring.email_key(address)] if address else []
        rights.forget_addresses(conn, ref, [*hashed, *([found.email] if found.email else [])])
        claims.forget(conn, ref)
        rights.forget_notices(conn, ref)
        told.append({"membership": ref, "erased": True, "bodies_removed": bodies, "left": _left(conn, ref)})
    judge_memberships(conn, runtime, refs, today(runtime))
    _audit(conn, runtime, by, "member_erased", refs)
    return told


def _refs(conn: Connection, runtime: Runtime, member: str) -> list[str]:
    refs = rights.memberships_of(conn, runtime.keyring, member)
    if not refs:
        raise NobodyError("MEMBER: a membership or the e-mail of a member is expected, and this is none")
    return refs


def _known(conn: Connection, ref: str) -> Membership:
    found = roster.membership(conn, ref)
    if found is None:
        raise NobodyError(f"MEMBER: {ref} is no membership of the roster")
    return found


def _objects(found: Membership) -> list[str]:
    ids = [(a.subscription, a.customer, a.payer) for a in found.agreements]
    return [one for many in ids for one in many if one is not None]


def _write(conn: Connection, runtime: Runtime, ref: str, personal: dict[str, str]) -> None:
    roster.import_memberships(conn, runtime.keyring, [RosterRow(_known(conn, ref), personal or None)], runtime.clock())


def _whole(conn: Connection, runtime: Runtime, ref: str) -> Row:
    found, record = _known(conn, ref), members.record(conn, ref)
    findings, remedies = rights.money_of(conn, ref)
    return {
        "membership": ref,
        "member": roster.personal(conn, runtime.keyring, ref),
        "statement": record.get("statement"),
        "restricted_at": record.get("restricted_at"),
        "erased_at": record.get("erased_at"),
        "roster": {name: value for name, value in membership_to_plain(found).items() if name != "email"},
        "facts": rights.facts_of(conn, ref),
        "findings": findings,
        "remedies": remedies,
        "claims": [_claim(conn, runtime, ref, row) for row in claims.of_member(conn, ref)],
        "notices": [_notice(conn, runtime, ref, row) for row in rights.notices_of(conn, ref)],
    }


def _claim(conn: Connection, runtime: Runtime, ref: str, row: Row) -> Row:
    wrote = _opened(conn, runtime, ref, row["personal"], claim_place(row["id"]))
    return {**claims.answer(row), "kind": row["kind"], "received_at": row["received_at"], "wrote": wrote}


def _notice(conn: Connection, runtime: Runtime, ref: str, row: Row) -> Row:
    text = _opened(conn, runtime, ref, row["text"], notice_place(row["key"]))
    return {"notice": row["key"], "state": row["state"], "at": row["at"], "sent_at": row["sent_at"], "text": text}


def _opened(conn: Connection, runtime: Runtime, ref: str, sealed: bytes | None, at: str) -> Any:  # noqa: ANN401 - JSON
    key = members.keys_of(conn, runtime.keyring, [ref]).get(ref)
    return None if sealed is None or key is None else msgspec.json.decode(key.open(sealed, at))


def _left(conn: Connection, ref: str) -> list[str]:
    """What stays of an erased member, and why."""
    findings, remedies = rights.money_of(conn, ref)
    asked = claims.of_member(conn, ref)
    subjects = [ref, *(row["key"] for row in (*findings, *remedies)), *(f"claim:{row['id']}" for row in asked)]
    return [
        f"{len(rights.facts_of(conn, ref))} facts: amounts, dates and the provider's ids, for the books",
        f"{len(findings)} findings and {len(remedies)} remedies, by reference",
        f"{len(asked)} claims: kind, times and decision, without what was written",
        f"{rights.acts_on(conn, subjects)} audit entries, which carry references only",
        "what Stripe and PayPal keep themselves",
    ]


def _audit(  # noqa: PLR0917 - the order of a sentence: who did what to whom
    conn: Connection,
    runtime: Runtime,
    by: str,
    action: str,
    refs: list[str],
    detail: Mapping[str, Any] | None = None,
) -> None:
    append_all(conn, [Entry(by, action, ref, detail or {}) for ref in refs], runtime.clock())
