"""A merchant's house for the tests of money out: memberships charged wrongly, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, select

from config.settings import Settings
from reconcile.facts import Credit, Fact, Ref, Refund, RefundState, Subscription, SubscriptionState
from reconcile.membership import Agreement
from reconcile.money import Money
from tests.worker import world as w
from tests.worker.conftest import ENCRYPTION_KEYS, Clock
from tests.worker.money.bank import CREDENTIALS, Bank, Made
from worker.audit import append_all
from worker.judging import judge_changed
from worker.money.decisions import approve
from worker.money.executor import Issued, issue_due
from worker.money.following import follow
from worker.runtime import Runtime
from worker.schema import alarms, attempts, remedies, sends
from worker.store import rows
from worker.store.facts import store_facts
from worker.store.sends import Send, load
from worker.store.tellings import Told

EXCESS = 2500  # of 124.00 where 99.00 was owed: less than half, so that it could be paid twice


def live_settings(database_url: str) -> Settings:
    """Sends at once: no cooling and no breaker."""
    told = {"database_url": database_url, "encryption_keys": ENCRYPTION_KEYS, "mode": "live", "cooling_hours": 0}
    return Settings.model_validate({**told, "breaker_percent": 100, **CREDENTIALS})


@dataclass
class House:
    """The product in live mode, its clock, and the bank that it sends to."""

    runtime: Runtime
    bank: Bank
    clock: Clock

    def __post_init__(self) -> None:
        self.runtime = replace(self.runtime, clock=self.clock)
        self.set(stripe_api_base=self.bank.urls["stripe"], paypal_api_base=self.bank.urls["paypal"])

    def overcharge(self, n: int = 1, provider: str = "stripe", minor: int = w.PRICE.minor + EXCESS, **told: Any) -> str:  # noqa: ANN401 - of a charge
        """A member who was charged too much. Returns the key of the remedy that was decided."""
        ref, name = f"M-{n}", f"{'ch' if provider == 'stripe' else 'SALE'}_{n}"
        agreement = w.stripe(n) if provider == "stripe" else Agreement("paypal", f"I-{n}")
        w.take_in(self.runtime, w.row(ref, agreement))
        stripe = {"customer": f"cus_{n}", "kind": "charge"}
        names = stripe if provider == "stripe" else {"subscription": f"I-{n}", "kind": "sale"}
        charge = replace(w.charge(name, w.month(1), Money(minor, "USD"), provider, **names), **told)
        self.bank.take(name, minor, provider, customer=f"cus_{n}" if provider == "stripe" else None)
        first = w.charge(f"{name}_first", w.START, w.PRICE, provider, **names)
        self.tell(first, charge)
        return f"remedy:{provider}:{name}"

    def tell(self, *facts: Fact, source: str = "webhook") -> None:
        """What a webhook does: store, follow, judge."""
        at = self.clock()
        with self.runtime.engine.begin() as conn:
            store_facts(conn, self.runtime.keyring, [Told(fact, source) for fact in facts])
            append_all(conn, follow(conn, facts, at), at)
        judge_changed(self.runtime)

    def issue(self) -> Issued:
        return issue_due(self.runtime)

    def later(self, **how: float) -> None:
        self.clock.advance(timedelta(**how))
        self.bank.book.tick()

    def bleeding(self, provider: str = "stripe") -> str:
        """A member whose agreement goes on after the end, and a person who agreed that it end. The remedy's key."""
        name = "sub_1" if provider == "stripe" else "I-1"
        agreement = w.stripe(1) if provider == "stripe" else Agreement("paypal", name)
        row = w.row("M-1", agreement)
        w.take_in(self.runtime, replace(row, membership=replace(row.membership, ended_on=w.month(3))))
        started = w.at(w.START)
        self.bank.agree(provider, name)
        live = Subscription(Ref(provider, name), started, SubscriptionState.LIVE, started_at=started)
        self.tell(live, w.charge("ch_1", w.START, provider=provider, subscription=name))
        key = f"cancel:{provider}:{name}"
        approve(self.runtime, key, "Ada Example")
        return key

    def held_above_cap(self) -> str:
        """The second of two remedies, held because the first has used up the day. The next ones cool for a day."""
        self.set(refund_day_max_minor=EXCESS)
        first, second = self.overcharge(1), self.overcharge(2)
        self.set(cooling_hours=0.0)
        self.issue()
        assert self.state(first) == "settled"
        assert self.held(second) == ("held", "above_cap")
        self.set(cooling_hours=24.0)
        return second

    def grants(self, what: str) -> None:
        """Which of refund and credit the merchant chose where a clause leaves it open."""
        self.set(refund_or_credit=what)
        self.runtime = replace(self.runtime, rules=replace(self.runtime.rules, credit_instead=what == "credit"))

    def booked(self, key: str) -> list[int]:
        """Credits on our own books for this remedy."""
        with self.runtime.engine.begin() as conn:
            kept = rows.by_key(conn, [("makegood", "credit", key)])
        return [one.fact.amount.minor for one in kept.values() if isinstance(one.fact, Credit)]

    def fact(self, made: Made) -> Refund:
        """A refund as a webhook tells of it now."""
        states = {"succeeded": RefundState.SETTLED, "pending": RefundState.PENDING, "failed": RefundState.FAILED}
        ref, amount = Ref(made.provider, made.id), Money(made.minor, "USD")
        return Refund(ref, self.clock(), states[made.status], amount, made.at, made.charge, remedy=made.mark)

    def to_next_event(self) -> None:
        """Go on to the moment at which the next thing can happen: a lease runs out, a wait is over, a call that was
        late is executed."""
        with self.runtime.engine.begin() as conn:
            rows = conn.execute(select(sends.c.lease_until, sends.c.next_at)).all()
        moments = [at for row in rows for at in row if at is not None]
        moments += self.bank.book.waiting
        coming = [at for at in moments if at > self.clock()]
        self.clock.now = min(coming, default=self.clock()) + timedelta(seconds=1)
        self.bank.book.tick()

    def rest(self, *, every_s: float = 300.0, days: float = 3.0) -> None:
        """Let time go by until nothing is on its way any more."""
        for _ in range(int(days * 86400 / every_s)):
            self.issue()
            if not self.open_ends():
                return
            self.later(seconds=every_s)

    def open_ends(self) -> Sequence[str]:
        """Remedies of which more is to come."""
        with self.runtime.engine.begin() as conn:
            queued = select(remedies.c.key).where(remedies.c.state.in_(["queued", "submitted"]))
            return conn.scalars(queued).all()

    def remedy(self, key: str) -> Row[Any]:
        with self.runtime.engine.begin() as conn:
            return conn.execute(select(remedies).where(remedies.c.key == key)).one()

    def state(self, key: str) -> str:
        return str(self.remedy(key).state)

    def held(self, key: str) -> tuple[str, str | None]:
        row = self.remedy(key)
        return row.state, row.held_because

    def send(self, key: str) -> Send:
        with self.runtime.engine.begin() as conn:
            found = load(conn, key)
        assert found is not None
        return found

    def alarms(self) -> list[str]:
        with self.runtime.engine.begin() as conn:
            return sorted(conn.scalars(select(alarms.c.kind)))

    def alarm_texts(self) -> list[str]:
        with self.runtime.engine.begin() as conn:
            return sorted(conn.scalars(select(alarms.c.text)))

    def attempts(self, key: str) -> list[str]:
        with self.runtime.engine.begin() as conn:
            return list(conn.scalars(select(attempts.c.event).where(attempts.c.key == key).order_by(attempts.c.id)))

    def sends(self) -> int:
        with self.runtime.engine.begin() as conn:
            return len(conn.scalars(select(sends.c.key)).all())

    def set(self, **settings: Any) -> None:  # noqa: ANN401 - of any setting
        self.runtime = replace(self.runtime, settings=self.runtime.settings.model_copy(update=settings))
