"""The transaction before a call: everything is checked once more on what is stored now, the intent is written down,
and only then may the provider be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from handlers.gateway import Gateway, Look
from reconcile.facts import Charge, Credit, Ref
from reconcile.money import Money
from reconcile.outcome import HeldBecause
from worker.audit import ACTOR, Entry, append_all
from worker.judging import today
from worker.money import guards, subjects
from worker.money.following import PENDING_LOOK, follow
from worker.money.guards import Held, Later, Subject
from worker.money.moves import hold, park, ready_again, release
from worker.money.resolving import GiveUp, Repeat, Sight, Wait, counts_as_absent, resolve
from worker.money.steps import Step, Way
from worker.money.subjects import Judged
from worker.runtime import Runtime
from worker.store import sends
from worker.store.facts import store_facts
from worker.store.links import OUR_BOOKS
from worker.store.sends import Send
from worker.store.sql import lock_facts
from worker.store.tellings import Told


@dataclass(frozen=True, slots=True)
class Means:
    """What an executor works with. Without a gateway for a provider, its remedies wait."""

    runtime: Runtime
    gateways: Mapping[str, Gateway]


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is written down and has to be made now."""

    send: Send
    charge: Charge | None
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class _Scene:
    """Everything a decision is made from, read within its transaction."""

    means: Means
    send: Send
    remedy: Row[Any]
    judged: Judged | None
    charge: Charge | None
    objection: HeldBecause | None
    now: datetime

    @property
    def runtime(self) -> Runtime:
        return self.means.runtime

    @property
    def subject(self) -> Subject:
        return Subject(self.send, self.remedy, self.charge, None if self.judged is None else self.judged.ledger)


def decide(conn: Connection, means: Means, claimed: Send, looked: Look) -> Call | str:
    """The call to make, or the word for why there is none."""
    if claimed.way == Way.BOOK:
        lock_facts(conn)  # before the rows of memberships, as whoever stores facts does
    remedy = subjects.locked(conn, claimed.key)
    if remedy is None:
        return "gone"
    judged = subjects.judged_now(conn, means.runtime, remedy)
    send = sends.load(conn, claimed.key)
    if send is None or send.fence != claimed.fence:
        return "moved"  # by what the look told, or by another executor
    charge = None if send.way == Way.CANCEL else subjects.charge_of(conn, send.charge)
    objection = subjects.objection(conn, remedy, judged, charge)
    scene = _Scene(means, send, remedy, judged, charge, objection, means.runtime.clock())
    if send.step == Step.UNKNOWN:
        return _resolve(conn, scene, looked)
    if send.step != Step.READY or remedy.state != "queued":
        return release(conn, send, scene.now + PENDING_LOOK if send.step == Step.PENDING else None, "not queued")
    objection = objection or guards.untold_refund(conn, scene.subject, looked)
    if objection is not None:
        return hold(conn, scene.runtime, send, objection)
    return _guarded(conn, scene)


def _guarded(conn: Connection, scene: _Scene) -> Call | str:
    runtime, subject, now = scene.runtime, scene.subject, scene.now
    guard = (
        guards.stopped(conn)
        or guards.other_mode(conn, runtime, subject, now)
        or guards.cooling(runtime, subject, now)
        or guards.unchecked_run(conn, subject)
    )
    if guard is None and scene.send.way != Way.CANCEL:
        guard = (
            guards.tripped_run(conn, subject)
            or guards.canary(conn, runtime, subject, now)
            or guards.caps(conn, runtime, subject, now)
            or guards.budget(conn, runtime, subject)
        )
    if isinstance(guard, Later):
        return release(conn, scene.send, guard.at, guard.why)
    if isinstance(guard, Held):
        return park(conn, runtime, scene.send, guard.why.value)
    if scene.send.way == Way.BOOK:
        return _book(conn, scene)
    return _begin(conn, scene, _fresh(scene))


def _fresh(scene: _Scene) -> dict[str, Any]:
    """What is sent, frozen from now on. A key under which something else was tried, or that is old, is not used again;
    nothing was executed under it."""
    send, remedy = scene.send, scene.remedy
    noted = send.way == Way.CREDIT and not (send.note or "").startswith(subjects.NO_NOTE)
    invoice = subjects.wrong_invoice(scene.judged, scene.charge) if noted else None
    values: dict[str, Any] = {
        "amount_minor": remedy.amount_minor,
        "currency": remedy.currency,
        "invoice": invoice,
    }
    other = any(getattr(send, name) != value for name, value in values.items())
    old = send.key_first_sent is not None and scene.now - send.key_first_sent >= timedelta(hours=1)
    if send.key_first_sent is not None and (other or old):
        values |= {"generation": send.generation + 1, "key_first_sent": None, "calls": 0}
    if scene.send.way != Way.CANCEL:
        values["reserved_on"] = today(scene.runtime)
    return values


def _begin(conn: Connection, scene: _Scene, values: dict[str, Any]) -> Call | str:
    """Write down that a call is about to be made. From here on a death means "unknown"."""
    send, now = replace(scene.send, **values), scene.now
    lease = timedelta(seconds=scene.runtime.settings.lease_seconds)
    values |= {
        "step": Step.SENDING.value,
        "calls": send.calls + 1,
        "key_first_sent": send.key_first_sent or now,
        "last_sent": now,
        "lease_until": now + lease,
        "next_at": None,
        "absent_reads": 0,
        "absent_at": None,
    }
    if not sends.change(conn, scene.send, **values):
        return "moved"
    before = "queued" if scene.send.step == Step.READY else "submitted"
    if not sends.move(conn, send.key, [before], "submitted", held_because=None, observed=False):
        raise RuntimeError(f"{send.key} is {scene.remedy.state} although its row is locked as {before}")
    sent = replace(send, **values)
    sends.note_attempt(conn, sent, Step.SENDING.value, None, now)
    detail = {
        "generation": sent.generation,
        "way": sent.way,
        "call": sent.calls,
        "amount_minor": sent.amount_minor,
        "currency": sent.currency,
    }
    append_all(conn, [Entry(ACTOR, "remedy_submitted", send.key, detail)], now)
    return Call(sent, scene.charge, subjects.is_duplicate(scene.judged))


def _book(conn: Connection, scene: _Scene) -> str:
    """A credit on our own books: the fact that lowers the next renewal. It needs no provider, so it is done at once."""
    charge, remedy, now = scene.charge, scene.remedy, scene.now
    if charge is None or remedy.amount_minor is None or remedy.currency is None:
        return hold(conn, scene.runtime, scene.send, HeldBecause.CHANGED)
    if scene.judged is None or not scene.judged.alive:
        return park(conn, scene.runtime, scene.send, "refused nothing to credit to")
    sends.change(conn, scene.send, **_fresh(scene))
    credit = Credit(
        ref=Ref(OUR_BOOKS, remedy.key),
        told_at=now,
        amount=Money(remedy.amount_minor, remedy.currency),
        made_at=now,
        charge=charge.ref.id,
        charge_provider=charge.ref.provider,
        remedy=remedy.key,
    )
    store_facts(conn, scene.runtime.keyring, [Told(credit, "executor")])
    append_all(conn, follow(conn, [credit], now), now)
    return "settled"


def _resolve(conn: Connection, scene: _Scene, looked: Look) -> Call | str:
    send, now = scene.send, scene.now
    if send.way == Way.CANCEL:
        return _cancel_again(conn, scene)
    verdict = resolve(send, _sight(scene, looked), now)
    if isinstance(verdict, Repeat):
        if (stop := guards.stopped(conn)) is not None:
            return release(conn, send, None, stop.why)
        return _begin(conn, scene, {})
    if isinstance(verdict, Wait):
        absent: dict[str, Any] = {}
        if verdict.absent and counts_as_absent(send, _sight(scene, looked), now):
            absent = {"absent_reads": send.absent_reads + 1, "absent_at": now}
        return release(conn, send, verdict.until, verdict.why, **absent)
    if isinstance(verdict, GiveUp):
        return park(conn, scene.runtime, send, verdict.why, alarm="no_answer")
    return ready_again(conn, scene.runtime, send, "dead", generation=send.generation + 1)


def _cancel_again(conn: Connection, scene: _Scene) -> Call | str:
    """Ending an agreement twice does no harm; ending one that is wanted again does."""
    if scene.objection is not None:
        return park(conn, scene.runtime, scene.send, scene.objection.value, alarm="no_answer")
    if guards.stopped(conn) is not None:
        return release(conn, scene.send, None, "stopped")
    return _begin(conn, scene, {})


def _sight(scene: _Scene, looked: Look) -> Sight:
    send, charge = scene.send, scene.charge
    gateway = scene.means.gateways[send.provider]
    known = gateway.key_lifetime_s
    # Of a way that we do not know, the longest: a key must not be thought dead too early.
    lifetime = known.get("" if charge is None else subjects.api_of(charge), max(known.values()))
    return Sight(
        # A list that the provider does not have (disputes, say) proves nothing about its list of refunds.
        lists=looked.lists_refunds and send.target not in looked.missing,
        repeats_are_lookups=gateway.repeats_are_lookups,
        lifetime=timedelta(seconds=lifetime),
        settle=timedelta(seconds=scene.runtime.settings.settle_seconds),
        objection=None if scene.objection is None else scene.objection.value,
        gone_whole=charge is not None and subjects.gone_whole(charge),
    )
