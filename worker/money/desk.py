"""One remedy, worked on: claimed, looked at, judged again, sent, its answer written down.

Each step is one transaction, and a process may die after any of them: a claim is a lease that runs out, a call that
nobody lived to answer for is "unknown", and whoever comes next looks before doing anything. Providers are asked between
the transactions, never within one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from handlers.gateway import Answer, CreditOrder, Gateway, Look, Looked, NotExecuted, RefundOrder
from reconcile.facts import Charge
from reconcile.money import Money
from worker.audit import append_all
from worker.engine import reading
from worker.judging import judge_memberships, today
from worker.money import answers, deciding
from worker.money.deciding import Call, Means
from worker.money.following import follow
from worker.money.gateways import FindsCredits, ReadsRefunds
from worker.money.guards import Later, Subject, cooling, other_mode, unchecked_run
from worker.money.points import call, transaction
from worker.money.steps import SEEN_AS, Step, Way
from worker.money.subjects import TOO_OLD, api_of, charge_of, new_send, way_of
from worker.runtime import Runtime
from worker.store import sends
from worker.store.facts import store_facts
from worker.store.sends import Send
from worker.store.switches import is_stopped
from worker.store.tellings import Told

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A send that is ours until its lease runs out, and the charge that it is about."""

    send: Send
    charge: Charge | None
    membership: str | None


@dataclass(frozen=True, slots=True)
class Desk:
    """Where remedies are worked on, one after the other."""

    means: Means

    @property
    def runtime(self) -> Runtime:
        return self.means.runtime

    @property
    def gateways(self) -> Mapping[str, Gateway]:
        return self.means.gateways

    def work(self, key: str) -> str:
        """Bring one remedy as far as it goes now. Returns the word for what became of it."""
        claim = transaction(self.runtime.engine, "claim", lambda conn: self._claim(conn, key))
        if isinstance(claim, str):
            return claim
        looked = self._look(claim)
        if looked is None:
            return "waiting"
        made = transaction(
            self.runtime.engine, "decide", lambda conn: deciding.decide(conn, self.means, claim.send, looked)
        )
        if isinstance(made, str):
            return made
        send = made.send
        _log.info("provider_asked", way=str(send.way), generation=send.generation, amount_minor=send.amount_minor)
        answer = self._ask(made)
        _log.info("provider_answered", outcome=type(answer).__name__)
        word = transaction(self.runtime.engine, "record", lambda conn: answers.record(conn, self.runtime, made, answer))
        self._judge(claim.membership)
        return word

    def _claim(self, conn: Connection, key: str) -> Claim | str:
        """Take the remedy, unless something keeps it from being sent that needs no look to be known."""
        now = self.runtime.clock()
        remedy = sends.remedy_row(conn, key)
        if remedy is None:
            return "gone"
        send = sends.open_send(conn, new_send(conn, self.runtime, remedy))
        if any(at is not None and at > now for at in (send.lease_until, send.next_at)):
            return "busy"
        if remedy.state == "queued" and Step(send.step) in SEEN_AS:
            # It was decided anew although the money is elsewhere already: what people see follows the money.
            seen = SEEN_AS[Step(send.step)]
            sends.move(conn, key, ["queued"], seen, held_because=send.note, touched_by_person=True)
            return seen.value
        charge = None if send.way == Way.CANCEL else charge_of(conn, send.charge)
        if (later := self._not_now(conn, Subject(send, remedy, charge, None))) is not None:
            sends.change(conn, send, next_at=later.at)
            return later.why
        values: dict[str, Any] = {
            "fence": send.fence + 1,
            "lease_until": now + timedelta(seconds=self.runtime.settings.lease_seconds),
        }
        if send.step == Step.READY and send.note != TOO_OLD and send.way != Way.CANCEL:
            way = way_of(self.runtime, remedy, charge).value
            if way != send.way and send.key_first_sent is not None:
                # The key stands for the other way; nothing was executed under it.
                values |= {"generation": send.generation + 1, "key_first_sent": None, "calls": 0}
            values["way"] = way
        if not sends.change(conn, send, **values):
            return "busy"
        return Claim(replace(send, **values), charge, remedy.membership)

    def _not_now(self, conn: Connection, subject: Subject) -> Later | None:
        now = self.runtime.clock()
        if is_stopped(conn):
            return Later("stopped")
        if subject.send.way != Way.BOOK and subject.send.provider not in self.gateways:
            return Later("no credentials")
        guard = other_mode(conn, self.runtime, subject, now)
        if guard is None and subject.send.step == Step.READY:
            guard = cooling(self.runtime, subject, now) or unchecked_run(conn, subject)
        return guard if isinstance(guard, Later) else None

    def _look(self, claim: Claim) -> Look | None:
        """Read the charge afresh, keep what was read, follow and judge it. None where nothing could be read."""
        looked = self._read(claim)
        if not isinstance(looked, Look):
            transaction(
                self.runtime.engine, "release", lambda conn: answers.unread(conn, self.runtime, claim.send, looked)
            )
            return None
        transaction(self.runtime.engine, "looked", lambda conn: self._keep(conn, looked))
        self._judge(claim.membership)
        return looked

    def _read(self, claim: Claim) -> Looked:
        send, charge = claim.send, claim.charge
        if charge is None or (send.way == Way.BOOK and send.provider not in self.gateways):
            return Look(())
        gateway = self.gateways[send.provider]
        looked = call("look", lambda: gateway.look(send.target, api_of(charge)))
        if not isinstance(looked, Look):
            return looked
        if send.step == Step.PENDING and send.way == Way.REFUND:
            return self._with_refund(gateway, send, charge, looked)
        if send.step == Step.UNKNOWN and send.way == Way.CREDIT:
            return self._with_credits(gateway, send, charge, looked)
        return looked

    @staticmethod
    def _with_refund(gateway: Gateway, send: Send, charge: Charge, looked: Look) -> Looked:
        """Where the provider lists no refunds, the one that is on its way is asked for by its id."""
        made = send.result
        if looked.lists_refunds or made is None or not isinstance(gateway, ReadsRefunds):
            return looked
        found = call("look_at_refund", lambda: gateway.look_at_refund(made, api_of(charge)))
        if not isinstance(found, Look):
            return found
        return replace(
            looked, facts=(*looked.facts, *(answers.of_charge(fact, charge, send.key) for fact in found.facts))
        )

    @staticmethod
    def _with_credits(gateway: Gateway, send: Send, charge: Charge, looked: Look) -> Looked:
        """The customer's balance is a list of its own."""
        customer = charge.customer or ""
        if not isinstance(gateway, FindsCredits):
            return replace(looked, lists_refunds=False)
        found = call("find_credit", lambda: gateway.find_credit(customer, send.key))
        if not isinstance(found, Look):
            return found
        credits_ = (answers.of_charge(fact, charge, send.key) for fact in found.facts)
        return Look((*looked.facts, *credits_), lists_refunds=not found.missing)

    def _keep(self, conn: Connection, looked: Look) -> None:
        at = self.runtime.clock()
        store_facts(conn, self.runtime.keyring, [Told(fact, "look") for fact in looked.facts])
        if entries := follow(conn, looked.facts, at):
            append_all(conn, entries, at)

    def _judge(self, membership: str | None) -> None:
        if membership is None:
            return
        as_of = today(self.runtime)
        transaction(
            self.runtime.engine, "judge", lambda conn: judge_memberships(conn, self.runtime, [membership], as_of)
        )

    def _ask(self, made: Call) -> Answer:
        """Make the call, unless money has been stopped since it was written down."""
        with reading(self.runtime.engine).begin() as conn:
            stopped = is_stopped(conn)
        if stopped:
            return NotExecuted("stopped")
        return call(made.send.way, self._asking(made))

    def _asking(self, made: Call) -> Callable[[], Answer]:
        send, gateway = made.send, self.gateways[made.send.provider]
        if send.way == Way.CANCEL:
            return lambda: gateway.cancel(send.target, send.idempotency_key)
        if made.charge is None or send.amount_minor is None or send.currency is None:
            raise ValueError(f"{send.key} has no charge or no amount: it cannot be sent")
        amount, key = Money(send.amount_minor, send.currency), send.idempotency_key
        if send.way == Way.CREDIT:
            customer = made.charge.customer or ""
            credit = CreditOrder(customer, amount, key, send.key, send.invoice, made.duplicate)
            return lambda: gateway.credit(credit)
        refund = RefundOrder(send.target, api_of(made.charge), amount, key, send.key, made.duplicate)
        return lambda: gateway.refund(refund)
