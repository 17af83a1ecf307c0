"""`makegood import report`, `makegood backfill`, `makegood import roster --from`: what webhooks did not bring."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli import importing
from worker.cli.errors import bad_input
from worker.cli.opening import opened
from worker.cli.options import Json, day, example
from worker.cli.progress import progress

if TYPE_CHECKING:
    from worker.report_file import Read

PROVIDERS = ("stripe", "paypal")

Provider = Annotated[str, typer.Option("--provider", metavar="NAME", help="stripe or paypal.", show_default=False)]
Dates = Annotated[
    str | None, typer.Option("--dates", metavar="ORDER", help="dmy or mdy, where the file does not show which.")
]
Numbers = Annotated[
    str | None,
    typer.Option("--numbers", metavar="SIGN", help="point or comma before decimals, where it does not show."),
]


def add_to(app: typer.Typer) -> None:
    """Hang the commands on the app."""
    # The later of two commands of one name holds: this one takes a file too, or asks a provider instead.
    shown = example("import roster members.jsonl", "import roster --from stripe")
    importing.app.command("roster", epilog=shown)(roster)
    app.command("backfill", epilog=example("backfill --provider stripe --since 2024-03-01"))(backfill)
    importing.app.command("report", epilog=example("import report activity.csv --provider paypal"))(report)


def roster(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", show_default=False)] = None,
    *,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="NAME", help="stripe or paypal: its subscriptions instead of a file."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Take in memberships from a .jsonl or .csv file, or as a provider's subscriptions and prices state them: all of
    them or none. Importing again is harmless."""
    if (file is None) == (source is None):
        raise bad_input("FILE or --from is expected: one of them, and not both")
    if file is not None:
        importing.roster(file, as_json=as_json)
    elif source is not None:
        _roster_from(str(_known("--from", source, PROVIDERS)), as_json=as_json)


def _roster_from(provider: str, *, as_json: bool) -> None:
    from handlers.roster import CANNOT_CATCH
    from worker import roster_from, tables
    from worker.backfill import NoCredentialError

    with opened() as runtime, progress("agreements read") as tell:
        try:
            built = roster_from.take_in(runtime, provider, progress=tell)
        except NoCredentialError as error:
            raise bad_input(str(error)) from None
    counts = {name: getattr(built.imported, name) for name in ("added", "changed", "unchanged")}
    left_out = dict(sorted(built.left_out.items()))
    if as_json:
        typer.echo(tables.as_json({**counts, "left_out": left_out, "cannot_catch": list(CANNOT_CATCH)}))
        return
    typer.echo("memberships: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    for why, count in left_out.items():
        typer.echo(f"  left out: {count} x {why}")
    typer.echo(f"What {provider} itself states is expected of it. Such an expectation cannot catch:")
    for what in CANNOT_CATCH:
        typer.echo(f"  - {what}")


def report(
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)],
    provider: Provider,
    dates: Dates = None,
    numbers: Numbers = None,
    *,
    as_json: Json = False,
) -> None:
    """Take in a provider's own CSV: Stripe's itemized balance, balance history or payments export, PayPal's activity
    download, settlement or transaction detail report. All of it or nothing; importing it again is harmless."""
    from handlers.reports import Options
    from worker import report_file

    _known("--provider", provider, PROVIDERS)
    options = Options(
        dates=_known("--dates", dates, ("dmy", "mdy")),  # type: ignore[arg-type] # one of those words
        numbers=_known("--numbers", numbers, ("point", "comma")),  # type: ignore[arg-type] # one of those words
    )
    if not file.is_file():
        raise bad_input(f"{file}: a report file is expected, and there is none")
    with opened() as runtime, progress("rows read") as tell:
        try:
            read = report_file.take_in(runtime, file, provider, options, tell)
        except report_file.ReportFileError as error:
            raise bad_input(str(error)) from None
    _say(read, as_json=as_json)


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

    _known("--provider", provider, PROVIDERS)
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


def _say(read: Read, *, as_json: bool) -> None:
    from worker import tables

    passed_over = dict(sorted(read.passed_over.items()))
    if as_json:
        typer.echo(tables.as_json({"rows": read.rows, "facts": read.facts, "passed_over": passed_over}))
        return
    typer.echo(f"report: {read.rows} rows, {read.facts} facts")
    for reason, count in passed_over.items():
        typer.echo(f"  passed over: {count} x {reason}")


def _known(option: str, given: str | None, known: tuple[str, ...]) -> str | None:
    if given is not None and given not in known:
        raise bad_input(f"{option}: one of {', '.join(known)} is expected, not '{given}'")
    return given
