"""`makegood token`: made, listed, revoked, and refused with one line."""

from __future__ import annotations

import pytest

from tests.worker.cli.world import Command


def test_a_token_is_printed_alone_and_listed_without_its_secret(makegood: Command) -> None:
    made = makegood("token", "add", "shop", "--scope", "read:cases,write:claims", "--by", "Ada")
    (row,) = makegood("token", "list", "--json").rows

    assert made.code == 0
    assert made.out.startswith("mkg_")
    assert made.out.count("\n") == 1
    assert (row["name"], row["state"], row["made_by"]) == ("shop", "in force", "Ada")
    assert row["scopes"] == ["read:cases", "write:claims"]
    assert made.out.strip().split("_", 2)[2] not in makegood("token", "list").out


def test_a_role_is_all_that_it_may_do(makegood: Command) -> None:
    makegood("token", "add", "Ada", "--role", "approver")
    (row,) = makegood("token", "list", "--json").rows

    assert "write:approvals" in row["scopes"]
    assert "write:memberships" not in row["scopes"]


def test_a_revoked_one_is_over(makegood: Command) -> None:
    makegood("token", "add", "shop", "--scope", "read:cases")
    assert makegood("token", "revoke", "shop").code == 0

    (row,) = makegood("token", "list", "--json").rows
    assert row["state"] == "revoked"
    assert makegood("token", "revoke", "shop").code == 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["x"], "--scope"),
        (["x", "--scope", "read:everything"], "read:everything"),
        (["x", "--role", "boss"], "boss"),
        (["makegood", "--role", "clerk"], "NAME"),
        (["x", "--role", "clerk", "--days", "0"], "--days"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(makegood: Command, arguments: list[str], named: str) -> None:
    refused = makegood("token", "add", *arguments)

    assert (refused.code, refused.out) == (2, "")
    assert named in refused.err
    assert refused.err.count("\n") == 1
