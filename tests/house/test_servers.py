"""The servers that the other tests stand on keep their own promises."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy import create_engine, text

from tests import servers
from tests.conftest import ROOT
from tests.servers import PostgresServer
from tests.watched import ServerDidNotStartError


def test_postgres_is_the_real_one_with_one_order_of_text_on_every_machine(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        version = connection.scalar(text("SHOW server_version_num"))
        ordered = connection.scalars(
            text("SELECT name FROM (VALUES ('b'), ('B'), ('a')) AS t(name) ORDER BY name")
        ).all()
    engine.dispose()

    assert int(version) >= 170000
    assert ordered == ["B", "a", "b"]


def test_a_database_made_from_a_template_starts_with_what_the_template_holds(postgres_server: PostgresServer) -> None:
    template = postgres_server.create_database()
    with psycopg.connect(postgres_server.url(template).replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE fact AS SELECT 42 AS answer")
    copy = postgres_server.create_database(template)
    with psycopg.connect(postgres_server.url(copy).replace("+psycopg", ""), autocommit=True) as connection:
        assert connection.execute("SELECT answer FROM fact").fetchone() == (42,)
        # Dropped while somebody is connected.
        postgres_server.drop_database(copy)
    postgres_server.drop_database(template)


def test_the_broker_runs_scripts_and_forgets_nothing_under_pressure(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        assert client.eval("return redis.call('INCRBY', KEYS[1], 2)", 1, "house:counter") == 2
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        client.delete("house:counter")


def test_the_servers_end_and_leave_nothing_even_if_the_tests_are_killed() -> None:
    holder = (
        "import time; from tests import servers\n"
        "with servers.valkey() as url:\n"
        "    print(url, flush=True); time.sleep(60)\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "TEST_REDIS_URL"}
    with subprocess.Popen(
        [sys.executable, "-c", holder], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as process:
        assert process.stdout is not None
        with redis.Redis.from_url(process.stdout.readline().strip(), decode_responses=True) as client:
            folder = Path(client.config_get("dir")["dir"])
            process.send_signal(signal.SIGKILL)
            deadline = time.monotonic() + 20
            while folder.exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            assert not folder.exists()
            with pytest.raises(redis.ConnectionError):
                client.ping()


def test_a_server_that_cannot_start_fails_with_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = tmp_path / "valkey-server"
    refusing.write_text("#!/bin/sh\necho 'no memory for you' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.delenv("TEST_REDIS_URL", raising=False)
    monkeypatch.setattr(servers, "_valkey_binary", lambda: refusing)

    with pytest.raises(ServerDidNotStartError, match="no memory for you"), servers.valkey():
        pass
