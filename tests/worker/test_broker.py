"""The doorbell, over a real Redis server and in process."""

from __future__ import annotations

import threading

import dramatiq
import pytest

from config.settings import Settings
from worker.broker import close, in_process, make_broker, reachable, start_worker


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
        close(broker)


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
        close(broker)
    assert tried == [1, 2]


@pytest.mark.parametrize(("url", "answers"), [("memory://", True), ("redis://127.0.0.1:1/0", False)])
def test_reachable(url: str, answers: bool) -> None:
    broker = make_broker(Settings(broker_url=url))
    assert reachable(broker) is answers
    close(broker)


def test_redis_is_reachable_and_not_in_process(redis_url: str) -> None:
    broker = make_broker(Settings(broker_url=redis_url))
    assert reachable(broker)
    assert not in_process(broker)
    assert in_process(make_broker(Settings()))
    close(broker)
