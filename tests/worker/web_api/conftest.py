"""The API on both databases; each is made once for all tests of a process, and emptied for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import PostgresServer
from tests.worker import world
from tests.worker.schemas import Schemas
from tests.worker.web_api.stands import NOW, Api, Stand, fill, standing


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def stand(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, schemas: Schemas
) -> Iterator[Stand]:
    url = f"sqlite:///{tmp_path_factory.mktemp('api') / 'makegood.db'}"
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.url(server.create_database())
    schemas.put(url)
    with standing(url) as stand:
        yield stand


@pytest.fixture
def called(stand: Stand) -> Iterator[Api]:
    world.wipe(stand.runtime)
    stand.clock.now = NOW
    fill(stand.runtime)
    client = Api(stand.base, stand.runtime)
    yield client
    client.http.close()
