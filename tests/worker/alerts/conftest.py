"""The endpoints, and a product that knows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from tests.worker.alerts.endpoints import Chat, Mailbox, chat, mailbox
from worker.runtime import Runtime


@pytest.fixture
def slack() -> Iterator[Chat]:
    with chat() as kept:
        yield kept


@pytest.fixture
def post() -> Iterator[Mailbox]:
    with mailbox() as kept:
        yield kept


@pytest.fixture
def telling(runtime: Runtime) -> Callable[..., Runtime]:
    """The same product with these addresses for alerts."""

    def made(*urls: str, **settings: object) -> Runtime:
        told = {"alert_urls": tuple(SecretStr(url) for url in urls), **settings}
        return replace(runtime, settings=runtime.settings.model_copy(update=told))

    return made
