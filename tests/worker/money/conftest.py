"""A house in live mode with one bank behind both providers, on each database. The database is made once a file and
emptied for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker import world as w
from tests.worker.conftest import Clock, put_together
from tests.worker.money.bank import Bank, open_bank
from tests.worker.money.house import House, live_settings
from tests.worker.schemas import Schemas
from worker.runtime import Runtime


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def money_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("money")
        return f"sqlite:///{folder / 'makegood.db'}"
    url: str = request.getfixturevalue("module_postgres_url")
    return url


@pytest.fixture(scope="module")
def money_runtime(money_url: str, schemas: Schemas) -> Iterator[Runtime]:
    schemas.put(money_url)
    made = put_together(live_settings(money_url), Clock())
    yield made
    made.close()


@pytest.fixture(scope="module")
def doors() -> Iterator[Bank]:
    """The two addresses, opened once a file."""
    with open_bank(Clock()) as opened:
        yield opened


@pytest.fixture
def house(money_runtime: Runtime, doors: Bank, clock: Clock) -> House:
    w.wipe(money_runtime)
    doors.reset(clock)
    return House(money_runtime, doors, clock)
