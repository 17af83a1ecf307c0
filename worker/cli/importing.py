"""`makegood import …`: memberships, events and reports, from files or from a provider."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from worker.cli.errors import bad_input
from worker.cli.opening import opened
from worker.cli.options import PROVIDERS, Json, Provider, example, one_of
from worker.cli.progress import progress

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from worker.batches import Handled
    from worker.report_file import Read
    from worker.runtime import Runtime
    from worker.store.roster import Imported

T = TypeVar("T")

SLICE = 5000

app = typer.Typer(help="Take in memberships, events and reports: from files, or from a provider.")

File = Annotated[Path, typer.Argument(metavar="FILE", show_default=False)]
Dates = Annotated[
    str | None, typer.Option("--dates", metavar="ORDER", help="dmy or mdy, where the file does not show which.")
]
Numbers = Annotated[
    str | None,
    typer.Option("--numbers", metavar="SIGN", help="point or comma before decimals, where it does not show."),
]


@app.command("roster", epilog=example("import roster members.jsonl", "import roster --from stripe"))
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
        _roster_of_file(file, as_json=as_json)
    elif source is not None:
        _roster_from(one_of("--from", source, PROVIDERS), as_json=as_json)


def _roster_of_file(file: Path, *, as_json: bool) -> None:
    if not file.is_file():
        raise bad_input(f"{file}: a roster file is expected, and there is none")
    with opened() as runtime, progress("memberships read") as tell:
        counts = _import_roster(runtime, file, tell)
    _tell("memberships", counts, as_json=as_json)


def _import_roster(runtime: Runtime, file: Path, tell: Callable[[int], None]) -> dict[str, int]:
    from worker.engine import lift_limits
    from worker.roster.changes import statement_of
    from worker.roster.files import read
    from worker.roster.row import Bundles
    from worker.store.roster import import_memberships
    from worker.store.sql import run

    bundles = Bundles(runtime.rules.policy.versions.keys(), runtime.settings.policy)
    at = runtime.clock()
    statement = statement_of(runtime)

    def work(conn: Connection) -> dict[str, int]:
        lift_limits(conn)
        total = {"added": 0, "changed": 0, "unchanged": 0}
        for rows in slices(read(file, bundles)):
            imported: Imported = import_memberships(conn, runtime.keyring, rows, at, statement)
            for name in total:
                total[name] += getattr(imported, name)
            tell(sum(total.values()))
        return total

    return run(runtime.engine, work)


def _roster_from(provider: str, *, as_json: bool) -> None:
    from handlers.roster import CANNOT_CATCH
    from worker import tables
    from worker.backfill import NoCredentialError
    from worker.roster import from_provider

    with opened() as runtime, progress("agreements read") as tell:
        try:
            built = from_provider.take_in(runtime, provider, progress=tell)
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


@app.command("events", epilog=example("import events stripe-events.jsonl --provider stripe"))
def events(file: File, provider: Provider, *, as_json: Json = False) -> None:
    """Take in events from a trusted export, one body a line: all of them or none. From there on they go the way of a
    webhook. Importing a file again is harmless."""
    from worker import handling

    one_of("--provider", provider, PROVIDERS)
    if not file.is_file():
        raise bad_input(f"{file}: a file of events is expected, and there is none")
    with opened() as runtime:
        with progress("events read") as tell:
            new, known = _record_events(runtime, file, provider, tell)
        handled: Handled = handling.drain(runtime)
    counts = {"new": new, "known": known, "done": handled.done}
    counts |= {"passed_over": handled.passed_over, "failed": handled.failed}
    _tell("events", counts, as_json=as_json)


def _record_events(runtime: Runtime, file: Path, provider: str, tell: Callable[[int], None]) -> tuple[int, int]:
    from worker.engine import lift_limits
    from worker.events_file import read
    from worker.store.recording import record
    from worker.store.sql import run

    at = runtime.clock()

    def work(conn: Connection) -> tuple[int, int]:
        lift_limits(conn)
        new = known = 0
        for rows in slices(read(file, runtime.inboxes[provider], at)):
            recorded = record(conn, runtime.keyring, rows)
            new += sum(one.new for one in recorded)
            known += sum(not one.new for one in recorded)
            tell(new + known)
        return new, known

    return run(runtime.engine, work)


@app.command("report", epilog=example("import report activity.csv --provider paypal"))
def report(
    file: File,
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

    one_of("--provider", provider, PROVIDERS)
    options = Options(
        dates=dates and one_of("--dates", dates, ("dmy", "mdy")),  # type: ignore[arg-type] # one of those words
        numbers=numbers and one_of("--numbers", numbers, ("point", "comma")),  # type: ignore[arg-type] # as above
    )
    if not file.is_file():
        raise bad_input(f"{file}: a report file is expected, and there is none")
    with opened() as runtime, progress("rows read") as tell:
        try:
            read = report_file.take_in(runtime, file, provider, options, tell)
        except report_file.ReportFileError as error:
            raise bad_input(str(error)) from None
    _say(read, as_json=as_json)


def _say(read: Read, *, as_json: bool) -> None:
    from worker import tables

    passed_over = dict(sorted(read.passed_over.items()))
    if as_json:
        typer.echo(tables.as_json({"rows": read.rows, "facts": read.facts, "passed_over": passed_over}))
        return
    typer.echo(f"report: {read.rows} rows, {read.facts} facts")
    for reason, count in passed_over.items():
        typer.echo(f"  passed over: {count} x {reason}")


def slices(items: Iterable[T]) -> Iterator[list[T]]:
    """The items in lists of a size that one statement takes well."""
    rest = iter(items)
    while held := list(islice(rest, SLICE)):
        yield held


def _tell(what: str, counts: Mapping[str, int], *, as_json: bool) -> None:
    from worker import tables

    if as_json:
        typer.echo(tables.as_json(dict(counts)))
    else:
        typer.echo(f"{what}: " + ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()))
