"""`makegood user …`: who may sign in to the console, and as what."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from worker import tables
from worker.accounts.roles import Role
from worker.cli.errors import bad_input
from worker.cli.opening import opened
from worker.cli.options import By, Json, example, one_of, words
from worker.tables import plain

if TYPE_CHECKING:
    from worker.runtime import Runtime

app = typer.Typer(help="Who may sign in to the console, and as what.")

Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="As it is to stand in the audit log.")]
Roles = Annotated[
    list[str], typer.Option("--role", metavar="ROLE", help=f"One or more of {', '.join(Role)} (repeat it).")
]

_USERS = (plain("name"), plain("roles"), plain("state"), plain("since"))


@app.command("add", epilog=example("user add 'Ada Example' --role approver", "user add 'Ben' --role clerk < password"))
def add(name: Name, *, role: Roles, by: By = "operator") -> None:
    """Add a person. The password is asked for, or read from standard input: it never stands on the command line."""
    from worker.accounts import users

    roles = [Role(one_of("--role", word, tuple(Role))) for word in words(role)]
    with _deciding() as runtime:
        made = users.add(runtime, name, roles, _password(), by)
    typer.echo(f"{made.name} may sign in as {', '.join(made.roles)}")


@app.command("list", epilog=example("user list", "user list --json"))
def listing(*, as_json: Json = False) -> None:
    """List who may sign in."""
    from worker.accounts import users

    with opened() as runtime:
        rows = [
            {
                "name": user.name,
                "roles": list(user.roles),
                "state": "disabled" if user.disabled else "active",
                "since": user.made_at,
            }
            for user in users.everybody(runtime)
        ]
    if as_json:
        tables.write_json(rows, sys.stdout)
    else:
        tables.write_table(rows, _USERS, sys.stdout)


@app.command("disable", epilog=example("user disable 'Ada Example'", "user disable 'Ada Example' --lift"))
def disable(
    name: Name,
    *,
    lift: Annotated[bool, typer.Option("--lift", help="Let the person in again.")] = False,
    by: By = "operator",
) -> None:
    """Shut a person out, and end what they have open."""
    from worker.accounts import users

    with _deciding() as runtime:
        users.disable(runtime, name, by, lift=lift)
    typer.echo(f"{name} may sign in again" if lift else f"{name} is shut out")


@app.command("password", epilog=example("user password 'Ada Example'"))
def password(name: Name, *, by: By = "operator") -> None:
    """Set another password; it is asked for, or read from standard input. Whoever is signed in by the old one is
    signed out."""
    from worker.accounts import users

    with _deciding() as runtime:
        users.set_password(runtime, name, _password(), by)
    typer.echo(f"{name} has another password")


def _password() -> str:
    if sys.stdin.isatty():
        asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return asked
    return sys.stdin.readline().rstrip("\r\n")


@contextmanager
def _deciding() -> Iterator[Runtime]:
    from worker.accounts.passwords import BadPasswordError
    from worker.accounts.users import UserError

    with opened() as runtime:
        try:
            yield runtime
        except (UserError, BadPasswordError) as error:
            raise bad_input(str(error)) from None
