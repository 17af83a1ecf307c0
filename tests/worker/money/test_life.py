"""The life of a remedy, from the queue to the member's account."""

from __future__ import annotations

import pytest

from tests.worker.money.house import EXCESS, House


@pytest.mark.parametrize("provider", ["stripe", "paypal"])
def test_a_queued_remedy_is_refunded_once_and_settled(house: House, provider: str) -> None:
    key = house.overcharge(provider=provider)
    assert house.state(key) == "queued"
    assert house.issue().words == {"settled": 1}
    assert house.state(key) == "settled"
    assert house.issue().due == 0
    charge = key.rpartition(":")[2]
    assert [(one.minor, one.mark) for one in house.bank.of(charge)] == [(EXCESS, key)]
    assert house.bank.posts == [f"{key}:1"]
