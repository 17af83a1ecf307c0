"""`makegood token add`, `list` and `revoke`: which programs may use the API, and for what."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.accounts.roles import Permission, Role, permissions_of
from worker.cli.errors import bad_input
from worker.cli.listing import Form, show
from worker.cli.opening import opened, reading
from worker.cli.options import By, Json, example, one_of, words
from worker.tables import Row, plain

app = typer.Typer(help="Tokens of the HTTP API: make, list, revoke.")

TOKENS = tuple(plain(name) for name in ("id", "name", "state", "scopes", "expires_at", "used_at", "made_by", "made_at"))

Scopes = Annotated[
    list[str] | None,
    typer.Option("--scope", metavar="SCOPE", help=f"What it may do; repeat it: {', '.join(Permission)}."),
]
Roles = Annotated[
    list[str] | None, typer.Option("--role", metavar="ROLE", help=f"All that a role may do: {', '.join(Role)}.")
]
Days = Annotated[int, typer.Option("--days", min=1, max=3650, help="How long it holds.")]


@app.command(
    "add",
    epilog=example("token add shop --scope read:cases --scope write:memberships", "token add ada --role approver"),
)
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
    *,
    scope: Scopes = None,
    role: Roles = None,
    days: Days = 365,
    by: By = "operator",
) -> None:
    """Make a token and print it: it is shown this once. NAME is who acts with it: four-eyes and the audit log go by it,
    so a person's token has the name that the person has at the console."""
    from worker.accounts import tokens

    scopes = [Permission(one_of("--scope", word, tuple(Permission))) for word in words(scope)]
    roles = [Role(one_of("--role", word, tuple(Role))) for word in words(role)]
    wanted = permissions_of(roles) | frozenset(scopes)
    if not wanted:
        raise bad_input(f"--scope: at least one of {', '.join(Permission)} is expected, or a --role")
    with opened() as runtime:
        try:
            made = tokens.make(runtime, name, wanted, days, by)
        except tokens.TokenError as error:
            raise bad_input(str(error)) from None
    typer.echo(made)
    typer.echo(f"the token of {name.strip()} holds for {days} days; it cannot be shown again", err=True)


@app.command("list", epilog=example("token list", "token list --json"))
def listed(*, as_json: Json = False) -> None:
    """List the tokens, also those that are over; their secrets are kept nowhere."""
    from worker.store import tokens

    with reading() as (runtime, conn):
        found, now = tokens.listing(conn), runtime.clock()
    rows: list[Row] = [
        {
            "id": token.id,
            "name": token.name,
            "state": "revoked" if token.revoked_at else "expired" if token.expires_at <= now else "in force",
            "scopes": sorted(token.scopes),
            "expires_at": token.expires_at,
            "used_at": token.used_at,
            "made_by": token.made_by,
            "made_at": token.made_at,
        }
        for token in found
    ]
    show(rows, TOKENS, Form(as_json, None, None), "tokens", lambda _: False)


@app.command("revoke", epilog=example("token revoke shop", "token revoke 3f9c1b2a4d5e --by 'Ada Example'"))
def revoke(
    which: Annotated[str, typer.Argument(metavar="NAME|ID", show_default=False)], *, by: By = "operator"
) -> None:
    """End a token by its id, or all tokens of a name, from the next request on."""
    from worker.accounts import tokens

    with opened() as runtime:
        try:
            ended = tokens.revoke(runtime, which, by)
        except tokens.TokenError as error:
            raise bad_input(str(error)) from None
    typer.echo(f"revoked: {', '.join(ended)}")
