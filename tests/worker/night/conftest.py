"""A small world on the eve of a night, with a folder for its report and a chat that listens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.worker.alerts.endpoints import Chat, chat
from tests.worker.night.eve import deliver_all
from tests.worker.world import plain_inboxes
from worker.runtime import Runtime


@pytest.fixture
def slack() -> Iterator[Chat]:
    with chat() as kept:
        yield kept


@pytest.fixture
def quiet(runtime: Runtime, slack: Chat, tmp_path: Path) -> Runtime:
    """The product with a chat and a folder for reports, and nothing in it."""
    told = {"alert_urls": (SecretStr(slack.url),), "report_dir": tmp_path / "reports"}
    return plain_inboxes(replace(runtime, settings=runtime.settings.model_copy(update=told)))


@pytest.fixture
def eve(quiet: Runtime) -> Runtime:
    """The same with memberships, and with deliveries that wait to be handled."""
    deliver_all(quiet)
    return quiet
