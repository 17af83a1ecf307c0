"""Claims are taken in once, answered, and answered again when time or what was missing has moved them on.

A claim and everything that follows from it is one transaction: the answer, its audit entry, and the judgement of the
membership on which the answer weighs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from reconcile.claims import decide_claim
from reconcile.claims_types import Claim, ClaimDecision
from reconcile.stints import local_date
from worker.audit import ACTOR, Entry, append_all
from worker.claims.reading import TakenClaim
from worker.crypt import Keyring
from worker.judging import judge_memberships
from worker.notices.writing import of_claim
from worker.runtime import Runtime
from worker.schema import Row, memberships
from worker.store import claims as store
from worker.store import members
from worker.store.due import lock_memberships
from worker.store.ledgers import load_ledgers
from worker.store.sql import lock_facts, run


class ClaimError(ValueError):
    """One line for a person: which field, and what is expected there."""


class KnownClaimError(ClaimError):
    """Another claim has this one's id."""


def take(runtime: Runtime, taken: TakenClaim, as_of: datetime | None = None, by: str | None = None) -> Row:
    """Take a claim in and give its answer. The same claim again gets the answer it has; one that only adds what was
    asked for is answered anew. `by` is who brought it, for the audit log. Raises ClaimError, and KnownClaimError for
    another claim under a known id."""
    at = as_of or runtime.clock()

    def work(conn: Connection) -> Row:
        answer = _take(conn, runtime, taken, at)
        if by is not None:
            told = {"membership": taken.claim.membership, "kind": taken.claim.kind.value}
            append_all(conn, [Entry(by, "claim_brought", f"claim:{taken.claim.id}", told)], runtime.clock())
        return answer

    return run(runtime.engine, work)


def due_claims(runtime: Runtime, as_of: datetime) -> list[Row]:
    """Answer anew the pending claims whose deadline has come by `as_of`; their answers, in order."""
    answers: list[Row] = []
    with runtime.engine.connect() as conn:
        waiting = store.due(conn, as_of)
    for claim_id in waiting:
        answers += run(runtime.engine, partial(_move_on, runtime=runtime, claim_id=claim_id, as_of=as_of))
    return answers


def _take(conn: Connection, runtime: Runtime, taken: TakenClaim, at: datetime) -> Row:
    # In the order in which every judgement locks: facts, memberships, then the rows that hang on them.
    lock_facts(conn)
    ref = taken.claim.membership
    lock_memberships(conn, [ref])
    if conn.scalar(select(memberships.c.ref).where(memberships.c.ref == ref)) is None:
        raise ClaimError("membership: a membership of the roster is expected, and this one is none")
    claim = replace(taken.claim, from_email=None if taken.email is None else runtime.keyring.email_key(taken.email))
    digest = _digest(runtime, taken)
    known = store.load(conn, claim.id)
    if known is not None:
        if known["digest"] == digest:
            return store.answer(known)
        _completes(conn, runtime, known, claim, taken)
        claim = replace(claim, received_at=store.claim_of(known).received_at)
    sealed = _sealed(conn, runtime, claim, taken)
    return _answer(conn, runtime, claim, at, {"digest": digest, "personal": sealed}, known)


def _move_on(conn: Connection, runtime: Runtime, claim_id: str, as_of: datetime) -> list[Row]:
    lock_facts(conn)
    if (ref := store.owner(conn, claim_id)) is None:
        return []
    lock_memberships(conn, [ref])
    row = store.load(conn, claim_id)
    if row is None or row["state"] != "pending" or row["deadline"] is None or row["deadline"] > as_of:
        return []  # somebody else was quicker
    kept = {"digest": row["digest"], "personal": row["personal"]}
    return [_answer(conn, runtime, store.claim_of(row), as_of, kept, row)]


def _answer(  # noqa: PLR0917 - the order of a sentence
    conn: Connection, runtime: Runtime, claim: Claim, at: datetime, kept: Mapping[str, Any], before: Row | None
) -> Row:
    (ledger,) = load_ledgers(conn, [claim.membership])
    decision = decide_claim(claim, ledger, runtime.rules, at)
    row = {
        "id": claim.id,
        "membership": claim.membership,
        "kind": claim.kind.value,
        "received_at": claim.received_at,
        "told": store.told(claim),
        **kept,
        **store.decided(decision, runtime.clock()),
    }
    store.write(conn, row)
    of_claim(conn, runtime, claim, decision, first=before is None)
    judge_memberships(conn, runtime, [claim.membership], _judged_on(conn, runtime, claim.membership, at))
    append_all(conn, [_entry(decision, before)], runtime.clock())
    return store.answer(row)


def _judged_on(conn: Connection, runtime: Runtime, ref: str, at: datetime) -> date:
    """Never earlier than the membership was judged before: what was found since would vanish."""
    day = local_date(at, runtime.rules.zone)
    judged: date | None = conn.scalar(select(memberships.c.judged_as_of).where(memberships.c.ref == ref))
    return day if judged is None else max(judged, day)


def _completes(conn: Connection, runtime: Runtime, known: Row, claim: Claim, taken: TakenClaim) -> None:
    """Whether a claim that differs from the one under its id only adds what was asked for. Raises ClaimError."""
    # Asked for is what nobody said before: nothing that was said may be another now.
    before, now = known["told"], store.told(claim)
    free = {"received_at", "from_email", "invoice", "explained", "named", "evidence"}
    same = all(
        now[name] == value for name, value in before.items() if name not in free and value not in (None, [], False)
    )
    words = _opened(conn, runtime, known)
    asked = set(known["asked_for"])
    kept = all(taken.personal.get(name) == value for name, value in words.items() if name not in asked)
    if not (asked and same and kept):
        raise KnownClaimError("claim: an id of its own is expected, and another claim has this one already")


def _opened(conn: Connection, runtime: Runtime, known: Row) -> dict[str, Any]:
    if known["personal"] is None:
        return {}
    key = members.key_of(conn, runtime.keyring, known["membership"])
    words: dict[str, Any] = msgspec.json.decode(key.open(known["personal"], place(known["id"])))
    return words


def _sealed(conn: Connection, runtime: Runtime, claim: Claim, taken: TakenClaim) -> bytes | None:
    """What the member wrote, under the member's own key; nothing of one who was erased, or whom the statement is not
    meant for."""
    kept = members.keys_of(conn, runtime.keyring, [claim.membership]).get(claim.membership)
    if kept is None or not taken.personal or members.outside(conn, claim.membership):
        return None
    return _seal(kept, claim.id, taken.personal)


def _seal(key: Keyring, claim_id: str, personal: Mapping[str, Any]) -> bytes:
    return key.seal(msgspec.json.encode(dict(personal), order="sorted"), place(claim_id))


def place(claim_id: str) -> str:
    """Where a claim's own words are, for the cipher."""
    return f"claims|personal|{claim_id}"


def _digest(runtime: Runtime, taken: TakenClaim) -> str:
    whole = {"told": store.told(taken.claim), "personal": dict(taken.personal)}
    return runtime.keyring.keyed(msgspec.json.encode(whole, order="sorted"))


def _entry(decision: ClaimDecision, before: Row | None) -> Entry:
    amount = decision.amount
    detail: dict[str, Any] = {
        "state": decision.state.value,
        "remedy": decision.remedy.value,
        "amount_minor": None if amount is None else amount.minor,
        "currency": None if amount is None else amount.currency,
        "clause": decision.clause,
        "policy_version": decision.policy_version,
        "reason": decision.reason,
        "asked_for": list(decision.asked_for),
        "cited": list(decision.cited),
        "charge": None if decision.charge is None else str(decision.charge),
    }
    if before is not None:
        detail["before"] = {"state": before["state"], "remedy": before["remedy"]}
    return Entry(ACTOR, "claim_decided" if before is None else "claim_moved_on", f"claim:{decision.claim}", detail)
