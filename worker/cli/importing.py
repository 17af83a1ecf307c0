"""`makegood import …`: memberships and events from files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from worker.cli.errors import bad_input
from worker.cli.opening import opened
from worker.cli.options import Json, example
from worker.cli.progress import progress

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from worker.handling import Handled
    from worker.runtime import Runtime
    from worker.store.roster import Imported

T = TypeVar("T")

SLICE = 5000

app = typer.Typer(help="Take in memberships and events from files.")

File = Annotated[Path, typer.Argument(metavar="FILE", show_default=False)]
Provider = Annotated[str, typer.Option("--provider", metavar="NAME", help="stripe or paypal.", show_default=False)]


@app.command("roster", epilog=example("import roster members.jsonl", "import roster members.csv"))
def roster(file: File, *, as_json: Json = False) -> None:
    """Take in memberships from a .jsonl or .csv file: all of them or none. Importing a file again is harmless."""
    from worker import tables

    if not file.is_file():
        raise bad_input(f"{file}: a roster file is expected, and there is none")
    with opened() as runtime, progress("memberships read") as tell:
        counts = _import_roster(runtime, file, tell)
    if as_json:
        typer.echo(tables.as_json(counts))
    else:
        typer.echo("memberships: " + ", ".join(f"{count} {name}" for name, count in counts.items()))


def _import_roster(runtime: Runtime, file: Path, tell: Callable[[int], None]) -> dict[str, int]:
    from worker.engine import lift_limits
    from worker.roster import Bundles, read
    from worker.roster_changes import statement_of
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


@app.command("events", epilog=example("import events stripe-events.jsonl --provider stripe"))
def events(file: File, provider: Provider, *, as_json: Json = False) -> None:
    """Take in events from a trusted export, one body a line: all of them or none. From there on they go the way of a
    webhook. Importing a file again is harmless."""
    from worker import handling, tables

    if not file.is_file():
        raise bad_input(f"{file}: a file of events is expected, and there is none")
    with opened() as runtime:
        if provider not in runtime.inboxes:
            raise bad_input(f"--provider: one of {', '.join(runtime.inboxes)} is expected, not '{provider}'")
        with progress("events read") as tell:
            new, known = _record_events(runtime, file, provider, tell)
        handled: Handled = handling.drain(runtime)
    counts = {"new": new, "known": known, "done": handled.done}
    counts |= {"passed_over": handled.passed_over, "failed": handled.failed}
    if as_json:
        typer.echo(tables.as_json(counts))
    else:
        typer.echo("events: " + ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()))


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


def slices(items: Iterable[T]) -> Iterator[list[T]]:
    """The items in lists of a size that one statement takes well."""
    rest = iter(items)
    while held := list(islice(rest, SLICE)):
        yield held
