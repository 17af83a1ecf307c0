"""The doorbell, over a real Redis server and in process."""

from __future__ import annotations

import threading

import dramatiq
import pytest

from config.settings import Settings
from worker.broker import in_process, make_broker, reachable, start_worker


@pytest.fixture(params=["memory", "redis"])
def broker(request: pytest.FixtureRequest) -> dramatiq.Broker:
    url = "memory://" if request.param == "memory" else request.getfixturevalue("redis_url")
    return make_broker(Settings(broker_url=url))


def test_a_ring_is_heard(broker: dramatiq.Broker) -> None:
    heard = threading.Event()

    @dramatiq.actor(broker=broker, queue_name="doorbell")
    def bell() -> None:
        heard.set()

    worker = start_worker(broker, threads=1)
    try:
        bell.send()
        assert heard.wait(20)
    finally:
        worker.stop()
        broker.close()


def test_a_failed_one_is_not_tried_again_and_stops_nobody(broker: dramatiq.Broker) -> None:
    tried: list[int] = []
    done = threading.Event()

    @dramatiq.actor(broker=broker, queue_name="handling")
    def handle(n: int) -> None:
        tried.append(n)
        if n == 1:
            raise ValueError
        done.set()

    worker = start_worker(broker, threads=1, queues={"handling"})
    try:
        handle.send(1)
        handle.send(2)
        assert done.wait(20)
    finally:
        worker.stop()
        broker.close()
    assert tried == [1, 2]


def test_reachable(redis_url: str) -> None:
    assert reachable(make_broker(Settings(broker_url="memory://")))
    assert reachable(make_broker(Settings(broker_url=redis_url)))
    assert not reachable(make_broker(Settings(broker_url="redis://127.0.0.1:1/0")))


def test_where_messages_go(redis_url: str) -> None:
    assert in_process(make_broker(Settings()))
    assert not in_process(make_broker(Settings(broker_url=redis_url)))
