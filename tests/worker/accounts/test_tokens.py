"""Tokens: shown once, never kept, and worth nothing once they are over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.worker.conftest import Clock
from worker import audit
from worker.accounts import tokens, users
from worker.accounts.roles import Permission, Role
from worker.runtime import Runtime
from worker.schema import audit as audit_table
from worker.schema import tokens as table

SCOPES = [Permission.READ_CASES, Permission.WRITE_CLAIMS]


def test_a_token_says_who_and_what_for(runtime: Runtime) -> None:
    given = tokens.make(runtime, " shop ", SCOPES, 30, "Ada")

    found = tokens.holder(runtime, given)

    assert (found.name, found.scopes, found.made_by) == ("shop", frozenset(SCOPES), "Ada")
    assert found.expires_at == runtime.clock() + timedelta(days=30)


def test_its_secret_is_kept_nowhere(runtime: Runtime) -> None:
    secret = tokens.make(runtime, "shop", SCOPES, 30, "Ada").split("_", 2)[2]

    with runtime.engine.begin() as conn:
        rows = [*conn.execute(select(table)), *conn.execute(select(audit_table))]

    assert rows
    assert not any(secret in str(value) for row in rows for value in row)


def test_one_that_is_over_or_made_up_is_refused(runtime: Runtime, clock: Clock) -> None:
    given = tokens.make(runtime, "shop", SCOPES, 30, "Ada")
    ended = tokens.make(runtime, "till", SCOPES, 30, "Ada")
    tokens.revoke(runtime, "till", "Ada")
    start, token_id, secret = given.split("_", 2)
    wrong = f"{start}_{token_id}_{'A' * len(secret)}"
    unknown = f"{start}_{'0' * 12}_{secret}"

    for bad in ("", "mkg_", "Bearer", wrong, unknown, f"{given}x", ended):
        with pytest.raises(tokens.TokenError):
            tokens.holder(runtime, bad)
    clock.advance(timedelta(days=30))
    with pytest.raises(tokens.TokenError, match="expired on 2026-12-02"):
        tokens.holder(runtime, given)


def test_a_new_one_is_made_before_the_old_one_is_revoked(runtime: Runtime) -> None:
    old, new = (tokens.make(runtime, "shop", SCOPES, 30, "Ada") for _ in range(2))

    tokens.revoke(runtime, tokens.holder(runtime, old).id, "Ada")

    assert tokens.holder(runtime, new).name == "shop"
    with pytest.raises(tokens.TokenError, match="revoked"):
        tokens.holder(runtime, old)


def test_a_name_has_one_spelling_and_is_not_the_programs(runtime: Runtime) -> None:
    tokens.make(runtime, "Ada", SCOPES, 30, "operator")

    for name in ("ada", "makegood", "MakeGood", " ", "a\nb", "x" * 101):
        with pytest.raises(tokens.TokenError, match="NAME"):
            tokens.make(runtime, name, SCOPES, 30, "operator")
    with pytest.raises(tokens.TokenError, match="--by"):
        tokens.make(runtime, "Bob", SCOPES, 30, "makegood")


def test_a_persons_token_has_the_persons_own_spelling(runtime: Runtime) -> None:
    users.add(runtime, "Ada Example", [Role.APPROVER], "correct horse battery", "operator")

    with pytest.raises(tokens.TokenError, match="there is Ada Example already"):
        tokens.make(runtime, "ada example", SCOPES, 30, "operator")
    assert tokens.holder(runtime, tokens.make(runtime, "Ada  Example", SCOPES, 30, "operator")).name == "Ada Example"


def test_making_and_ending_are_audited(runtime: Runtime) -> None:
    tokens.make(runtime, "shop", SCOPES, 30, "Ada")
    tokens.revoke(runtime, "shop", "Bob")

    with runtime.engine.begin() as conn:
        told = [(row.actor, row.action) for row in conn.execute(select(audit_table).order_by(audit_table.c.n))]
        assert audit.verify(conn) is None
    assert told == [("Ada", "token_made"), ("Bob", "token_revoked")]


def test_a_look_is_not_a_write_each_time(runtime: Runtime, clock: Clock) -> None:
    given = tokens.make(runtime, "shop", SCOPES, 30, "Ada")

    seen = []
    for minutes in (0, 30, 31):
        clock.advance(timedelta(minutes=minutes))
        tokens.holder(runtime, given)
        with runtime.engine.begin() as conn:
            seen.append(conn.scalar(select(table.c.used_at)))

    assert seen[0] == seen[1]
    assert seen[2] == clock()
