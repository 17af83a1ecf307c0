"""The demo's live part: every queued remedy goes out to a bank that behaves like Stripe and PayPal on an ordinary bad
evening, and comes to rest."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from worker import handling
from worker.money.executor import issue_due
from worker.runtime import Runtime
from worker.sandbox.bank.bank import PAYPAL_CLIENT, PAYPAL_SECRET, STRIPE_KEY, Bank
from worker.sandbox.bank.faults import Fault
from worker.sandbox.deliveries import Delivery
from worker.sandbox.telling import Told
from worker.sandbox.world_clock import WorldClock
from worker.store import listings
from worker.store.listings import Filter

STEP = timedelta(minutes=5)
EVENING = timedelta(hours=3, minutes=30)  # by then the world's last day would be over
# What the calls of that evening meet. Each is a way in which a careless client pays twice, or never. (A failure of
# its own that Stripe keeps under a key is not among them: such a remedy rests only when the key has died, a day on.)
_BAD_EVENING = {
    Fault.LOST: 0.06,
    Fault.BROKEN_AFTER: 0.03,
    Fault.RATE_LIMITED: 0.04,
    Fault.SETTLES_LATER: 0.10,
}
_ON_ITS_WAY = Filter(statuses=("queued", "submitted"))


@dataclass(frozen=True)
class Evening:
    """What became of it: the remedies by state, and the faults that were met on the way."""

    states: Counter[str]
    faults: Counter[Fault]
    doubled: int

    @property
    def at_rest(self) -> bool:
        return not (self.states["queued"] or self.states["submitted"])


def settings(bank: Bank) -> dict[str, Any]:
    """What lets money go at once, and to the bank. The caps of a day and the breaker are those of an ordinary day at an
    ordinary merchant: here a year's errors go out in one evening."""
    return {
        "mode": "live",
        "stripe_api_key": STRIPE_KEY,
        "stripe_api_base": bank.stripe_url,
        "paypal_client_id": PAYPAL_CLIENT,
        "paypal_client_secret": PAYPAL_SECRET,
        "paypal_api_base": bank.paypal_url,
        "cooling_hours": 0,
        "refund_day_max_minor": "off",
        "refund_day_count_max": "off",
        "breaker_percent": Decimal(100),
    }


def pay(
    product: Runtime, bank: Bank, clock: WorldClock, seed: int, post: Callable[[list[Delivery]], object]
) -> Evening:
    """Issue what is queued, hand in the webhooks that tell of it, and let time pass, until all of it is at rest or the
    evening is over."""
    bank.faults.settles = timedelta(minutes=40)
    bank.faults.chance(seed, _BAD_EVENING)
    until = clock() + EVENING
    while True:
        issue_due(product)
        bank.book.tick()
        if told := bank.told():
            post([_delivery(one) for one in told])
            handling.drain(product)
        if not _states(product, _ON_ITS_WAY) or clock() >= until:
            break
        clock.skip(STEP)
    return Evening(_states(product, Filter()), bank.faults.met, len(bank.doubled()))


def _states(product: Runtime, chosen: Filter) -> Counter[str]:
    with product.engine.begin() as conn:
        return Counter(str(remedy["state"]) for remedy in listings.remedies(conn, chosen))


def _delivery(one: Told) -> Delivery:
    digest = f"{zlib.crc32(one.body):08x}"
    return Delivery(one.provider, one.body, f"{digest}-0000-4000-8000-{digest}0000")
