"""stripe-stateful-mock, whose own tests are run against Stripe itself: its keys, its refusals, and the whole way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers.gateway import Done, Look, RefundOrder, Refusal, Refused, Uncertain
from handlers.stripe.gateway import StripeGateway
from reconcile.facts import Refund, RefundState
from reconcile.money import Money
from tests.counterparts.line import Line
from tests.counterparts.shop import EXCESS, PRICE, Shop, member_of

pytestmark = pytest.mark.timeout(400)  # the first one installs it


def charge(line: Line, source: str = "tok_visa") -> tuple[str, str]:
    """A customer, and a charge of theirs that is too much."""
    customer = line.post("customers", source=source)["id"]
    named = {"metadata[membership]": member_of(customer)}
    made = line.post("charges", amount=str(PRICE + EXCESS), currency="usd", customer=customer, **named)
    return customer, made["id"]


def order(name: str, minor: int = EXCESS, generation: int = 1) -> RefundOrder:
    remedy = f"remedy:stripe:{name}"
    return RefundOrder(name, "charge", Money(minor, "USD"), f"{remedy}:{generation}", remedy)


def test_a_refund_its_replay_and_its_look(mock_shop: Shop, mock: Line) -> None:
    _, name = charge(mock)
    done, again = mock_shop.gateway.refund(order(name)), mock_shop.gateway.refund(order(name))
    assert isinstance(done, Done)
    assert isinstance(again, Done)
    assert isinstance(done.fact, Refund)
    assert isinstance(again.fact, Refund)
    assert (again.fact.ref, done.fact.state) == (done.fact.ref, RefundState.SETTLED)
    looked = mock_shop.gateway.look(name, "charge")
    assert isinstance(looked, Look)
    assert [fact.remedy for fact in looked.facts if isinstance(fact, Refund)] == [order(name).remedy]
    assert len(mock.refunds(name)) == 1


def test_an_answer_that_was_lost_is_replayed(mock_shop: Shop, mock: Line) -> None:
    _, name = charge(mock)
    mock.script.append("lost")
    assert isinstance(mock_shop.gateway.refund(order(name)), Uncertain)
    assert isinstance(mock_shop.gateway.refund(order(name)), Done)
    assert len(mock.refunds(name)) == 1


def test_its_refusals_are_understood(mock_shop: Shop, mock: Line) -> None:
    gateway: StripeGateway = mock_shop.gateway
    _, name = charge(mock)
    _, disputed = charge(mock, "tok_createDispute")
    gateway.refund(order(name))
    other = replace(order(name), amount=Money(EXCESS + 1, "USD"))
    for asked, refusal in (
        (other, Refusal.KEY_REUSED),
        (order(name, PRICE + 1, 2), Refusal.EXCEEDS_CHARGE),
        (order(disputed), Refusal.DISPUTED),
        (order("ch_nobody"), Refusal.NOT_FOUND),
    ):
        answer = gateway.refund(asked)
        assert isinstance(answer, Refused), answer
        assert answer.refusal is refusal, answer
    assert isinstance(gateway.refund(order(name, PRICE, 3)), Done)
    gone = gateway.refund(order(name, 1, 4))
    assert isinstance(gone, Refused)
    assert gone.refusal is Refusal.ALREADY_REFUNDED


def test_the_executor_pays_each_member_once_whatever_is_lost(mock_shop: Shop, mock: Line) -> None:
    made = [charge(mock) for _ in range(6)]
    keys = [mock_shop.overcharge(*one) for one in made]
    assert set(mock_shop.states().values()) == {"queued"}
    mock.script.extend(["", "lost", "cut", "", "lost", ""])
    mock_shop.rest()
    assert mock_shop.states() == dict.fromkeys(keys, "settled")
    told = [mock.refunds(name) for _, name in made]
    assert [[(one["amount"], one["metadata"]) for one in each] for each in told] == [
        [(EXCESS, {"makegood_remedy": key})] for key in keys
    ]
    assert len(mock.posts) == 7  # only what never arrived was sent again


def test_what_a_person_refunded_meanwhile_is_not_refunded_again(mock_shop: Shop, mock: Line) -> None:
    customer, name = charge(mock)
    key = mock_shop.overcharge(customer, name)
    assert mock_shop.states() == {key: "queued"}
    mock.post("refunds", charge=name, amount=str(EXCESS))
    mock_shop.rest()
    assert mock_shop.states().get(key) != "queued"  # what people gave back leaves nothing to remedy
    assert [one["amount"] for one in mock.refunds(name)] == [EXCESS]
    assert mock.posts == []


def test_a_disputed_charge_is_held(mock_shop: Shop, mock: Line) -> None:
    customer, name = charge(mock, "tok_createDispute")
    key = mock_shop.overcharge(customer, name)
    mock_shop.rest()
    assert mock.refunds(name) == []
    assert mock_shop.states() == {key: "held"}
