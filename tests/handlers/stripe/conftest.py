"""A fresh Stripe for each test, and the gateway to it."""

from collections.abc import Iterator

import pytest

from handlers.stripe.gateway import StripeGateway
from tests.handlers.stripe.fake import KEY, World, fake_stripe


@pytest.fixture
def world() -> Iterator[World]:
    with fake_stripe() as world:
        yield world


@pytest.fixture
def gateway(world: World) -> Iterator[StripeGateway]:
    gateway = StripeGateway(KEY, world.url, timeout_s=0.5)
    yield gateway
    gateway.close()
