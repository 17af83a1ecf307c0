"""The console on a small world: a few members with something wrong, on a server of its own. The world is made once a
database and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.settings import Settings
from reconcile.facts import Fact
from reconcile.money import Money
from tests.worker import world as w
from tests.worker.conftest import ENCRYPTION_KEYS, Clock, put_together
from tests.worker.console.visitor import Visitor
from tests.worker.schemas import Schemas
from worker.judging import judge_changed
from worker.runtime import Runtime
from worker.store.facts import store_facts
from worker.store.roster import RosterRow
from worker.web.app import create_app
from worker.web.console.routes import routes
from worker.web.serve import serving

NOW = datetime(2026, 3, 20, 17, 0, tzinfo=UTC)

LARGE = "remedy:stripe:ch_large"  # 300.00, above what one may send unseen
SMALL = "remedy:stripe:ch_twice"  # 99.00, ready to go out
DISPUTED = "remedy:stripe:ch_disputed"
NAME, EMAIL = "Zoë <b>Example</b>", "zoe.example@example.org"


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory, schemas: Schemas) -> Path:
    """The world's database: M-1 was charged twice, M-2 far too much, M-3 twice and disputes it, M-4 as agreed; one
    charge is nobody's."""
    file = tmp_path_factory.mktemp("console") / "made.db"
    schemas.put(f"sqlite:///{file}")
    made = _runtime(file, Clock(NOW))
    rows = [w.row(f"M-{n}", w.stripe(n)) for n in range(1, 5)]
    rows[1] = RosterRow(rows[1].membership, {"name": NAME, "email": EMAIL, "country": "US"})
    w.take_in(made, *rows)
    with made.engine.begin() as conn:
        store_facts(conn, made.keyring, w.told(*_facts()))
    judge_changed(made)
    made.close()
    return file


def _facts() -> list[Fact]:
    told: list[Fact] = [
        w.charge(f"ch_{n}_{month}", w.month(month), customer=f"cus_{n}", kind="charge")
        for n in range(1, 5)
        for month in range(3)
        if (n, month) != (2, 2)
    ]
    told.append(w.charge("ch_twice", w.later(w.month(2), 1), customer="cus_1", kind="charge"))
    told.append(w.charge("ch_large", w.month(2), Money(39900, "USD"), customer="cus_2", kind="charge"))
    third = w.charge("ch_disputed", w.later(w.month(2), 1), customer="cus_3", kind="charge")
    told += [third, w.dispute("dp_1", w.later(w.month(2), 3), third)]
    told.append(w.charge("ch_nobodys", w.month(2), Money(4200, "USD"), customer="cus_unknown", kind="charge"))
    return told


def _runtime(file: Path, clock: Clock) -> Runtime:
    settings = Settings.model_validate(
        {
            "database_url": f"sqlite:///{file}",
            "encryption_keys": ENCRYPTION_KEYS,
            "report_dir": file.parent / "reports",
        }
    )
    return put_together(settings, clock)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def world(made: Path, tmp_path: Path, clock: Clock) -> Iterator[Runtime]:
    """A copy of the world for one test."""
    shutil.copy(made, tmp_path / "makegood.db")
    copied = _runtime(tmp_path / "makegood.db", clock)
    yield copied
    copied.close()


@pytest.fixture
def base(world: Runtime) -> Iterator[str]:
    with serving(create_app(world, routes=routes(world))) as address:
        yield address


@pytest.fixture
def come(base: str, world: Runtime) -> Iterator[Callable[..., Visitor]]:
    """Somebody with these roles, at the console."""
    here: list[Visitor] = []

    def somebody(*roles: str, name: str = "") -> Visitor:
        here.append(Visitor(base, world, *roles, name=name))
        return here[-1]

    yield somebody
    for visitor in here:
        visitor.client.close()


Come = Callable[..., Visitor]
