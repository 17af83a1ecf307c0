"""localstripe, which forgets every idempotency key at once and refunds more than was taken: here makegood's own looks
and marks alone stand between a lost answer and a second refund."""

from __future__ import annotations

import pytest

from handlers.gateway import Done, Look, RefundOrder
from reconcile.facts import Refund
from reconcile.money import Money
from tests.counterparts.line import Line
from tests.counterparts.shop import EXCESS, PRICE, Shop, member_of

pytestmark = pytest.mark.timeout(400)  # the first one installs it
CARD = {"card[number]": "4242424242424242", "card[exp_month]": "12", "card[exp_year]": "2040", "card[cvc]": "123"}


def charge(line: Line) -> tuple[str, str]:
    token = line.post("tokens", **CARD)["id"]
    customer = line.post("customers", source=token)["id"]
    named = {"metadata[membership]": member_of(customer)}
    made = line.post("charges", amount=str(PRICE + EXCESS), currency="usd", customer=customer, **named)
    return customer, made["id"]


def order(name: str) -> RefundOrder:
    return RefundOrder(name, "charge", Money(EXCESS, "USD"), f"remedy:stripe:{name}:1", f"remedy:stripe:{name}")


def test_it_is_a_provider_that_pays_twice_under_one_key(local_shop: Shop, local: Line) -> None:
    _, name = charge(local)
    for _ in range(2):
        assert isinstance(local_shop.gateway.refund(order(name)), Done)
    assert len(local.refunds(name)) == 2
    looked = local_shop.gateway.look(name, "charge")
    assert isinstance(looked, Look)
    assert len([fact for fact in looked.facts if isinstance(fact, Refund)]) == 2


def test_the_executor_pays_each_member_once_all_the_same(local_shop: Shop, local: Line) -> None:
    made = [charge(local) for _ in range(6)]
    keys = [local_shop.overcharge(*one) for one in made]
    assert set(local_shop.states().values()) == {"queued"}
    local.script.extend(["lost", "", "cut", "lost", "", "lost"])
    local_shop.rest()
    assert local_shop.states() == dict.fromkeys(keys, "settled")
    told = [local.refunds(name) for _, name in made]
    assert [[(one["amount"], one["metadata"]) for one in each] for each in told] == [
        [(EXCESS, {"makegood_remedy": key})] for key in keys
    ]
    assert len(local.posts) == 7
