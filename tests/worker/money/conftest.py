"""A house in live mode with one bank behind both providers, on each database. The database is made once a file and
emptied for each test."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import policies
from config.settings import Settings
from tests.worker import world as w
from tests.worker.conftest import MASTER_KEY, Clock, unsynced
from tests.worker.money.bank import Bank
from tests.worker.money.doors import open_bank
from tests.worker.money.house import House
from tests.worker.schemas import Schemas
from worker.crypt import Keyring
from worker.engine import make_engine
from worker.runtime import Runtime, inboxes, rules


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def money_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("money")
        return f"sqlite:///{folder / 'makegood.db'}"
    url: str = request.getfixturevalue("module_postgres_url")
    return url


@pytest.fixture(scope="module")
def money_runtime(money_url: str, schemas: Schemas) -> Iterator[Runtime]:
    """Sends at once: no cooling and no breaker."""
    settings = Settings.model_validate(
        {
            "database_url": money_url,
            "encryption_keys": base64.b64encode(MASTER_KEY).decode(),
            "mode": "live",
            "cooling_hours": 0,
            "breaker_percent": 100,
            "stripe_api_key": "sk_live_made_up_for_tests",
            "paypal_client_id": "client",
            "paypal_client_secret": "secret",
        }
    )
    schemas.put(money_url)
    engine = unsynced(make_engine(money_url))
    made = Runtime(
        settings, engine, Keyring((MASTER_KEY,)), inboxes(settings), rules(settings, policies.load()), Clock()
    )
    made.prepare()
    yield made
    engine.dispose()


@pytest.fixture(scope="module")
def doors() -> Iterator[Bank]:
    """The two addresses, opened once a file."""
    with open_bank(Clock()) as opened:
        yield opened


@pytest.fixture
def house(money_runtime: Runtime, doors: Bank, clock: Clock) -> House:
    w.wipe(money_runtime)
    doors.reset(clock)
    here = House(money_runtime, doors, clock)
    here.start(clock, doors.urls)
    return here
