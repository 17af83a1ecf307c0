"""`makegood findings`, `remedies`, `deliveries` and `explain`: what is there, and why."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from reconcile import outcome
from reconcile.outcome import FindingKind, FindingStatus, RemedyState
from worker import tables
from worker.cli.errors import DONE, PERSON_NEEDED, StopError, bad_input
from worker.cli.opening import opened, reading
from worker.cli.options import Check, Csv, Json, Kind, MembershipRef, Since, Status, Xlsx, chosen, example, one_of
from worker.tables import Column, Row, inside, money, plain

FINDINGS = (
    plain("finding"),
    plain("membership"),
    plain("charge"),
    plain("renewal"),
    money("charged"),
    money("expected"),
    money("excess"),
    plain("currency"),
    plain("confidence"),
    plain("status"),
    inside("remedy", "kind", "remedy"),
    money("amount", "remedy", "remedy_amount"),
    inside("remedy", "state", "remedy_state"),
    inside("remedy", "clause", "clause"),
    inside("remedy", "policy_version", "policy_version", wide=True),
    plain("first_seen"),
    plain("key"),
    inside("remedy", "key", "remedy_key", wide=True),
    plain("because", wide=True),
)
REMEDIES = (
    plain("key"),
    plain("kind"),
    money("amount"),
    plain("currency"),
    plain("state"),
    plain("held_because"),
    plain("clause"),
    plain("policy_version", wide=True),
    plain("finding"),
    plain("membership"),
    plain("charge"),
)
DELIVERIES = tuple(
    plain(name)
    for name in "id provider event_id event_type source state seen received_at handled_at note".split()  # noqa: SIM905
)
_DELIVERY_STATES = ("new", "done", "passed_over", "failed")


@dataclass(frozen=True, slots=True)
class Form:
    """How a listing is wanted."""

    json: bool
    csv: Path | None
    xlsx: Path | None


def add_to(app: typer.Typer) -> None:
    """Hang the commands on the app."""
    app.command("findings", epilog=example("findings --status open --kind duplicate_charge --json"))(findings)
    app.command("remedies", epilog=example("remedies --status held --xlsx held.xlsx"))(remedies)
    app.command("deliveries", epilog=example("deliveries --status failed --since 2024-12-01"))(deliveries)
    app.command("explain", epilog=example("explain M-1001", "explain stripe:ch_1"))(explain)


def findings(
    *,
    status: Status = None,
    kind: Kind = None,
    since: Since = None,
    membership: MembershipRef = None,
    as_json: Json = False,
    csv: Csv = None,
    xlsx: Xlsx = None,
    check: Check = False,
) -> None:
    """List what is wrong, with what is done about it."""
    from worker.store import listings

    states = chosen(status, tuple(FindingStatus))
    _known_kind(kind)
    wanted = listings.Filter(states, kind, since, membership)
    with reading() as (_, conn):
        waits = partial(needs_a_person, differing=listings.differing(conn))
        people = show(listings.findings(conn, wanted), FINDINGS, Form(as_json, csv, xlsx), "findings", waits)
    raise StopError(PERSON_NEEDED if check and people else DONE)


def remedies(
    *,
    status: Status = None,
    kind: Kind = None,
    since: Since = None,
    membership: MembershipRef = None,
    as_json: Json = False,
    csv: Csv = None,
    xlsx: Xlsx = None,
    check: Check = False,
) -> None:
    """List what is owed to members, and where each remedy stands. --kind is the kind of the finding."""
    from worker.store import listings

    states = chosen(status, tuple(RemedyState))
    _known_kind(kind)
    wanted = listings.Filter(states, kind, since, membership)
    with reading() as (_, conn):
        rows = listings.remedies(conn, wanted)
        people = show(rows, REMEDIES, Form(as_json, csv, xlsx), "remedies", _remedy_waits)
    raise StopError(PERSON_NEEDED if check and people else DONE)


def deliveries(
    *,
    status: Status = None,
    kind: Kind = None,
    since: Since = None,
    membership: MembershipRef = None,
    as_json: Json = False,
    csv: Csv = None,
    xlsx: Xlsx = None,
    check: Check = False,
) -> None:
    """List what the providers told us. --kind is the type of the event, --since goes by when it came."""
    from reconcile.stints import day_begins
    from worker.store import deliveries as store
    from worker.store import histories

    states = chosen(status, _DELIVERY_STATES)
    with reading() as (runtime, conn):
        start = None if since is None else day_begins(since, runtime.rules.zone)
        rows: Iterable[Row] = store.listing(conn, states=states, since=start)
        if membership is not None:
            about = histories.delivery_ids(conn, membership)
            rows = (row for row in rows if row["id"] in about)
        if kind is not None:
            rows = (row for row in rows if row["event_type"] == kind)
        form = Form(as_json, csv, xlsx)
        people = show(rows, DELIVERIES, form, "deliveries", lambda row: row["state"] == "failed")
    raise StopError(PERSON_NEEDED if check and people else DONE)


def explain(ref: Annotated[str, typer.Argument(metavar="REF", show_default=False)], *, as_json: Json = False) -> None:
    """Say what was expected and what came, how they were paired, which clause decides, and what happened since. REF is
    a membership, a charge such as stripe:ch_1, or the key of a finding or remedy."""
    from worker import explaining

    with opened() as runtime:
        told = explaining.explain(runtime, ref)
    if told is None:
        raise bad_input(f"REF: a membership, charge, finding key or remedy key is expected, and {ref} is none")
    typer.echo(tables.as_json(told) if as_json else explaining.page(told))


def needs_a_person(finding: Row, differing: Collection[str] = ()) -> bool:
    """Whether a finding waits for somebody. Of those that are `differing` more is owed than was sent."""
    remedy = finding.get("remedy")
    states = [] if remedy is None else [RemedyState(remedy["state"])]
    states += [RemedyState.HELD] if finding.get("key") in differing else []
    return outcome.needs_a_person(FindingKind(finding["finding"]), FindingStatus(finding["status"]), states)


def _remedy_waits(remedy: Row) -> bool:
    state = remedy["state"]
    return state in outcome.WAITING or outcome.owes_more(state, remedy["held_because"])


def _known_kind(kind: str | None) -> None:
    if kind is not None:
        one_of("--kind", kind, tuple(FindingKind))


def show(rows: Iterable[Row], columns: Sequence[Column], form: Form, title: str, waits: Callable[[Row], bool]) -> int:
    """Write the listing as it is wanted; how many of its rows wait for a person."""
    waiting = 0

    def seen() -> Iterator[Row]:
        nonlocal waiting
        for row in rows:
            waiting += waits(row)
            yield row

    try:
        # A file does not keep JSON from standard output; both then need the rows.
        several = sum(map(bool, (form.json, form.csv, form.xlsx))) > 1
        _write(list(seen()) if several else seen(), columns, form, title)
    finally:
        # A reader may leave early (`| head`): what was not read to its end is closed before its connection is.
        if isinstance(rows, Generator):
            rows.close()
    return waiting


def _write(rows: Iterable[Row], columns: Sequence[Column], form: Form, title: str) -> None:
    if form.csv:
        with _writing(form.csv):
            _written(tables.write_csv(rows, columns, form.csv), form.csv)
    if form.xlsx:
        with _writing(form.xlsx):
            _written(tables.write_xlsx(rows, columns, form.xlsx, title), form.xlsx)
    if form.json:
        tables.write_json(rows, sys.stdout)
    elif not (form.csv or form.xlsx):
        tables.write_table(rows, columns, sys.stdout)


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise bad_input(f"{file}: a file that can be written is expected ({error.strerror})") from None


def _written(rows: int, file: Path) -> None:
    typer.echo(f"{rows} rows written to {file}", err=True)
