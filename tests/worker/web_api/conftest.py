"""The API on both databases; each is made once for all tests of a process, and emptied for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import PostgresServer
from tests.worker import world
from tests.worker.web_api.stands import NOW, Api, Stand, fill, standing


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def stand(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    if request.param == "sqlite":
        with standing(f"sqlite:///{tmp_path_factory.mktemp('api') / 'makegood.db'}") as stand:
            yield stand
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create_database()
    with standing(server.url(name)) as stand:
        yield stand
    server.drop_database(name)


@pytest.fixture
def called(stand: Stand) -> Iterator[Api]:
    world.wipe(stand.runtime)
    stand.clock.now = NOW
    fill(stand.runtime)
    client = Api(stand.base, stand.runtime)
    yield client
    client.http.close()
