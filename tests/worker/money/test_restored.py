"""A database put back to before a refund was made: the refund is found at the provider, and never paid twice."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from tests import servers
from tests.servers import PostgresServer
from tests.worker.money.house import EXCESS, House
from worker.engine import at_head, copy_to, make_engine


@pytest.mark.parametrize("provider", ["stripe", "paypal"])
def test_a_restored_database_does_not_pay_again(
    house: House, tmp_path: Path, postgres_server: PostgresServer, money_url: str, provider: str
) -> None:
    key = house.overcharge(provider=provider)
    if house.runtime.settings.is_sqlite:
        copy_to(house.runtime.engine, tmp_path / "copy.db")
        restored = make_engine(f"sqlite:///{tmp_path / 'copy.db'}")
        assert (tmp_path / "copy.db").stat().st_mode & 0o077 == 0
    else:
        restored = _dumped_and_restored(money_url, postgres_server, tmp_path / "makegood.dump")
    house.rest()
    assert house.state(key) == "settled"
    paid = [(one.id, one.mark, one.minor) for one in house.bank.made]
    assert [minor for _, _, minor in paid] == [EXCESS]

    house.runtime = replace(house.runtime, engine=restored)
    try:
        assert at_head(restored)
        assert house.state(key) == "queued"
        house.rest()
        assert [(one.id, one.mark, one.minor) for one in house.bank.made] == paid
        assert house.state(key) != "queued"
    finally:
        restored.dispose()


def _dumped_and_restored(url: str, server: PostgresServer, file: Path) -> Engine:
    """As the runbook says, with the programs that come with the server."""
    plain = make_url(url).set(drivername="postgresql")
    said = plain.render_as_string(hide_password=False)
    programs = servers.programs()
    name = server.create_database()
    empty = plain.set(database=name).render_as_string(hide_password=False)
    dump = [str(programs / "pg_dump"), "--format=custom", f"--file={file}", said]
    restore = [str(programs / "pg_restore"), "--clean", "--if-exists", f"--dbname={empty}", str(file)]
    for argv in (dump, restore):
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return make_engine(server.url(name))
