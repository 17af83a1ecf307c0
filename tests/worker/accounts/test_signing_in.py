"""People at the door: who fits comes in, who guesses waits, and a session ends when it should."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from config.settings import Settings
from tests.worker.conftest import ENCRYPTION_KEYS, Clock, put_together
from tests.worker.schemas import Schemas
from worker.accounts import by_provider, passwords, users
from worker.accounts.by_provider import Account, TurnedAway
from worker.accounts.roles import Role
from worker.accounts.signing_in import FREE_TRIES, IDLE, LONGEST_WAIT, WHOLE, person, sign_in, sign_out
from worker.accounts.users import UserError
from worker.runtime import Runtime
from worker.schema import audit, sessions
from worker.schema import users as table

RIGHT, WRONG = "a password of her own", "a password of nobody"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, schemas: Schemas
) -> Iterator[Runtime]:
    """The product on one database of each kind for the whole file."""
    folder = tmp_path_factory.mktemp("accounts")
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{folder / 'makegood.db'}" if sqlite else request.getfixturevalue("module_postgres_url")
    schemas.put(url)
    key = SecretStr(ENCRYPTION_KEYS)
    made = put_together(Settings(database_url=url, encryption_keys=(key,)), Clock())
    yield made
    made.close()


@pytest.fixture
def runtime(shared: Runtime, clock: Clock) -> Runtime:
    with shared.engine.begin() as conn:
        for one in (table, sessions, audit):
            conn.execute(one.delete())
    return replace(shared, clock=clock)


@pytest.fixture
def ada(runtime: Runtime) -> str:
    return users.add(runtime, "Ada Example", [Role.CLERK, Role.AUDITOR], RIGHT, "operator").name


def _actions(runtime: Runtime) -> list[tuple[str, str]]:
    with runtime.engine.connect() as conn:
        return [(row.actor, row.action) for row in conn.execute(select(audit.c.actor, audit.c.action))]


def test_the_right_password_gives_a_session_of_that_person(runtime: Runtime, ada: str) -> None:
    session_id = sign_in(runtime, " ada  EXAMPLE ", RIGHT)
    assert session_id is not None
    found = person(runtime, session_id)
    assert found is not None
    assert (found.name, found.roles) == (ada, (Role.CLERK, Role.AUDITOR))
    assert _actions(runtime) == [("operator", "user_added"), (ada, "signed_in")]


def test_neither_password_nor_session_can_be_read_from_the_database(runtime: Runtime, ada: str) -> None:
    session_id = sign_in(runtime, ada, RIGHT)
    assert session_id is not None
    with runtime.engine.connect() as conn:
        everything = repr(conn.execute(select(table)).all()) + repr(conn.execute(select(sessions)).all())
    assert RIGHT not in everything
    assert session_id not in everything
    assert "$argon2id$" in everything


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("name", ["Ada Example", "Nobody", "", "makegood"])
def test_a_wrong_name_or_password_is_nobody(runtime: Runtime, name: str) -> None:
    assert sign_in(runtime, name, WRONG) is None
    assert person(runtime, "made up") is None


def test_who_keeps_guessing_waits_longer_and_longer_and_the_right_password_waits_too(
    runtime: Runtime, ada: str, clock: Clock
) -> None:
    for _ in range(FREE_TRIES):
        assert sign_in(runtime, ada, WRONG) is None
    assert sign_in(runtime, ada, RIGHT) is None
    clock.advance(timedelta(seconds=31))
    assert sign_in(runtime, ada, WRONG) is None
    clock.advance(timedelta(seconds=31))
    assert sign_in(runtime, ada, RIGHT) is None, "the second wait is longer than the first"
    clock.advance(LONGEST_WAIT)
    assert sign_in(runtime, ada, RIGHT) is not None
    assert sign_in(runtime, ada, WRONG) is None
    assert sign_in(runtime, ada, RIGHT) is not None, "a sign-in begins the count anew"
    assert ("makegood", "sign_in_locked") in _actions(runtime)


def test_a_session_ends_after_fifteen_idle_minutes(runtime: Runtime, ada: str, clock: Clock) -> None:
    session_id = sign_in(runtime, ada, RIGHT) or ""
    for _ in range(3):
        clock.advance(IDLE - timedelta(minutes=2))
        assert person(runtime, session_id) is not None
    clock.advance(IDLE)
    assert person(runtime, session_id) is None
    clock.advance(-IDLE)
    assert person(runtime, session_id) is None, "what has ended stays so"


def test_a_session_ends_after_eight_hours_however_busy(runtime: Runtime, ada: str, clock: Clock) -> None:
    session_id = sign_in(runtime, ada, RIGHT) or ""
    begun = clock()
    while clock() + timedelta(minutes=10) < begun + WHOLE:
        clock.advance(timedelta(minutes=10))
        assert person(runtime, session_id) is not None
    clock.advance(timedelta(minutes=10))
    assert person(runtime, session_id) is None


def test_signing_out_disabling_and_a_new_password_end_what_is_open(runtime: Runtime, ada: str) -> None:
    first = sign_in(runtime, ada, RIGHT) or ""
    sign_out(runtime, first)
    assert person(runtime, first) is None
    second = sign_in(runtime, ada, RIGHT) or ""
    users.set_password(runtime, ada, WRONG, "operator")
    assert person(runtime, second) is None
    assert sign_in(runtime, ada, RIGHT) is None
    third = sign_in(runtime, ada, WRONG) or ""
    users.disable(runtime, ada, "operator")
    assert person(runtime, third) is None
    assert sign_in(runtime, ada, WRONG) is None
    users.disable(runtime, ada, "operator", lift=True)
    assert sign_in(runtime, ada, WRONG) is not None


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("name", ["ada example", "ADA\u00a0EXAMPLE", "\uff21da Example"])
def test_two_spellings_of_a_name_are_one_person(runtime: Runtime, name: str) -> None:
    with pytest.raises(UserError, match="there already"):
        users.add(runtime, name, [Role.APPROVER], RIGHT, "operator")


@pytest.mark.parametrize("name", ["", " ", "makegood", "MakeGood", "bell\x07", "x" * 101, "user:ada"])
def test_what_is_no_name_of_a_person_is_refused(runtime: Runtime, name: str) -> None:
    with pytest.raises(UserError, match="NAME"):
        users.add(runtime, name, [Role.CLERK], RIGHT, "operator")


@pytest.mark.parametrize("password", ["", "short", "aaaaaaaaaaaaaaaa", "my name is Ada Example", "x y" * 100])
def test_a_weak_password_is_refused(runtime: Runtime, password: str) -> None:
    with pytest.raises(passwords.BadPasswordError, match="password"):
        users.add(runtime, "Ada Example", [Role.CLERK], password, "operator")


def _of_company(name: str, subject: str = "u-1") -> Account:
    return Account("https://login.example", subject, name, [Role.CLERK])


def test_an_account_at_the_provider_is_one_person_whatever_it_is_called_at_once(runtime: Runtime) -> None:
    names = [f"{name}@example.com" for name in ("ada", "ben", "eve", "kim")]
    with ThreadPoolExecutor(4) as pool:
        came = list(pool.map(lambda name: by_provider.sign_in(runtime, _of_company(name), name), names))
    found = {who.name for who in (person(runtime, session_id) for session_id in came) if who is not None}
    assert len(found) == 1
    assert [user.name for user in users.everybody(runtime)] == list(found)


def test_two_accounts_of_one_name_are_not_one_person(runtime: Runtime) -> None:
    def comes(subject: str) -> bool:
        try:
            return bool(by_provider.sign_in(runtime, _of_company("ada@example.com", subject), subject))
        except TurnedAway:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(comes, ["u-1", "u-2", "u-3", "u-4"])).count(True) == 1


def test_a_way_back_is_good_for_one_of_those_who_use_it_at_once(runtime: Runtime) -> None:
    def comes(_: int) -> bool:
        try:
            return bool(by_provider.sign_in(runtime, _of_company("ada@example.com"), "the same"))
        except TurnedAway:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(comes, range(4))).count(True) == 1
