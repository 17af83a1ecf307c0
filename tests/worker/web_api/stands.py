"""The API on a database with something to show: one member, charged twice in March; a larger one, whose duplicate waits
for a person; and tokens of every role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
from pydantic import SecretStr

from config.settings import Settings
from reconcile.membership import Agreement, Plan
from reconcile.money import Money
from tests.worker import world
from tests.worker.conftest import ENCRYPTION_KEYS, Clock, put_together
from worker.accounts import tokens
from worker.accounts.roles import Permission, Role, permissions_of
from worker.handling import drain
from worker.judging import reconcile_all
from worker.runtime import Runtime
from worker.store.facts import store_facts
from worker.store.roster import RosterRow
from worker.web import api
from worker.web.api.address import PREFIX
from worker.web.app import create_app
from worker.web.serve import serving

SMALL, LARGE = "remedy:stripe:ch_twice", "remedy:stripe:ch_large_twice"
LARGE_PRICE = Money(30_000, "USD")
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)


class Api:
    """A client with a token for each role, and one that may do all."""

    def __init__(self, base: str, runtime: Runtime) -> None:
        self.base = f"{base}{PREFIX}"
        self.runtime = runtime
        holders = {str(role): permissions_of([role]) for role in Role}
        holders |= {"all": frozenset(Permission), "second": permissions_of([Role.APPROVER])}
        self.tokens = {
            who: tokens.make(runtime, who.title(), scopes, 30, "operator") for who, scopes in holders.items()
        }
        self.http = httpx2.Client(base_url=self.base, timeout=20)

    def __call__(self, method: str, path: str, who: str | None = "all", **more: Any) -> httpx2.Response:  # noqa: ANN401 - as httpx takes it
        headers = dict(more.pop("headers", {}))
        if who is not None:
            headers["Authorization"] = f"Bearer {self.tokens.get(who, who)}"
        return self.http.request(method, path, headers=headers, **more)

    def get(self, path: str, who: str | None = "all", **more: Any) -> Any:  # noqa: ANN401 - JSON
        """What is answered 200."""
        response = self("GET", path, who, **more)
        assert response.status_code == 200, response.text
        return response.json()


@dataclass(frozen=True)
class Stand:
    """A database and a server on it, made once for many tests."""

    runtime: Runtime
    base: str
    clock: Clock


@contextmanager
def standing(url: str, *, plain: bool = True) -> Iterator[Stand]:
    """A stand on a database at the head of the schema; with `plain` its providers' events are plain facts."""
    clock = Clock(NOW)
    key = SecretStr(ENCRYPTION_KEYS)
    built = put_together(Settings(database_url=url, encryption_keys=(key,)), clock)
    runtime = world.plain_inboxes(built) if plain else built

    def handle() -> None:
        drain(runtime)

    try:
        with serving(create_app(runtime, routes=api.routes(runtime, handle))) as base:
            yield Stand(runtime, base, clock)
    finally:
        runtime.close()


def fill(runtime: Runtime) -> None:
    large = world.row("M-2", Agreement("stripe", "sub_2", "cus_2"))
    large = RosterRow(replace(large.membership, plan=Plan(LARGE_PRICE)), {"email": "bo@example.com"})
    small = world.row("M-1", Agreement("stripe", "sub_1", "cus_1"), email="ann@example.com")
    world.take_in(runtime, small, large)
    charges = [
        *(world.charge(f"ch_{n}", world.month(n), customer="cus_1", subscription="sub_1") for n in range(3)),
        *(
            world.charge(f"ch_large_{n}", world.month(n), LARGE_PRICE, customer="cus_2", subscription="sub_2")
            for n in range(3)
        ),
        world.charge("ch_twice", world.month(2) + timedelta(1), customer="cus_1", subscription="sub_1"),
        world.charge(
            "ch_large_twice", world.month(2) + timedelta(1), LARGE_PRICE, customer="cus_2", subscription="sub_2"
        ),
    ]
    with runtime.engine.begin() as conn:
        store_facts(conn, runtime.keyring, world.told(*charges))
    reconcile_all(runtime, date(2026, 3, 20))
