"""What every test may use: real servers, empty databases, the shared samples; and no network beyond this machine."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import network, servers
from tests.servers import PostgresServer

ROOT = Path(__file__).resolve().parent.parent

# Dates are computed in the zones that the code names, never in the zone of the machine.
os.environ["TZ"] = "UTC"
time.tzset()

# `ci` draws the same examples each time: a red build is then about the change, not about the dice. `soak` is for
# looking: `HYPOTHESIS_PROFILE=soak ./run test` draws new ones, and many. No time limit an example in either, for two
# busy cores make anything slow now and then; and no example database, which would make runs depend on earlier ones.
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("soak", settings.get_profile("ci"), derandomize=False, max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# Settings of the person who runs the tests would change what is tested.
for _name in [name for name in os.environ if name.startswith("MAKEGOOD_")]:
    del os.environ[_name]

network.close()


@pytest.fixture(autouse=True)
def _no_network() -> Iterator[None]:
    """A test that reached for the network fails, even if the code under test swallowed the error."""
    network.attempts.clear()
    yield
    if network.attempts:
        pytest.fail(f"reached beyond this machine: {network.attempts}")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real Postgres, one for each test process."""
    with servers.postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Valkey (it speaks the Redis protocol), one for each test process."""
    with servers.valkey() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A fresh empty Postgres database for one test."""
    yield from _fresh_database(postgres_server)


@pytest.fixture(scope="module")
def module_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A fresh empty Postgres database for the tests of one file."""
    yield from _fresh_database(postgres_server)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'makegood.db'}"


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The providers' sample payloads and specifications, which lie beside the checkout and not inside it."""
    shared = ROOT.parent / "shared"
    if not shared.is_dir():
        pytest.skip(f"{shared} is not there: it is laid beside the checkout, not kept in it")
    return shared


def _fresh_database(server: PostgresServer) -> Iterator[str]:
    name = server.create_database()
    yield server.url(name)
    server.drop_database(name)
