"""What the worker's tests share: each test that takes `engine` or `runtime` runs on SQLite and on Postgres."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, event, make_url

from config import policies
from config.settings import Settings
from tests.worker.schemas import Schemas
from worker.crypt import Keyring
from worker.engine import make_engine
from worker.runtime import Runtime, build, inboxes, rules

STRIPE_SECRET = "whsec_made_up_for_the_tests"
PAYPAL_WEBHOOK_ID = "8PT597110X687430LKGECATA"
MASTER_KEY = bytes(range(32))
ENCRYPTION_KEYS = base64.b64encode(MASTER_KEY).decode()  # as the setting takes it


@dataclass
class Clock:
    """A clock that stands still until a test moves it."""

    now: datetime = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


def put_together(settings: Settings, clock: Callable[[], datetime]) -> Runtime:
    """The whole product on a database at the head of the schema."""
    built = build(settings, clock=clock)
    unsynced(built.engine).dispose()
    return built


def unsynced(engine: Engine) -> Engine:
    """The same engine; on SQLite it does not wait for the disk. Only a machine without power would tell."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda conn, _: conn.execute("PRAGMA synchronous=OFF"))
    return engine


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a fresh, empty database: once of each kind. For `engine` Postgres has one at the head already."""
    if request.param == "postgres" and "engine" in request.fixturenames:
        schemas: Schemas = request.getfixturevalue("schemas")
        return schemas.emptied()
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def empty_engine(database_url: str) -> Iterator[Engine]:
    """An engine on a database without any table."""
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def schemas(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Schemas:
    return Schemas(lambda: request.getfixturevalue("postgres_server"), tmp_path_factory.mktemp("schema"))


@pytest.fixture
def engine(database_url: str, schemas: Schemas) -> Iterator[Engine]:
    """An engine on a database at the head of the schema."""
    if make_url(database_url).get_backend_name() == "sqlite":
        schemas.put(database_url)
    engine = unsynced(make_engine(database_url))
    yield engine
    engine.dispose()


@pytest.fixture
def keyring() -> Keyring:
    """A keyring of one made-up key. Call `ready(engine)` before `email_key`."""
    return Keyring((MASTER_KEY,))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Settings with made-up webhook secrets for both providers."""
    return Settings(
        database_url=database_url,
        encryption_keys=(SecretStr(ENCRYPTION_KEYS),),
        stripe_webhook_secrets=(SecretStr(STRIPE_SECRET),),
        paypal_webhook_id=SecretStr(PAYPAL_WEBHOOK_ID),
    )


@pytest.fixture
def runtime(settings: Settings, engine: Engine, keyring: Keyring, clock: Callable[[], datetime]) -> Runtime:
    """The whole product on a migrated database, its clock in the test's hand."""
    made = Runtime(
        settings=settings,
        engine=engine,
        keyring=keyring,
        inboxes=inboxes(settings),
        rules=rules(settings, policies.load()),
        clock=clock,
    )
    made.prepare()
    return made
