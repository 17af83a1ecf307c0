"""What makegood is held against: a plain retrying actor, as one would write it first. Each delivery of its message
makes one refund under a key of its own and is acknowledged once the answer is there; a death, a time-out and a failure
of the provider bring the message again. Not in a process of its own: it forgets where the scenario's process dies."""

from __future__ import annotations

from handlers.gateway import Done, RefundOrder, Refused
from handlers.paypal.gateway import PayPalGateway
from handlers.stripe.gateway import StripeGateway
from reconcile.money import Money
from tests.worker import world as w
from tests.worker.money.crashing import Scenario
from tests.worker.money.house import EXCESS, House
from worker.sandbox.bank.bank import PAYPAL_CLIENT, PAYPAL_SECRET, STRIPE_KEY

TRIES_MAX = 20
BEFORE = ("reap", "claim", "look", "looked", "decide")  # nothing has been asked for yet
AFTER = ("record:after_commit", "judge", "release")  # it is acknowledged already


def plainly(house: House, scenario: Scenario) -> bool:
    """Whether the plain actor gives back more than once in this scenario."""
    if scenario.kind != "refund":
        return False
    house.bank.script.extend(scenario.script)
    name = "ch_1" if scenario.provider == "stripe" else "SALE_1"
    house.bank.take(name, w.PRICE.minor + EXCESS, scenario.provider, customer="cus_1")
    deaths = [
        point for point in scenario.die_at if not point.startswith((*BEFORE, *AFTER)) and point != "refund:before_call"
    ]
    gateway: StripeGateway | PayPalGateway
    if scenario.provider == "stripe":
        gateway = StripeGateway(STRIPE_KEY, house.bank.urls["stripe"], 5.0)
    else:
        gateway = PayPalGateway(PAYPAL_CLIENT, PAYPAL_SECRET, house.bank.urls["paypal"], 5.0)
    api = "charge" if scenario.provider == "stripe" else "sale"
    for n in range(TRIES_MAX):
        order = RefundOrder(name, api, Money(EXCESS, "USD"), f"try {n}", f"remedy:{scenario.provider}:{name}")
        answer = gateway.refund(order)
        if deaths:
            deaths.pop()
        elif isinstance(answer, Done | Refused):
            break
    gateway.close()
    house.later(hours=4)
    return house.bank.back(name) > EXCESS
