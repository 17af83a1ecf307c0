"""`makegood audit verify`: whether the record of every decision and act is still the one that was written."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from worker import tables
from worker.cli.errors import DONE, PERSON_NEEDED, StopError
from worker.cli.opening import reading
from worker.cli.options import Check, Json, example

app = typer.Typer(help="The audit log.")

# The night's message writes a head behind the number of its entry.
_HEAD = re.compile(r"(?:[0-9]+:)?([0-9a-f]{64})", re.ASCII)


def noted(text: str) -> str:
    """A head as it was noted."""
    if (found := _HEAD.fullmatch(text.strip().lower())) is None:
        raise typer.BadParameter(f"a head of 64 hexadecimal digits is expected, not '{text}'")
    return found[1]


Expect = Annotated[
    str | None,
    typer.Option("--expect", parser=noted, metavar="HASH", help="A head noted earlier, which the chain must contain."),
]


@app.command("verify", epilog=example("audit verify --check", "audit verify --expect HASH"))
def verify(*, expect: Expect = None, as_json: Json = False, check: Check = False) -> None:
    """Check the audit chain from its first entry to its last, and name the first link that is broken."""
    from worker import audit

    with reading() as (_, conn):
        entries, head = audit.head(conn)
        broken = audit.verify(conn, expect)
    if as_json:
        typer.echo(tables.as_json({"entries": entries, "head": head, "first_broken": broken}))
    elif broken is None:
        typer.echo(f"the chain holds: {entries} entries, head {head}")
    elif broken > entries:
        typer.echo(f"the chain has {entries} entries and does not contain {expect}: its end was cut off")
    else:
        typer.echo(f"the chain is broken at entry {broken} of {entries}")
    raise StopError(PERSON_NEEDED if check and broken is not None else DONE)
