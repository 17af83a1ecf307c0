"""What webhooks missed is told by Stripe's lists in the same words, page by page, and nothing in a list blocks it."""

from collections.abc import Iterator

import pytest

from handlers.gateway import NoCredential, Refused, Uncertain
from handlers.stripe import facts_of
from handlers.stripe.listing import Listed, StripeListing
from reconcile.facts import Charge, Fact
from reconcile.tellings import merge
from tests.handlers.stripe.bodies import (
    CREATED,
    at,
    charge,
    dispute,
    invoice_payment,
    new_invoice,
    refund,
    subscription,
)
from tests.handlers.stripe.fake import KEY, Reply, World, error, said

SINCE, UNTIL = at(CREATED), at(CREATED + 86_400)


@pytest.fixture
def listing(world: World) -> Iterator[StripeListing]:
    listing = StripeListing(KEY, world.url, timeout_s=0.5)
    yield listing
    listing.close()


def page(*items: object, more: bool = False) -> Reply:
    return said(200, {"object": "list", "data": items, "has_more": more})


def all_facts(listing: StripeListing) -> list[Fact]:
    facts: list[Fact] = []
    cursor: str | None = None
    while True:
        listed = listing.list_since(SINCE, UNTIL, cursor)
        assert isinstance(listed, Listed)
        facts += listed.facts
        if listed.cursor is None:
            return facts
        cursor = listed.cursor


def test_every_list_is_read_to_its_end(listing: StripeListing, world: World) -> None:
    invoice = new_invoice(payments={"data": [invoice_payment()]})
    world.first.extend(
        [
            page(charge(), more=True),
            page(charge(id="ch_2")),
            page(refund()),
            page(dispute()),
            page(invoice),
            page(subscription()),
        ]
    )
    refs = [fact.ref.id for fact in all_facts(listing)]
    assert refs == ["ch_1", "ch_2", "re_1", "dp_1", "in_1", "inpay_1", "sub_1"]
    assert world.asked[1].params["starting_after"] == "ch_1"


def test_the_lists_are_asked_for_the_time_and_invoices_for_longer(listing: StripeListing, world: World) -> None:
    world.first.extend([page()] * 5)
    assert all_facts(listing) == []
    charges, refunds, disputes, invoices, subscriptions = (asked.params for asked in world.asked)
    made = {"created[gte]": str(CREATED), "created[lt]": str(CREATED + 86_400), "limit": "100"}
    # Only so does a charge say what Stripe kept of it.
    assert charges == made | {"expand[0]": "data.balance_transaction"}
    assert refunds == disputes == made
    # An invoice of up to 40 days before may have been paid in the time asked for.
    assert int(invoices["created[gte]"]) == CREATED - 40 * 86_400
    assert invoices["expand[0]"] == "data.payments"
    assert subscriptions == {"limit": "100", "status": "all"}


def test_a_listed_object_and_its_webhook_are_one_fact(listing: StripeListing, world: World) -> None:
    world.first.append(page(charge(amount_refunded=2500)))
    listed = listing.list_since(SINCE, UNTIL, None)
    assert isinstance(listed, Listed)
    (webhook,), (told,) = facts_of(charge(), at(CREATED)), listed.facts
    assert isinstance(webhook, Charge)
    assert isinstance(told, Charge)
    # The list was read later, and so it is right.
    assert merge([told, webhook]) == told


def test_an_object_that_cannot_be_read_does_not_hold_up_the_others(listing: StripeListing, world: World) -> None:
    world.first.append(page(charge(currency="zzz"), charge(id="ch_2")))
    listed = listing.list_since(SINCE, UNTIL, None)
    assert isinstance(listed, Listed)
    assert [fact.ref.id for fact in listed.facts] == ["ch_2"]
    assert listed.unreadable == ("charges: the currency ZZZ is not known",)


def test_a_list_that_fails_is_a_value(listing: StripeListing, world: World) -> None:
    for reply in (error(500), Reply(200, b"{}")):
        world.first.append(reply)
        assert isinstance(listing.list_since(SINCE, UNTIL, None), Uncertain)
    for reply in (error(400, code="parameter_unknown"), error(404)):
        world.first.append(reply)
        assert isinstance(listing.list_since(SINCE, UNTIL, None), Refused)
    world.first.append(error(403))
    assert isinstance(listing.list_since(SINCE, UNTIL, None), NoCredential)


def test_a_cursor_that_is_not_ours_is_an_error(listing: StripeListing) -> None:
    with pytest.raises(ValueError, match="cursor"):
        listing.list_since(SINCE, UNTIL, "payouts:po_1")
