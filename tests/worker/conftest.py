"""What the worker's tests share: each test that takes `engine` or `runtime` runs on SQLite and on Postgres."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, event, make_url

from config import policies
from config.settings import Settings
from tests.servers import PostgresServer
from worker.crypt import Keyring
from worker.engine import make_engine, migrate
from worker.runtime import Runtime, inboxes, rules

STRIPE_SECRET = "whsec_made_up_for_the_tests"
PAYPAL_WEBHOOK_ID = "8PT597110X687430LKGECATA"
MASTER_KEY = bytes(range(32))


@dataclass
class Clock:
    """A clock that stands still until a test moves it."""

    now: datetime = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


def unsynced(engine: Engine) -> Engine:
    """The same engine; on SQLite it does not wait for the disk. Only a machine without power would tell."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda conn, _: conn.execute("PRAGMA synchronous=OFF"))
    return engine


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a fresh, empty database: once of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def empty_engine(database_url: str) -> Iterator[Engine]:
    """An engine on a database without any table."""
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def put_schema(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], None]:
    """Puts the head of the schema into an empty database. What `migrate` does is done once of each kind and copied
    then, which takes a quarter of its time."""

    @cache
    def sqlite() -> Path:
        file = tmp_path_factory.mktemp("schema") / "makegood.db"
        _migrated(f"sqlite:///{file}")
        return file

    @cache
    def postgres() -> tuple[PostgresServer, str]:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        name = server.create_database()
        _migrated(server.url(name))
        return server, name

    def put(address: str) -> None:
        url = make_url(address)
        assert url.database is not None
        if url.get_backend_name() == "sqlite":
            shutil.copyfile(sqlite(), url.database)
        else:
            server, template = postgres()
            server.drop_database(url.database)
            server.create_database(template, url.database)

    return put


def _migrated(address: str) -> None:
    engine = make_engine(address)
    migrate(engine)
    engine.dispose()


@pytest.fixture
def engine(database_url: str, put_schema: Callable[[str], None]) -> Iterator[Engine]:
    """An engine on a database at the head of the schema."""
    put_schema(database_url)
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
        encryption_keys=(SecretStr(base64.b64encode(MASTER_KEY).decode()),),
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
