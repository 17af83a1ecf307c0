"""What may keep a remedy from being sent at this moment. Each guard says nothing, or why and what then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select

from handlers.gateway import Look
from reconcile.facts import Charge
from reconcile.ledger import Ledger
from reconcile.outcome import HeldBecause
from reconcile.returns import returns
from worker.audit import ACTOR
from worker.judging import today
from worker.money.gateways import key_is_live
from worker.runtime import Runtime
from worker.schema import approvals, attempts, remedies, run_decisions, runs, sends
from worker.store.sends import Send
from worker.store.switches import COUNT, give_back, is_stopped, raise_alarm, reserve

MEMBER_WINDOW = timedelta(days=30)
WRONG_MODE_LOOK = timedelta(days=1)
CANARY_LOOK = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Later:
    """Not now: look again at `at` (None: whenever it is its turn)."""

    why: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A person has to agree first."""

    why: HeldBecause


@dataclass(frozen=True, slots=True)
class Subject:
    """What a guard looks at. The charge and the ledger are missing where an agreement is to be cancelled."""

    send: Send
    remedy: Row[Any]
    charge: Charge | None
    ledger: Ledger | None


Guard = Later | Held | None


def stopped(conn: Connection) -> Guard:
    """The switch. Read in the transaction that begins a call, and once more before the call itself."""
    return Later("stopped") if is_stopped(conn) else None


def other_mode(conn: Connection, runtime: Runtime, subject: Subject, now: datetime) -> Guard:
    """A remedy is sent only with a key of the mode that its charge was made in. An import tells no mode."""
    live = subject.charge.live if subject.charge is not None else None
    key = key_is_live(runtime.settings, subject.send.provider)
    if live is None or key is None or live == key:
        return None
    words = {True: "live", False: "test"}
    text = f"{subject.send.charge} was made in {words[live]} mode, the {subject.send.provider} key is for {words[key]}"
    raise_alarm(conn, "credential", subject.send.provider, text, now, key=f"mode:{subject.send.provider}")
    return Later("mode", now + WRONG_MODE_LOOK)


def cooling(runtime: Runtime, subject: Subject, now: datetime) -> Guard:
    """No remedy is sent before `COOLING_HOURS` after its decision; an approval does not shorten that."""
    if subject.remedy.kind == "cancel_agreement":
        return None
    until = subject.remedy.decided_at + timedelta(hours=runtime.settings.cooling_hours)
    return Later("cooling", until) if now < until else None


def unchecked_run(conn: Connection, subject: Subject) -> Guard:
    """A run's remedies wait until the breaker has looked at all of it."""
    query = (
        select(func.count())
        .select_from(run_decisions.join(runs, runs.c.name == run_decisions.c.run))
        .where(run_decisions.c.remedy == subject.send.key, runs.c.checked_at.is_(None))
    )
    return Later("its run is not over") if conn.scalar(query) else None


def tripped_run(conn: Connection, subject: Subject) -> Guard:
    """What the breaker held waits for a person, also where it was held for something else meanwhile that has passed: a
    dispute that was won, a restriction that was lifted."""
    given, d = approval(conn, subject.send.key), run_decisions.c
    if given is not None and given.approved_by != ACTOR and not approval_void(conn, subject.remedy):
        return None
    query = (
        select(func.count())
        .select_from(run_decisions.join(runs, runs.c.name == d.run))
        .where(d.remedy == subject.send.key, runs.c.verdict.is_not(None))
        .where(d.amount_minor == subject.remedy.amount_minor, d.currency == subject.remedy.currency)
    )
    return Held(HeldBecause.BREAKER) if conn.scalar(query) else None


def caps(conn: Connection, runtime: Runtime, subject: Subject, now: datetime) -> Guard:
    """The limits that a sum over several remedies, or the member's own price, sets. A person who has lifted one for
    this remedy need not do so again."""
    amount = subject.remedy.amount_minor
    if amount is None or lifted(conn, subject.remedy, HeldBecause.ABOVE_CAP):
        return None
    settings = runtime.settings
    price = None if subject.ledger is None else subject.ledger.membership.plan.price.minor
    if settings.refund_one_renewal_max and price is not None and amount > price:
        return Held(HeldBecause.ABOVE_CAP)
    limit = settings.refund_member_max_minor
    if limit is not None and _sent_to_member(conn, subject, now) + amount > limit:
        return Held(HeldBecause.ABOVE_CAP)
    return None


def canary(conn: Connection, runtime: Runtime, subject: Subject, now: datetime) -> Guard:
    """The first few remedies under a policy version go alone; the rest wait until the setting is raised or switched
    off, or a person approves each."""
    first, version = runtime.settings.canary_count, subject.remedy.policy_version
    if first is None or subject.remedy.touched_by_person:
        return None
    query = select(func.count()).select_from(sends.join(remedies, remedies.c.key == sends.c.key))
    gone = query.where(sends.c.calls > 0, remedies.c.policy_version == version, sends.c.key != subject.send.key)
    if (conn.scalar(gone) or 0) < first:
        return None
    text = f"{first} remedies under {version or 'no version'} went ahead: look at them, then raise CANARY_COUNT"
    raise_alarm(conn, "canary", version or "", text, now)
    return Later("canary", now + CANARY_LOOK)


def untold_refund(conn: Connection, subject: Subject, looked: Look) -> HeldBecause | None:
    """The provider says that part of the charge went back, and nothing that was told accounts for it: what is still
    owed is not known. A person who has looked may let it go; a later telling changes what is owed by itself."""
    if not looked.partly_back or subject.ledger is None or subject.charge is None:
        return None
    told = returns(subject.ledger).get(subject.charge.ref)
    accounted = told is not None and (told.refunds or told.disputes)
    if accounted or lifted(conn, subject.remedy, HeldBecause.UNTOLD_REFUND):
        return None
    return HeldBecause.UNTOLD_REFUND


def budget(conn: Connection, runtime: Runtime, subject: Subject) -> Guard:
    """Take the remedy out of the day's budgets, in the transaction that begins its call. Comes last: nothing that
    objects later could give it back."""
    day, remedy, settings = today(runtime), subject.remedy, runtime.settings
    free = lifted(conn, remedy, HeldBecause.ABOVE_CAP)
    money_max = None if free else settings.refund_day_max_minor
    if not reserve(conn, day, COUNT, 1, None if free else settings.refund_day_count_max):
        return Held(HeldBecause.ABOVE_CAP)
    if not reserve(conn, day, remedy.currency, remedy.amount_minor, money_max):
        give_back(conn, day, COUNT, 1)
        return Held(HeldBecause.ABOVE_CAP)
    return None


def unreserve(conn: Connection, send: Send) -> None:
    """It is known that nothing was executed: the day's budget has it back."""
    if send.reserved_on is not None and send.currency is not None and send.amount_minor is not None:
        give_back(conn, send.reserved_on, COUNT, 1)
        give_back(conn, send.reserved_on, send.currency, send.amount_minor)


def approval(conn: Connection, key: str) -> Row[Any] | None:
    return conn.execute(select(approvals).where(approvals.c.key == key)).one_or_none()


def approval_void(conn: Connection, remedy: Row[Any]) -> bool:
    """Whether a person agreed to something else than what stands here now."""
    given = approval(conn, remedy.key)
    bound = ("kind", "amount_minor", "currency", "charge", "clause")
    return given is not None and any(getattr(given, name) != getattr(remedy, name) for name in bound)


def lifted(conn: Connection, remedy: Row[Any], guard: HeldBecause) -> bool:
    """Whether a person approved this very remedy after that guard had held it."""
    given = approval(conn, remedy.key)
    return given is not None and given.held_because == guard.value and not approval_void(conn, remedy)


def _sent_to_member(conn: Connection, subject: Subject, now: datetime) -> int:
    recent = select(attempts.c.key).where(attempts.c.event == "sending", attempts.c.at > now - MEMBER_WINDOW)
    query = (
        select(func.coalesce(func.sum(sends.c.amount_minor), 0))
        .select_from(sends.join(remedies, remedies.c.key == sends.c.key))
        .where(
            remedies.c.membership == subject.remedy.membership,
            sends.c.key.in_(recent),
            sends.c.step.in_(["sending", "unknown", "pending", "settled"]),
            sends.c.key != subject.send.key,
        )
    )
    return int(conn.scalar(query) or 0)
