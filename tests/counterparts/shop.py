"""A merchant whose charges are made at a counterpart, and the product that finds them wrong and pays them back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from config.settings import Settings
from handlers.gateway import Look
from handlers.stripe.gateway import StripeGateway
from reconcile.membership import Agreement, Membership, Plan
from reconcile.money import Money
from tests.counterparts.line import KEY, Line
from tests.worker.conftest import ENCRYPTION_KEYS, Clock, put_together
from worker.engine import migrate
from worker.judging import judge_changed, today
from worker.money.executor import issue_due
from worker.runtime import Runtime
from worker.schema import remedies
from worker.store.facts import store_facts
from worker.store.roster import RosterRow, import_memberships
from worker.store.tellings import Told

PRICE, EXCESS = 9900, 2500
STEP = timedelta(minutes=5)


def member_of(customer: str) -> str:
    return f"M-{customer}"


@dataclass
class Shop:
    runtime: Runtime
    clock: Clock
    line: Line
    gateway: StripeGateway

    def overcharge(self, customer: str, charge: str) -> str:
        """A member whose first charge, as the counterpart tells of it, was too much. The remedy's key."""
        agreement = Agreement("stripe", None, customer)
        plan = Plan(Money(PRICE, "USD"))
        bundles = ("smartcalls", "voip-fulfillment")
        # stripe-stateful-mock forgets whose card was charged: the membership stands in the metadata as well.
        member = Membership(member_of(customer), today(self.runtime), plan, bundles, agreements=(agreement,))
        looked = self.gateway.look(charge, "charge")
        assert isinstance(looked, Look), looked
        with self.runtime.engine.begin() as conn:
            import_memberships(conn, self.runtime.keyring, [RosterRow(member, None)], self.clock())
            store_facts(conn, self.runtime.keyring, [Told(fact, "webhook") for fact in looked.facts])
        judge_changed(self.runtime)
        return f"remedy:stripe:{charge}"

    def rest(self) -> None:
        """Issue, and let time go by, until nothing is on its way any more."""
        for _ in range(200):
            issue_due(self.runtime)
            if not {"queued", "submitted"} & set(self.states().values()):
                return
            self.clock.advance(STEP)

    def states(self) -> dict[str, str]:
        with self.runtime.engine.begin() as conn:
            rows = conn.execute(select(remedies.c.key, remedies.c.state)).all()
        return {row.key: row.state for row in rows}


@contextmanager
def open_shop(line: Line, folder: Path) -> Iterator[Shop]:
    settings = Settings.model_validate(
        {
            "database_url": f"sqlite:///{folder / 'makegood.db'}",
            "encryption_keys": ENCRYPTION_KEYS,
            "mode": "live",
            "cooling_hours": 0,
            "breaker_percent": 100,
            "stripe_api_key": KEY,
            "stripe_api_base": line.base,
        }
    )
    # The counterparts have the machine's own time.
    clock = Clock(datetime.now(UTC))
    runtime = put_together(settings, clock)
    migrate(runtime.engine)
    runtime.prepare()
    gateway = StripeGateway(KEY, line.base, timeout_s=10.0)
    try:
        yield Shop(runtime, clock, line, gateway)
    finally:
        gateway.close()
        runtime.close()
