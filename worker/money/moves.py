"""What may become of a send short of a call: held, parked, queued again, or left for later. Each in its caller's
transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from reconcile.outcome import HeldBecause
from worker.audit import ACTOR, Entry, append_all
from worker.money import guards
from worker.money.following import advance
from worker.money.steps import Step
from worker.runtime import Runtime
from worker.store import sends
from worker.store.sends import Send
from worker.store.switches import raise_alarm


def hold(conn: Connection, runtime: Runtime, send: Send, why: HeldBecause) -> str:
    """Nothing was sent; a person, or the end of a dispute, comes first."""
    sends.change(conn, send, lease_until=None, next_at=None)
    sends.move(conn, send.key, ["queued"], "held", held_because=why.value)
    append_all(conn, [Entry(ACTOR, "remedy_held", send.key, {"because": why.value})], runtime.clock())
    return "held"


def park(conn: Connection, runtime: Runtime, send: Send, note: str, *, alarm: str = "", text: str = "") -> str:
    """A person has to look before anything more is sent."""
    now = runtime.clock()
    if alarm:
        raise_alarm(conn, alarm, send.key, text or f"{send.key}: {note}", now)
    entries = advance(conn, send, Step.PARKED, now, note=note)
    if entries:
        append_all(conn, entries, now)
    return "held"


def ready_again(
    conn: Connection,
    runtime: Runtime,
    send: Send,
    note: str,
    *,
    next_at: datetime | None = None,
    **values: Any,  # noqa: ANN401 - columns
) -> str:
    """It is known that nothing of this generation was executed, and nothing will be: the remedy is queued again, and
    judged again before anything is sent."""
    fresh: dict[str, Any] = {"reserved_on": None, "uncertain": False, "absent_reads": 0, "absent_at": None}
    if values.get("generation", send.generation) != send.generation:
        fresh |= {"key_first_sent": None, "calls": 0, "last_sent": None}
    told = {"step": Step.READY.value, "lease_until": None, "next_at": next_at, "note": note, **fresh, **values}
    if not sends.change(conn, send, **told):
        return "moved"
    guards.unreserve(conn, send)
    sends.note_attempt(conn, send, "not_executed", note, runtime.clock())
    sends.move(conn, send.key, ["submitted"], "queued", held_because=None)
    append_all(conn, [Entry(ACTOR, "remedy_queued", send.key, {"because": note})], runtime.clock())
    return "waiting"


def release(conn: Connection, send: Send, at: datetime | None, why: str, **values: Any) -> str:  # noqa: ANN401 - columns
    """Nothing was done, for this reason; it is its turn again at `at`."""
    sends.change(conn, send, lease_until=None, next_at=at, **values)
    return why
