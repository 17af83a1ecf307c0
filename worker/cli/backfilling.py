"""`makegood backfill`: what webhooks did not bring."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from worker.cli.errors import bad_input
from worker.cli.opening import opened
from worker.cli.options import PROVIDERS, Json, Provider, day, example, one_of
from worker.cli.progress import progress


def add_to(app: typer.Typer) -> None:
    """Hang the command on the app."""
    app.command("backfill", epilog=example("backfill --provider stripe --since 2024-03-01"))(backfill)


def backfill(
    provider: Provider,
    since: Annotated[
        date, typer.Option("--since", parser=day, metavar="DATE", help="The first day.", show_default=False)
    ],
    until: Annotated[
        date | None, typer.Option("--until", parser=day, metavar="DATE", help="The last day (default: today).")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Ask the provider's API for what webhooks missed, and judge what that touched. Harmless to repeat; a run that was
    broken off goes on where it stopped when it is started with the same dates."""
    from worker import backfill as filling
    from worker import tables
    from worker.judging import judge_changed

    one_of("--provider", provider, PROVIDERS)
    if until is not None and until < since:
        raise bad_input(f"--until: a date not before --since ({since}) is expected, not {until}")
    with opened() as runtime:
        try:
            with progress("facts listed") as tell:
                filled = filling.backfill(runtime, provider, since, until, progress=tell)
        except filling.NoCredentialError as error:
            raise bad_input(str(error)) from None
        finally:
            # What was kept before a failure is to be judged too.
            judge_changed(runtime)
    if as_json:
        typer.echo(tables.as_json({"facts": filled.objects, "unreadable": list(filled.unreadable)}))
        return
    typer.echo(f"backfill: {filled.objects} facts, {len(filled.unreadable)} objects that could not be read")
    for why in filled.unreadable:
        typer.echo(f"  {why}")
