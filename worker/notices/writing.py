"""Notices are laid out: one row each, its text sealed under the member's key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec
from sqlalchemy import Connection, select

from reconcile.claims_types import Claim, ClaimDecision, ClaimState
from reconcile.followup import OVERDUE_DAYS
from reconcile.stints import local_date
from worker.notices.texts import Text, fill
from worker.runtime import Runtime
from worker.schema import Row, notices, remedies
from worker.store import members
from worker.store.roster import personal
from worker.store.sql import put, run
from worker.tables import decimal

_PAID = ("refund", "credit")
PART = 200


def of_claim(conn: Connection, runtime: Runtime, claim: Claim, decision: ClaimDecision, *, first: bool) -> None:
    """What the member is told of a claim that was answered: that it came, what is missing, why it is refused."""
    told: list[tuple[str, str, dict[str, str]]] = []
    about = {"claim": claim.id, "kind": claim.kind.replace("_", " ")}
    if first:
        day = local_date(claim.received_at, runtime.rules.zone)
        told.append(("receipt", claim.id, {**about, "received": str(day)}))
    if decision.state is ClaimState.PENDING and decision.asked_for:
        asked = ", ".join(name.replace("_", " ") for name in decision.asked_for)
        told.append(("missing", f"{claim.id}:{'+'.join(decision.asked_for)}", {**about, "asked_for": asked}))
    if decision.state is ClaimState.REFUSED:
        told.append(("refusal", claim.id, {**about, "reason": decision.reason.rstrip(".")}))
    for kind, subject, values in told:
        _lay_out(conn, runtime, kind, claim.membership, subject, values)


def of_remedies(runtime: Runtime) -> int:
    """Lay out what members are told of refunds that were processed; how many there were."""
    return run(runtime.engine, lambda conn: _of_remedies(conn, runtime))


def _of_remedies(conn: Connection, runtime: Runtime) -> int:
    known = select(notices.c.subject).where(notices.c.kind == "processed")
    query = (
        select(remedies)
        .where(remedies.c.state == "settled", remedies.c.kind.in_(_PAID), remedies.c.membership.is_not(None))
        .where(remedies.c.amount_minor.is_not(None), remedies.c.key.not_in(known))
        .order_by(remedies.c.key)
        .limit(PART)
    )
    rows: Sequence[Row] = [dict(row) for row in conn.execute(query).mappings()]
    arrives = local_date(runtime.clock() + timedelta(days=OVERDUE_DAYS), runtime.rules.zone)
    for row in rows:
        amount = f"{decimal(row['amount_minor'], row['currency'])} {row['currency']}"
        values = {"amount": amount, "charge": row["charge"] or "", "arrives": str(arrives)}
        _lay_out(conn, runtime, "processed", row["membership"], row["key"], values)
    return len(rows)


def _lay_out(  # noqa: PLR0917 - the order of a sentence
    conn: Connection, runtime: Runtime, kind: str, ref: str, subject: str, values: Mapping[str, str]
) -> None:
    """Write a notice down once. What is known of an erased member, or of one whose data is not kept, is nothing: then
    the row says only that there was something to tell."""
    key = members.keys_of(conn, runtime.keyring, [ref]).get(ref)
    known = personal(conn, runtime.keyring, ref)
    text = fill(kind, {**values, "name": known.get("name", "")}, runtime.settings.notices_templates)
    name, note = f"{kind}:{subject}", _why_not(conn, runtime, ref, known)
    sealed = None if key is None else key.seal(msgspec.json.encode([text.subject, text.body]), place(name))
    row = {
        "key": name,
        "kind": kind,
        "membership": ref,
        "subject": subject,
        "text": sealed,
        "state": "review" if note else "waiting",
        "at": runtime.clock(),
        "sent_at": None,
        "tries": 0,
        "note": note,
    }
    put(conn, notices, [row], key=["key"], replacing=False)


def text_of(conn: Connection, runtime: Runtime, notice: Row) -> Text | None:
    """What a stored notice says; None where nothing was known of the member, or they were erased."""
    ref, sealed = notice["membership"], notice["text"]
    key = members.keys_of(conn, runtime.keyring, [ref]).get(ref)
    if key is None or sealed is None:
        return None
    subject, body = msgspec.json.decode(key.open(sealed, place(notice["key"])), type=list[str])
    return Text(subject, body)


def place(key: str) -> str:
    """Where a notice's text is, for the cipher."""
    return f"notices|text|{key}"


def _why_not(conn: Connection, runtime: Runtime, ref: str, known: Mapping[str, str]) -> str | None:
    """Why a notice waits for a person instead of being sent."""
    if runtime.settings.notices != "email":
        return "sending is off"
    if members.record(conn, ref).get("restricted_at") is not None:
        return "the member has restricted the processing"
    return None if known.get("email") else "no address is known"
