"""The sandbox signs as the providers do: the real inboxes believe it, and believe nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from handlers.inbox import ForgedDelivery
from handlers.paypal.certificates import Roots
from handlers.paypal.inbox import PayPalInbox
from handlers.stripe import StripeInbox
from worker.sandbox.deliveries import Delivery, posted
from worker.sandbox.posting import Sender
from worker.sandbox.signing import certificate_host, paypal_signer
from worker.sandbox.stories import world

NOW = datetime(2026, 6, 30, 20, 0, tzinfo=UTC)
SECRET = "whsec_made_up"
WEBHOOK = "WH-SANDBOX-1"


@pytest.fixture(scope="module")
def sender() -> Iterator[Sender]:
    signer = paypal_signer(WEBHOOK, NOW)
    with certificate_host(signer) as cert_url:
        yield Sender("", SECRET, signer, paypal_signer(WEBHOOK, NOW), cert_url, lambda: NOW)


@pytest.fixture(scope="module")
def inboxes(sender: Sender) -> dict[str, StripeInbox | PayPalInbox]:
    paypal = PayPalInbox([WEBHOOK], ["127.0.0.1"], Roots.from_pem(sender.paypal.root_pem))
    return {"stripe": StripeInbox([SECRET]), "paypal": paypal}


@pytest.fixture(scope="module")
def mail() -> list[Delivery]:
    return posted(world(10, 6, 5).told, 5).in_time


def _headers(sender: Sender, delivery: Delivery) -> dict[str, str]:
    return {name.lower(): value for name, value in sender.headers(delivery).items()}


def test_genuine_deliveries_are_believed_and_their_bodies_understood(
    sender: Sender, inboxes: dict[str, StripeInbox | PayPalInbox], mail: list[Delivery]
) -> None:
    for delivery in mail:
        if not delivery.forged:
            inbox = inboxes[delivery.provider]
            assert inbox.authenticate(_headers(sender, delivery), delivery.body, NOW).event_id
            inbox.translate(delivery.body)
    assert {delivery.provider for delivery in mail if not delivery.forged} == {"stripe", "paypal"}


@pytest.mark.parametrize("provider", ["stripe", "paypal"])
def test_one_changed_byte_is_refused(
    sender: Sender, inboxes: dict[str, StripeInbox | PayPalInbox], mail: list[Delivery], provider: str
) -> None:
    delivery = next(one for one in mail if one.provider == provider and not one.forged)
    changed = delivery.body[:-2] + b" " + delivery.body[-1:]
    with pytest.raises(ForgedDelivery):
        inboxes[provider].authenticate(_headers(sender, delivery), changed, NOW)


@pytest.mark.parametrize("provider", ["stripe", "paypal"])
def test_a_strangers_signature_is_refused(
    sender: Sender, inboxes: dict[str, StripeInbox | PayPalInbox], mail: list[Delivery], provider: str
) -> None:
    genuine = next(one for one in mail if one.provider == provider and not one.forged)
    forged = Delivery(provider, genuine.body, genuine.transmission, forged=True)
    with pytest.raises(ForgedDelivery):
        inboxes[provider].authenticate(_headers(sender, forged), forged.body, NOW)
