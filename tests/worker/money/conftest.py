"""A house in live mode with one bank behind both providers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from tests.worker.conftest import Clock
from tests.worker.money.bank import Bank, open_bank
from tests.worker.money.house import House
from worker.runtime import Runtime


@pytest.fixture
def bank(clock: Clock) -> Iterator[Bank]:
    with open_bank(clock) as opened:
        yield opened


@pytest.fixture
def house(runtime: Runtime, bank: Bank, clock: Clock) -> House:
    """Sends at once: no cooling, no breaker, no retry that takes long."""
    settings = runtime.settings.model_copy(
        update={
            "mode": "live",
            "cooling_hours": 0.0,
            "breaker_percent": 100,
            "stripe_api_key": SecretStr("sk_live_made_up_for_tests"),
            "paypal_client_id": SecretStr("client"),
            "paypal_client_secret": SecretStr("secret"),
            "stripe_api_base": bank.urls["stripe"],
            "paypal_api_base": bank.urls["paypal"],
        }
    )
    return House(replace(runtime, settings=settings), bank, clock)
