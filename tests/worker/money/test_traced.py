"""From a webhook to the refund call in one log: the delivery leads to the remedy, the remedy to the call."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from config.logging import configure
from reconcile.money import Money
from tests.worker import world as w
from tests.worker.money.house import EXCESS, House
from worker import broker as brokers
from worker.actors import working


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    configure("INFO", out)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_refund_names_the_delivery_and_the_finding_that_caused_it(house: House, stream: io.StringIO) -> None:
    house.runtime = w.plain_inboxes(house.runtime)
    w.take_in(house.runtime, w.row("M-1", w.stripe(), email="canary@example.test"))
    too_much = Money(w.PRICE.minor + EXCESS, "USD")
    house.bank.take("ch_2", too_much.minor, "stripe", customer="cus_1")
    first = w.charge("ch_1", w.START, customer="cus_1", kind="charge")
    second = w.charge("ch_2", w.month(1), too_much, customer="cus_1", kind="charge")
    broker = brokers.make_broker(house.runtime.settings)
    with structlog.contextvars.bound_contextvars(correlation_id="req-123"), working(house.runtime, broker) as actors:
        w.deliver(house.runtime, w.body(first), event_ids=["evt_1"])
        w.deliver(house.runtime, w.body(second), event_ids=["evt_2"])
        actors.ring()
        broker.join("deliveries")
    house.issue()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    by_event = {str(line["event"]): line for line in lines}

    # A worker may find them in one batch or in two.
    told, decided = [line for line in lines if line["event"] == "deliveries_told"], by_event["remedy_decided"]
    handled = {delivery for line in told for delivery in line["deliveries"]}
    (refunded,) = [line for line in lines if line["event"] == "provider_asked"]
    assert {line["correlation_id"] for line in (*told, decided)} == {"req-123"}
    assert len(handled) == 2
    assert (refunded["remedy"], refunded["finding"]) == (decided["remedy"], decided["finding"])
    assert (refunded["charge"], refunded["amount_minor"]) == ("stripe:ch_2", EXCESS)
    assert set(refunded["deliveries"]) <= handled
    assert refunded["deliveries"]
    assert by_event["provider_answered"]["remedy"] == refunded["remedy"] == refunded["correlation_id"]
    assert "canary" not in stream.getvalue()
