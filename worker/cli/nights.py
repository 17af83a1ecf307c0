"""`makegood night`: the whole nightly job by hand."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.errors import DONE, PERSON_NEEDED, StopError, bad_input
from worker.cli.opening import opened
from worker.cli.options import Check, Json, day, example

if TYPE_CHECKING:
    from worker.runtime import Runtime
    from worker.store.nights import Night

Date = Annotated[
    date | None, typer.Option("--date", parser=day, metavar="DATE", help="The night (default: today's date).")
]
Again = Annotated[bool, typer.Option("--again", help="Do it anew where it is done; what was told is not told twice.")]


def add_to(app: typer.Typer) -> None:
    """Hang the command on the app."""
    app.command("night", epilog=example("night", "night --date 2024-12-31 --check"))(night)


def night(
    *,
    on: Date = None,
    again: Again = False,
    as_json: Json = False,
    check: Check = False,
) -> None:
    """Ask the providers for what webhooks missed, judge, follow up refunds, write the report and tell what was found.

    A night that is done is not done again; one that was interrupted goes on where it was."""
    with opened() as runtime:
        done = _run(runtime, on, again=again)
        person = _tell(done, runtime.settings.console_url, as_json=as_json)
    raise StopError(PERSON_NEEDED if check and person else DONE)


def _run(runtime: Runtime, on: date | None, *, again: bool) -> Night:
    from worker import nightly
    from worker.alerts import channels
    from worker.judging import today
    from worker.store import nights
    from worker.store.sql import run

    channels.build(runtime.settings)  # a malformed address is better known now than at the end of the night
    wanted = on or today(runtime)
    taken = nightly.run_night(runtime, wanted, again=again)
    known = taken or run(runtime.engine, lambda conn: nights.load(conn, wanted))
    if known is None or known.state != nights.DONE:
        raise bad_input(f"the night of {wanted} cannot be run now: another run is under way")
    if taken is None:
        typer.echo(f"the night of {wanted} was done before: --again does it anew", err=True)
    return known


def _tell(done: Night, console: str | None, *, as_json: bool) -> bool:
    """Print the night, with links to the console at this address; whether a person is needed."""
    from worker.alerts import words
    from worker.night import phases

    told = phases.summary(done)
    if as_json:
        typer.echo(phases.as_json(done))
    else:
        message = words.of_night(told, done.audit_head or "", done.notes.get("report"), console)
        typer.echo(words.plain(message), nl=False)
        typer.echo(f"Report: {done.notes.get('report')}")
    return told.needs_a_person
