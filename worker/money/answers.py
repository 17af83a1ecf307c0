"""The transaction after a call: what the provider's answer means for the money, and what happens next. One table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from handlers.gateway import Answer, Done, Mismatch, NoCredential, NotExecuted, Refusal, Refused, Uncertain
from reconcile.facts import Charge, Credit, Fact, Ref, Refund, Subscription, SubscriptionState
from worker.audit import ACTOR, Entry, append_all
from worker.money import subjects
from worker.money.deciding import Call
from worker.money.following import advance, follow
from worker.money.moves import park, ready_again
from worker.money.steps import Step, Way
from worker.runtime import Runtime
from worker.store import sends
from worker.store.facts import store_facts
from worker.store.sends import Send
from worker.store.switches import Switch, raise_alarm, set_switch
from worker.store.tellings import Told

DAY = timedelta(days=1)
BACKOFF_MAX = timedelta(hours=6)
REFUSED = "refused"


def record(conn: Connection, runtime: Runtime, made: Call, answer: Answer) -> str:
    """Write down what the provider answered. Whoever was overtaken meanwhile writes nothing but the facts."""
    at = runtime.clock()
    sends.note_attempt(conn, made.send, type(answer).__name__.lower(), _said(answer), at)
    if isinstance(answer, Done):
        return _done(conn, runtime, made, answer)
    if isinstance(answer, Mismatch):
        return _mismatch(conn, runtime, made, answer)
    subjects.locked(conn, made.send.key)
    match answer:
        case Refused():
            return _refused(conn, runtime, made, answer)
        case NotExecuted():
            return _not_executed(conn, runtime, made.send, answer)
        case NoCredential():
            _stop(conn, runtime, "credential", made.send.provider, f"{made.send.provider}: {answer.why}")
            # The refusal may have met the reading of a refund that was made: so it counts as not known.
            return _uncertain(conn, runtime, made.send, answer.why, None)
        case Uncertain():
            return _uncertain(conn, runtime, made.send, answer.why, answer.retry_after_s)


def unread(conn: Connection, runtime: Runtime, send: Send, answer: NotExecuted | Uncertain | NoCredential) -> None:
    """The charge could not be looked at: nothing is sent, and it is tried again later."""
    if isinstance(answer, NoCredential):
        _stop(conn, runtime, "credential", send.provider, f"{send.provider}: {answer.why}")
    after = getattr(answer, "retry_after_s", None)
    next_at = backoff(runtime, send, after)
    sends.change(conn, send, lease_until=None, next_at=next_at, tries=send.tries + 1)
    sends.note_attempt(conn, send, "not_looked", answer.why, runtime.clock())


def backoff(runtime: Runtime, send: Send, retry_after_s: float | None) -> datetime:
    """Doubling from `RETRY_BASE_SECONDS`; what the provider asks for wins."""
    base = timedelta(seconds=runtime.settings.retry_base_seconds)
    wait = min(base * 2 ** min(send.tries, 20), BACKOFF_MAX)
    return runtime.clock() + (timedelta(seconds=retry_after_s) if retry_after_s is not None else wait)


def of_charge(fact: Fact, charge: Charge, remedy: str) -> Fact:
    """A refund or credit of ours with what its provider does not say of it: our mark, and the charge it makes good."""
    if isinstance(fact, Refund):
        return replace(fact, charge=charge.ref.id, remedy=remedy)
    if isinstance(fact, Credit):
        return replace(fact, charge=charge.ref.id, charge_provider=charge.ref.provider, remedy=remedy)
    return fact


def _said(answer: Answer) -> str | None:
    if isinstance(answer, Refused):
        return f"{answer.refusal.value} {answer.code}"
    return getattr(answer, "why", None)


def _done(conn: Connection, runtime: Runtime, made: Call, answer: Done) -> str:
    send, at = made.send, runtime.clock()
    if send.way == Way.CANCEL:
        ended = Subscription(Ref(send.provider, send.target), at, SubscriptionState.ENDED, ended_at=at)
        store_facts(conn, runtime.keyring, [Told(ended, "executor")])
        sends.remedy_row(conn, send.key)
        append_all(conn, advance(conn, send, Step.SETTLED, at), at)
        return Step.SETTLED.value
    if answer.fact is None or made.charge is None:
        return _uncertain(conn, runtime, send, "done, but nothing says what", None)
    fact = of_charge(answer.fact, made.charge, send.key)
    store_facts(conn, runtime.keyring, [Told(fact, "executor")])
    append_all(conn, follow(conn, [fact], at), at)
    now = sends.load(conn, send.key)
    return now.step if now is not None else "gone"


def _mismatch(conn: Connection, runtime: Runtime, made: Call, answer: Mismatch) -> str:
    """Success with another amount or charge: the money is followed, and nothing more goes out until a person looked."""
    send = made.send
    if answer.fact is not None:
        store_facts(conn, runtime.keyring, [Told(replace(answer.fact, remedy=send.key), "executor")])
    sends.remedy_row(conn, send.key)
    if answer.fact is not None:
        sends.change(conn, send, result=answer.fact.ref.id)
    _stop(conn, runtime, "mismatch", send.key, f"{send.key}: {answer.why}")
    return park(conn, runtime, send, "mismatch")


def _refused(conn: Connection, runtime: Runtime, made: Call, answer: Refused) -> str:
    """A final no. Where an earlier call under the same key may have been executed, it says nothing of that one: look
    on. PayPal would have answered a repetition with the first refund, so there it does."""
    send = made.send
    if send.way != Way.CANCEL and send.uncertain and (send.provider != "paypal" or "DUPLICATE" in answer.code):
        return _uncertain(conn, runtime, send, f"{REFUSED} {answer.code}", None)
    if send.invoice is not None and answer.refusal in _NO_NOTE:
        note = f"{subjects.NO_NOTE} {answer.code}"
        return ready_again(conn, runtime, send, note, generation=send.generation + 1)
    return _REFUSALS.get(answer.refusal, _not_this_way)(conn, runtime, made, answer)


def _taken_already(conn: Connection, runtime: Runtime, made: Call, answer: Refused) -> str:
    """The charge holds less than we thought: the next look tells why. Refused twice, a person has to."""
    note = f"{REFUSED} {answer.code}"
    if made.send.note == note:
        return _not_this_way(conn, runtime, made, answer)
    return ready_again(conn, runtime, made.send, note, generation=made.send.generation + 1)


def _disputed(conn: Connection, runtime: Runtime, made: Call, answer: Refused) -> str:
    """Held while it lasts. Should no dispute be known here, it is asked again tomorrow."""
    send, next_at = made.send, runtime.clock() + DAY
    note = f"{REFUSED} {answer.code}"
    word = ready_again(conn, runtime, send, note, next_at=next_at, generation=send.generation + 1)
    sends.move(conn, send.key, ["queued"], "held", held_because="disputed")
    return word


def _too_old(conn: Connection, runtime: Runtime, made: Call, answer: Refused) -> str:
    """The window for refunds is over: a credit instead, where renewals are still to come."""
    send = made.send
    remedy = subjects.locked(conn, send.key)
    judged = None if remedy is None else subjects.judged_now(conn, runtime, remedy)
    if send.way != Way.REFUND or judged is None or not judged.alive:
        return _not_this_way(conn, runtime, made, answer)
    way = subjects.credit_way(made.charge).value
    return ready_again(conn, runtime, send, subjects.TOO_OLD, generation=send.generation + 1, way=way)


def _no_funds(conn: Connection, runtime: Runtime, made: Call, answer: Refused) -> str:
    send, now = made.send, runtime.clock()
    text = f"{send.provider} has no funds for {send.key} ({answer.code}): it is tried again every day"
    raise_alarm(conn, "no_funds", send.provider, text, now, key=f"no_funds:{send.provider}:{now.date()}")
    note = f"{REFUSED} {answer.code}"
    return ready_again(conn, runtime, send, note, next_at=now + DAY, generation=send.generation + 1)


def _not_this_way(conn: Connection, runtime: Runtime, made: Call, answer: Refused) -> str:
    text = f"{made.send.key} was refused: {answer.code}"
    return park(conn, runtime, made.send, f"{REFUSED} {answer.code}", alarm=REFUSED, text=text)


def _key_reused(conn: Connection, runtime: Runtime, made: Call, answer: Refused) -> str:
    """Other parameters under a used key: a fault of this program, and nothing goes out before it is found."""
    _stop(conn, runtime, "mismatch", made.send.key, f"{made.send.key}: {answer.code}")
    return park(conn, runtime, made.send, f"mismatch {answer.code}")


_REFUSALS: dict[Refusal, Callable[[Connection, Runtime, Call, Refused], str]] = {
    Refusal.ALREADY_REFUNDED: _taken_already,
    Refusal.EXCEEDS_CHARGE: _taken_already,
    Refusal.DISPUTED: _disputed,
    Refusal.TOO_OLD: _too_old,
    Refusal.NO_FUNDS: _no_funds,
    Refusal.KEY_REUSED: _key_reused,
    Refusal.NOT_THIS_WAY: _not_this_way,
    Refusal.NOT_FOUND: _not_this_way,
    Refusal.UNKNOWN: _not_this_way,
}


# Stripe takes no credit note on this invoice; the credit is owed all the same.
_NO_NOTE = frozenset({Refusal.NOT_THIS_WAY, Refusal.NOT_FOUND, Refusal.UNKNOWN})


def _not_executed(conn: Connection, runtime: Runtime, send: Send, answer: NotExecuted) -> str:
    if send.uncertain:
        return _uncertain(conn, runtime, send, answer.why, answer.retry_after_s)
    stopped = answer.why == "stopped"
    next_at = None if stopped else backoff(runtime, send, answer.retry_after_s)
    return ready_again(conn, runtime, send, answer.why, next_at=next_at, tries=send.tries + (not stopped))


def _uncertain(conn: Connection, runtime: Runtime, send: Send, why: str, retry_after_s: float | None) -> str:
    next_at, at = backoff(runtime, send, retry_after_s), runtime.clock()
    values = {"uncertain": True, "next_at": next_at, "tries": send.tries + 1, "note": why}
    if entries := advance(conn, send, Step.UNKNOWN, at, **values):
        append_all(conn, entries, at)
    return Step.UNKNOWN.value


def _stop(conn: Connection, runtime: Runtime, kind: str, subject: str, text: str) -> None:
    at = runtime.clock()
    raise_alarm(conn, kind, subject, text, at, key=f"{kind}:{subject}:{at.date()}")
    set_switch(conn, Switch(stopped=True, by=ACTOR, reason=text, at=at))
    append_all(conn, [Entry(ACTOR, "money_stopped", subject, {"reason": text})], at)
