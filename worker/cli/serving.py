"""`makegood up`, `web`, `work`, `clock`, `migrate` and `doctor`: what runs all the time, and what it stands on."""

from __future__ import annotations

from typing import Annotated

import typer

from worker import tables
from worker.cli.errors import DONE, PERSON_NEEDED, UNREACHABLE, StopError
from worker.cli.opening import bring_to_head, build
from worker.cli.options import Check, Json, example

Port = Annotated[
    int | None, typer.Option("--port", min=0, max=65535, help="Where the receiver listens (default: the setting).")
]


def add_to(app: typer.Typer) -> None:
    """Hang the commands on the app."""
    app.command("migrate", epilog=example("migrate"))(migrate)
    app.command("doctor", epilog=example("doctor", "doctor --check --json"))(doctor)


def migrate() -> None:
    """Bring the database to the current schema. Harmless to repeat."""
    from config import settings as reading
    from worker.engine import at_head

    runtime = build(reading.load())
    try:
        current = at_head(runtime.engine)
        bring_to_head(runtime)
    finally:
        runtime.close()
    typer.echo("the database has the current schema" + (" already" if current else " now"))


def doctor(*, as_json: Json = False, check: Check = False) -> None:
    """Check settings, database, queue, clock, credentials, webhooks and policy bundles; say what to mend."""
    from worker.doctor import State, examine

    worst = State.FINE
    for finding in examine():
        worst = max(worst, finding.state)
        if as_json:
            typer.echo(
                tables.as_json({"check": finding.what, "state": finding.state.name.lower(), "said": finding.said})
            )
        else:
            typer.echo(f"{finding.state.name.lower():<12} {finding.what:<20} {finding.said}")
    if worst is State.UNREACHABLE:
        raise StopError(UNREACHABLE)
    raise StopError(PERSON_NEEDED if check and worst is State.MEND else DONE)
