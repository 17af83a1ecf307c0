"""What people decide about a remedy: approve it, waive it, try it again; and the switch for all of them. Each is one
transaction and one audit entry in the person's name; what cannot be done is said in one line and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from reconcile.outcome import FindingStatus, HeldBecause
from worker.accounts.names import NAME_MAX, user_id
from worker.audit import ACTOR, Entry, append_all
from worker.engine import reading
from worker.money import guards, subjects
from worker.money.steps import Step
from worker.runtime import Runtime
from worker.schema import approvals, findings, remedies
from worker.store import sends
from worker.store.sends import EXECUTABLE, Send
from worker.store.sql import put, run
from worker.store.switches import Switch, set_switch, switch

RETRIED = "retry"  # what an approval is bound to where a person sends a failed refund again
PREPARED = "prepared"  # and where somebody only prepared it: that lifts no guard


class DecisionError(ValueError):
    """One line for the person: why it cannot be done."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a person had before their eyes when they decided."""

    kind: str
    amount_minor: int | None
    currency: str | None
    clause: str | None
    held_because: str | None


def approve(runtime: Runtime, key: str, by: str, seen: Seen | None = None) -> str:
    """Let a held remedy go. Binds to its amount, charge, kind and clause: should they change, it is held again. With
    `seen`, only if it still is what was seen. Returns the state it is in now."""
    return _decide(runtime, key, by, lambda conn, house, row, name: _approve(conn, house, _as_seen(row, seen), name))


def prepare(runtime: Runtime, key: str, by: str, seen: Seen | None = None) -> str:
    """Note that a person has looked at a held remedy and proposes it: from now on somebody else has to approve it."""
    return _decide(runtime, key, by, lambda conn, house, row, name: _prepare(conn, house, _as_seen(row, seen), name))


def waive(runtime: Runtime, key: str, by: str, reason: str) -> str:
    """Give a remedy up for good, whatever is owed."""
    told = _line(reason, "--reason")
    return _decide(runtime, key, by, lambda conn, house, row, name: _waive(conn, house, row, name, told))


def retry(runtime: Runtime, key: str, by: str) -> str:
    """Send a refund that failed once more, under a new key. A large one needs a second person to approve it."""
    return _decide(runtime, key, by, _retry)


def set_money(runtime: Runtime, by: str, reason: str, *, stopped: bool) -> Switch | None:
    """Turn the switch for outgoing money; what it was before. It holds from the next call on."""
    name, told = _name(by), _line(reason, "--reason")

    def turn(conn: Connection) -> Switch | None:
        before, at = switch(conn), runtime.clock()
        set_switch(conn, Switch(stopped=stopped, by=name, reason=told, at=at))
        append_all(conn, [Entry(name, "money_stopped" if stopped else "money_resumed", "money", {"reason": told})], at)
        return before

    return run(runtime.engine, turn)


def reopen_disputed(runtime: Runtime) -> list[str]:
    """Queue again what people had approved and a dispute then held, once it is over and all of it is still owed.
    Whatever nobody approved follows its judgement by itself."""
    r = remedies.c
    query = select(r.key).join(approvals, approvals.c.key == r.key)
    with reading(runtime.engine).begin() as conn:
        keys = conn.scalars(query.where(r.state == "held", r.held_because == HeldBecause.DISPUTED.value)).all()
    return [key for key in keys if run(runtime.engine, lambda conn, key=key: _reopen(conn, runtime, key))]  # type: ignore[misc]


def _reopen(conn: Connection, runtime: Runtime, key: str) -> bool:
    row = subjects.locked(conn, key)
    if row is None or (row.state, row.held_because) != ("held", HeldBecause.DISPUTED.value):
        return False
    judged = subjects.judged_now(conn, runtime, row)
    charge = subjects.charge_of(conn, subjects.new_send(conn, runtime, row).charge)
    if subjects.objection(conn, row, judged, charge) is not None:
        return False
    sends.move(conn, key, ["held"], "queued", held_because=None)
    append_all(conn, [Entry(ACTOR, "remedy_queued", key, {"because": "the dispute is over"})], runtime.clock())
    return True


def _decide(runtime: Runtime, key: str, by: str, act: Callable[[Connection, Runtime, Row[Any], str], str]) -> str:
    name = _name(by)

    def work(conn: Connection) -> str:
        row = subjects.locked(conn, key)
        if row is None:
            raise DecisionError(f"KEY: the key of a remedy is expected (see makegood remedies), and {key} is none")
        return act(conn, runtime, row, name)

    return run(runtime.engine, work)


def _as_seen(row: Row[Any], seen: Seen | None) -> Row[Any]:
    now = Seen(row.kind, row.amount_minor, row.currency, row.clause, row.held_because)
    if seen is not None and now != seen:
        raise DecisionError(f"{row.key} has changed since you looked at it: look again")
    return row


def _prepare(conn: Connection, runtime: Runtime, row: Row[Any], name: str) -> str:
    if row.state != "held":
        raise DecisionError(f"{row.key} is {row.state}: only a held remedy can be prepared")
    _is_approvable(row)
    _still_wanted(conn, runtime, row)
    _note_approval(conn, row, ACTOR, name, runtime.clock(), for_what=PREPARED)
    return _audited(conn, runtime, row, "remedy_prepared", "held", by=name)


def _is_approvable(row: Row[Any]) -> None:
    if row.kind not in EXECUTABLE:
        raise DecisionError(f"{row.key} is a {row.kind}, which people carry out: waive it once that is done")
    if row.amount_minor is None and row.kind != subjects.CANCELS:
        raise DecisionError(f"{row.key} has no amount that could be approved: waive it, or mend what the roster says")


def _approve(conn: Connection, runtime: Runtime, row: Row[Any], name: str) -> str:
    if row.state != "held":
        more = ": use retry" if row.state == "failed" else ""
        raise DecisionError(f"{row.key} is {row.state}: only a held remedy can be approved{more}")
    _is_approvable(row)
    _still_wanted(conn, runtime, row)
    send, given = sends.load(conn, row.key), guards.approval(conn, row.key)
    if send is not None and send.result is not None:
        raise DecisionError(f"{row.key}: {send.result} was made for it already, look at it and waive")
    # Where a person prepared it, nobody has agreed yet, and that person may not be the one who does.
    preparer = given.prepared_by if given is not None and given.approved_by == ACTOR else ACTOR
    if user_id(name) == user_id(preparer):
        raise DecisionError(f"{row.key} was prepared by {preparer}: somebody else has to approve it")
    _note_approval(conn, row, name, preparer, runtime.clock())
    if send is not None and send.step == Step.PARKED:
        _begin_again(conn, send)
    sends.move(conn, row.key, ["held"], "queued", held_because=None, touched_by_person=True)
    return _audited(conn, runtime, row, "remedy_approved", "queued", by=name)


def _waive(conn: Connection, runtime: Runtime, row: Row[Any], name: str, reason: str) -> str:
    send = sends.load(conn, row.key)
    moving = send is not None and send.step in {Step.SENDING, Step.UNKNOWN, Step.PENDING}
    if row.state not in {"held", "queued", "failed"} or moving:
        raise DecisionError(f"{row.key} is {row.state}: only a queued, held or failed remedy can be waived")
    sends.move(conn, row.key, [row.state], "waived", held_because=None, touched_by_person=True)
    if row.kind != subjects.CANCELS:
        mine = (findings.c.key == row.finding) & (findings.c.status == FindingStatus.OPEN.value)
        conn.execute(update(findings).where(mine).values(status=FindingStatus.WAIVED.value))
    return _audited(conn, runtime, row, "remedy_waived", "waived", by=name, reason=reason)


def _retry(conn: Connection, runtime: Runtime, row: Row[Any], name: str) -> str:
    send = sends.load(conn, row.key)
    if row.state != "failed" or send is None or send.step != Step.FAILED:
        more = ": use approve" if row.state == "held" else ""
        raise DecisionError(f"{row.key} is {row.state}: only a failed remedy can be tried again{more}")
    _still_wanted(conn, runtime, row)
    limit = runtime.settings.approve_above_minor
    large = limit is not None and row.amount_minor is not None and row.amount_minor > limit
    _begin_again(conn, send)
    state = "held" if large else "queued"
    held = HeldBecause.FOUR_EYES.value if large else None
    if large:
        # Not an approval yet: it names the person who may not be the one to give it.
        _note_approval(conn, row, ACTOR, name, runtime.clock())
    else:
        _note_approval(conn, row, name, ACTOR, runtime.clock())
    sends.move(conn, row.key, ["failed"], state, held_because=held, touched_by_person=True)
    return _audited(conn, runtime, row, "remedy_retried", state, by=name)


def _begin_again(conn: Connection, send: Send) -> None:
    """A new generation: what the last one made, if anything, has failed, and a person says that it may be sent."""
    fresh = replace(
        Send(send.key, send.way, send.provider, send.target, Step.READY.value),
        generation=send.generation + (1 if send.calls or send.result else 0),
        fence=send.fence + 1,
        past=[*send.past, *([send.result] if send.result else [])],
    )
    sends.change(conn, send, **asdict(fresh))


def _still_wanted(conn: Connection, runtime: Runtime, row: Row[Any]) -> None:
    judged = subjects.judged_now(conn, runtime, row)
    if judged is None or judged.wanted is None:
        raise DecisionError(f"{row.key}: nothing is owed any more")
    wanted = judged.wanted
    if wanted.held_because is HeldBecause.DISPUTED:
        raise DecisionError(f"{row.key}: no money leaves while the charge is disputed")
    amount = None if wanted.amount is None else wanted.amount.minor
    if (wanted.kind.value, amount) != (row.kind, row.amount_minor):
        raise DecisionError(f"{row.key} has changed: {wanted.kind.value} of {amount} is owed now, reconcile first")


def _note_approval(
    conn: Connection, row: Row[Any], by: str, prepared_by: str, at: datetime, *, for_what: str | None = None
) -> None:
    approval = {
        "key": row.key,
        "approved_by": by,
        "prepared_by": prepared_by,
        "at": at,
        "kind": row.kind,
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "charge": row.charge,
        "clause": row.clause,
        "held_because": for_what or (row.held_because if row.state == "held" else RETRIED),
    }
    put(conn, approvals, [approval], key=["key"], replacing=True)


def _audited(
    conn: Connection, runtime: Runtime, row: Row[Any], action: str, state: str, *, by: str, **more: str
) -> str:
    told = {
        word: getattr(row, word) for word in ("kind", "amount_minor", "currency", "charge", "clause", "held_because")
    }
    detail = {**told, "before": row.state, "state": state, **more}
    append_all(conn, [Entry(by, action, row.key, detail)], runtime.clock())
    return state


def _name(by: str) -> str:
    name = _line(by, "--by")
    if user_id(name) == ACTOR:
        raise DecisionError(f"--by: the name of a person is expected, and {ACTOR} is none")
    return name


def _line(text: str, option: str) -> str:
    line = text.strip()
    if not line or not line.isprintable() or len(line) > (NAME_MAX if option == "--by" else 1000):
        raise DecisionError(f"{option}: one line of text is expected")
    return line
