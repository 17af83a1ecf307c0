"""What facts say of money that was sent: a refund of ours that settled, one that failed, one whose answer was lost.

A refund that carries our mark is ours, whoever tells of it first: the answer to the call, a look, or a webhook. This is
called wherever facts are stored, in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from reconcile.facts import Credit, Fact, Refund, RefundState
from worker.audit import ACTOR, Entry
from worker.codec import key_of
from worker.money.steps import SEEN_AS, Step, comes_from, may_move
from worker.store import rows, sends
from worker.store.sends import Send
from worker.store.switches import Switch, raise_alarm, set_switch

PENDING_LOOK = timedelta(days=1)  # how often a refund that is on its way is looked at, should no webhook come

_STEP_OF = {
    RefundState.PENDING: Step.PENDING,
    RefundState.SETTLED: Step.SETTLED,
    RefundState.FAILED: Step.FAILED,
}


@dataclass(frozen=True, slots=True)
class Made:
    """A refund or a credit of ours as it stands."""

    key: str
    id: str
    step: Step
    why: str | None = None


def follow(conn: Connection, facts: Iterable[Fact], at: datetime) -> list[Entry]:
    """Move what these facts, as they are stored now, are about. Returns the audit entries, for the caller to append
    last in the transaction."""
    keys = sorted({key_of(fact) for fact in facts if isinstance(fact, Refund | Credit)})
    entries: list[Entry] = []
    for kept in rows.by_key(conn, keys).values():
        fact = kept.fact
        if not isinstance(fact, Refund | Credit):
            continue
        remedy = fact.remedy or sends.of_result(conn, fact.ref)
        if remedy is None:
            continue
        step = _STEP_OF[fact.state] if isinstance(fact, Refund) else Step.SETTLED
        made = Made(remedy, fact.ref.id, step, fact.reason if isinstance(fact, Refund) else None)
        entries += _followed(conn, made, at)
    return entries


def advance(conn: Connection, send: Send, step: Step, at: datetime, **values: Any) -> list[Entry]:  # noqa: ANN401 - columns
    """Move a send and what people see of it, together, leaving a trace in the audit. Nothing moves, and nothing is
    returned, where somebody else has had the send since, or where no such move is."""
    if not may_move(Step(send.step), step):
        return []
    told = {"fence": send.fence + 1, "lease_until": None, "next_at": None, **values}
    if not sends.change(conn, send, step=step.value, **told):
        return []
    sends.note_attempt(conn, send, step.value, values.get("note"), at)
    seen = SEEN_AS[step]
    moved = sends.move(conn, send.key, [*comes_from(seen), seen], seen, **_seen_with(step, values))
    detail = {
        "generation": send.generation,
        "step": step.value,
        "result": values.get("result", send.result),
        "note": values.get("note"),
        "seen": moved,
    }
    return [Entry(ACTOR, f"remedy_{seen.value}", send.key, detail)]


def _seen_with(step: Step, values: dict[str, Any]) -> dict[str, Any]:
    """What else of the remedy changes. Money has been near it, so no later judgement may take it away in silence."""
    if step is Step.PARKED:
        return {"held_because": values.get("note", "").partition(" ")[0], "touched_by_person": True, "observed": False}
    return {"held_because": None, "observed": False}


def _followed(conn: Connection, made: Made, at: datetime) -> list[Entry]:
    sends.remedy_row(conn, made.key)  # locked before its send, as everybody does
    # Without a row nothing was sent from this database. It may have been restored from an earlier day: the judgement
    # counts what our mark is on, and the look before any call finds it.
    send = sends.load(conn, made.key)
    if send is None or made.id in send.past or (send.result == made.id and send.step == made.step):
        return []
    if send.result not in {None, made.id}:
        return [] if made.step is Step.FAILED else _doubled(conn, send, made, at)
    values: dict[str, Any] = {"result": made.id, "uncertain": False, "note": made.why}
    if made.step is Step.PENDING:
        values["next_at"] = at + PENDING_LOOK
    entries = advance(conn, send, made.step, at, **values)
    if entries and made.step is Step.FAILED:
        text = f"{made.id} of {send.key} failed" + (f": {made.why}" if made.why else "")
        raise_alarm(conn, "refund_failed", send.key, text, at, key=f"refund_failed:{made.id}")
    return entries


def _doubled(conn: Connection, send: Send, made: Made, at: datetime) -> list[Entry]:
    """Two refunds carry one mark. It must never be; when it is, nothing more goes out until a person has looked."""
    text = f"{made.id} and {send.result} both carry {send.key}"
    raise_alarm(conn, "doubled", send.key, text, at, key=f"doubled:{made.id}")
    set_switch(conn, Switch(stopped=True, by=ACTOR, reason=text, at=at))
    return [Entry(ACTOR, "money_stopped", send.key, {"reason": text})]
