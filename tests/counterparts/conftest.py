"""The two counterparts, and the product in live mode on one of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.counterparts.installing import localstripe, running, stateful_mock
from tests.counterparts.line import Line, line_to
from tests.counterparts.shop import Shop, open_shop
from tests.watched import free_port

# They install what is not ours over the network and are slow: only who asks for them runs them.
collect_ignore_glob = [] if os.environ.get("COUNTERPARTS") else ["test_*.py"]


@pytest.fixture(scope="session")
def mock_upstream() -> Iterator[str]:
    port = free_port()
    with running(stateful_mock(), port, {"PORT": str(port), "LOG_LEVEL": "silent"}) as base:
        yield base


@pytest.fixture(scope="session")
def local_upstream() -> Iterator[str]:
    port = free_port()
    with running(localstripe(port), port, {}) as base:
        yield base


@pytest.fixture
def mock(mock_upstream: str) -> Iterator[Line]:
    # It shows single disputes and has no list of them.
    with line_to(mock_upstream) as line:
        yield line


@pytest.fixture
def local(local_upstream: str) -> Iterator[Line]:
    # localstripe refuses the reason of a refund, which Stripe has always taken, and knows nothing of disputes.
    with line_to(local_upstream, without=["reason"], empty=["/v1/disputes"]) as line:
        yield line


@pytest.fixture
def mock_shop(mock: Line, tmp_path: Path) -> Iterator[Shop]:
    with open_shop(mock, tmp_path) as shop:
        yield shop


@pytest.fixture
def local_shop(local: Line, tmp_path: Path) -> Iterator[Shop]:
    with open_shop(local, tmp_path) as shop:
        yield shop
