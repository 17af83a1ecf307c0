"""The switch for outgoing money, the day's budgets, and what must reach people: rows that executors share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select, update

from worker.schema import alarms, budgets, switches
from worker.store.sql import put

MONEY = "money"
COUNT = ""  # the budget that counts remedies of every currency


@dataclass(frozen=True, slots=True)
class Switch:
    """Whether outgoing money is stopped, by whom, and why."""

    stopped: bool
    by: str
    reason: str
    at: datetime


def switch(conn: Connection) -> Switch | None:
    """The switch as it was last set; None where nobody ever did."""
    c = switches.c
    row = conn.execute(select(c.stopped, c.by, c.reason, c.at).where(c.name == MONEY)).one_or_none()
    return None if row is None else Switch(*row)


def is_stopped(conn: Connection) -> bool:
    found = switch(conn)
    return found is not None and found.stopped


def set_switch(conn: Connection, set_to: Switch) -> None:
    row = {
        "name": MONEY,
        "stopped": set_to.stopped,
        "by": set_to.by,
        "reason": set_to.reason,
        "at": set_to.at,
    }
    put(conn, switches, [row], key=["name"], replacing=True)


def reserve(conn: Connection, day: date, scope: str, amount: int, cap: int | None) -> bool:
    """Take `amount` out of the day's budget, whose row stays locked to the end of the transaction; False where that
    would pass the cap. What was sent and what is about to be sent count alike."""
    c = budgets.c
    put(conn, budgets, [{"day": day, "currency": scope, "used": 0}], key=["day", "currency"], replacing=False)
    query = update(budgets).where(c.day == day, c.currency == scope).values(used=c.used + amount)
    if cap is not None:
        query = query.where(c.used + amount <= cap)
    return conn.execute(query).rowcount == 1


def give_back(conn: Connection, day: date, scope: str, amount: int) -> None:
    """Undo a reservation: it is known that nothing was executed."""
    c = budgets.c
    same = (c.day == day) & (c.currency == scope) & (c.used >= amount)
    conn.execute(update(budgets).where(same).values(used=c.used - amount))


def raise_alarm(conn: Connection, kind: str, subject: str, text: str, at: datetime, *, key: str = "") -> None:
    """Note what people must be told, once for each key (its kind and subject unless given)."""
    row = {"key": key or f"{kind}:{subject}", "kind": kind, "subject": subject, "text": text, "at": at}
    put(conn, alarms, [row], key=["key"], replacing=False)
