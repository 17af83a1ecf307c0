"""`makegood privacy …`: a member's rights over their data."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from worker import tables
from worker.cli.errors import bad_input
from worker.cli.opening import opened, reading
from worker.cli.options import By, example

if TYPE_CHECKING:
    from worker.runtime import Runtime
    from worker.schema import Row

app = typer.Typer(help="A member's rights: export, correct, restrict, erase. MEMBER is a membership or an e-mail.")

Member = Annotated[str, typer.Argument(metavar="MEMBER", show_default=False)]
Field = Annotated[str | None, typer.Option(metavar="TEXT", help="The new value; empty removes it.")]


@app.command("export", epilog=example("privacy export M-1001"))
def export(member: Member, *, by: By = "privacy") -> None:
    """Print everything that is kept of a member as JSON, one object a membership."""
    from worker.privacy import rights

    tables.write_json(_done(lambda runtime: rights.export(runtime, member, by)), sys.stdout)


@app.command("correct", epilog=example("privacy correct M-1001 --name 'New Name' --email new@example.com"))
def correct(
    member: Member, *, name: Field = None, email: Field = None, country: Field = None, by: By = "privacy"
) -> None:
    """Set a member's name, e-mail or country."""
    from worker.fields import BadFieldError
    from worker.privacy import rights

    try:
        told = rights.correction({"name": name, "email": email, "country": country})
    except BadFieldError as error:
        raise bad_input(f"--{error.path.rpartition('.')[2]}: {error.said}") from None
    if not told:
        raise bad_input("--name, --email or --country is expected, and none is there")
    tables.write_json(_done(lambda runtime: rights.correct(runtime, member, by, told)), sys.stdout)


@app.command("restrict", epilog=example("privacy restrict M-1001", "privacy restrict M-1001 --lift"))
def restrict(
    member: Member,
    *,
    lift: Annotated[bool, typer.Option("--lift", help="End the restriction.")] = False,
    by: By = "privacy",
) -> None:
    """Leave a member's data alone: nothing is sent by itself any more, neither money nor mail."""
    from worker.privacy import rights

    tables.write_json(_done(lambda runtime: rights.restrict(runtime, member, by, lift=lift)), sys.stdout)


@app.command("erase", epilog=example("privacy erase M-1001"))
def erase(member: Member, *, by: By = "privacy") -> None:
    """Forget a member: destroy the key of their data. Says what stays for the books."""
    from worker.privacy import rights

    tables.write_json(_done(lambda runtime: rights.erase(runtime, member, by)), sys.stdout)


@app.command("abroad", epilog=example("privacy abroad"))
def abroad() -> None:
    """List who lives where the privacy statement is not meant for: members, and webhooks whose personal fields were
    dropped."""
    from worker.store import members, rights

    with reading() as (_, conn):
        tables.write_json([*members.abroad(conn), *rights.abroad(conn)], sys.stdout)


def _done(act: Callable[[Runtime], list[Row]]) -> list[Row]:
    from worker.privacy.rights import NobodyError

    with opened() as runtime:
        try:
            return act(runtime)
        except NobodyError as error:
            raise bad_input(str(error)) from None
