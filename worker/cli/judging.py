"""`makegood reconcile`, `replay`, `report`, `demo`: judge, handle again, write down, and try the whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.errors import DONE, PERSON_NEEDED, StopError, bad_input
from worker.cli.listing import needs_a_person
from worker.cli.opening import opened
from worker.cli.options import Check, Json, MembershipRef, day, example
from worker.cli.progress import progress

if TYPE_CHECKING:
    from worker.judging import Judged
    from worker.runtime import Runtime
    from worker.sharing import Wake

AsOf = Annotated[
    date | None,
    typer.Option("--as-of", parser=day, metavar="DATE", help="Judge as at the end of this date (default: today)."),
]
Everything = Annotated[bool, typer.Option("--all", help="Every membership, not only what changed or fell due.")]
Failed = Annotated[bool, typer.Option("--failed", help="Every delivery that was set aside.")]
DeliveryId = Annotated[int | None, typer.Argument(metavar="[DELIVERY]", min=1, max=2**63 - 1, show_default=False)]
Night = Annotated[date | None, typer.Option("--date", parser=day, metavar="DATE", help="The night (default: today).")]


def add_to(app: typer.Typer) -> None:
    """Hang the commands on the app."""
    app.command("reconcile", epilog=example("reconcile --as-of 2024-12-31", "reconcile --all"))(reconcile)
    app.command("replay", epilog=example("replay 1041", "replay --failed"))(replay)
    app.command("report", epilog=example("report --date 2024-12-31 --out reports"))(report)
    app.command("demo", epilog=example("demo --members 500 --months 12 --seed 7 --out demo"))(demo)


def reconcile(
    *,
    as_of: AsOf = None,
    membership: MembershipRef = None,
    everything: Everything = False,
    as_json: Json = False,
    check: Check = False,
) -> None:
    """Judge memberships: what changed or fell due since it was last judged, one of them, or all."""
    from worker import judging, tables
    from worker.sharing import judge_shared
    from worker.store.due import Wanted

    with opened() as runtime:
        on = as_of or judging.today(runtime)
        if membership is not None:
            _known(runtime, membership)
        with progress("memberships judged") as tell, _workers(runtime) as wake:
            if membership is None and wake is not None:
                name = f"reconcile {on} at {runtime.clock().isoformat()}"
                judged: Judged = judge_shared(runtime, Wanted(on, everything), name, wake, tell)
            else:
                judged = judging.reconcile_all(runtime, on, membership, everything=everything, progress=tell)
        kinds, people = _open_kinds(runtime, membership)
    if as_json:
        counts = {"memberships": judged.memberships, "strays": judged.strays, "findings": judged.findings}
        counts |= {"failed": judged.failed}
        typer.echo(tables.as_json({"as_of": on, **counts, "open": kinds, "needs_a_person": people}))
    else:
        typer.echo(
            f"as of {on}: {judged.memberships} memberships and {judged.strays} stray charges judged, "
            f"{judged.findings} findings; {sum(kinds.values())} open, {people} for a person"
            + (f"; {judged.failed} could not be judged, the log says why" if judged.failed else "")
        )
    raise StopError(PERSON_NEEDED if check and (people or judged.failed) else DONE)


@contextmanager
def _workers(runtime: Runtime) -> Iterator[Wake | None]:
    """By what workers in other processes are woken to take part; None where there is no queue between processes."""
    from worker.actors import declare
    from worker.broker import close, in_process, make_broker, reachable

    broker = make_broker(runtime.settings)
    try:
        yield None if in_process(broker) or not reachable(broker) else declare(runtime, broker).wake
    finally:
        close(broker)


def _open_kinds(runtime: Runtime, membership: str | None) -> tuple[dict[str, int], int]:
    """The open findings, counted by kind, and how many of them wait for a person."""
    from worker.engine import reading
    from worker.store import listings

    kinds: dict[str, int] = {}
    people = 0
    with reading(runtime.engine).begin() as conn:
        differing = listings.differing(conn)
        for row in listings.findings(conn, listings.Filter(statuses=("open",), membership=membership)):
            kinds[row["finding"]] = kinds.get(row["finding"], 0) + 1
            people += needs_a_person(row, differing)
    return dict(sorted(kinds.items())), people


def _known(runtime: Runtime, membership: str) -> None:
    from sqlalchemy import select

    from worker.engine import reading
    from worker.schema import memberships

    with reading(runtime.engine).begin() as conn:
        if conn.scalar(select(memberships.c.ref).where(memberships.c.ref == membership)) is None:
            raise bad_input(f"--membership: a membership of the roster is expected, and {membership} is none")


def replay(delivery: DeliveryId = None, *, failed: Failed = False, as_json: Json = False) -> None:
    """Handle stored deliveries again: one, or with --failed all that were set aside."""
    from worker import handling, tables
    from worker.store import deliveries

    if (delivery is None) is not failed:
        raise bad_input("the number of a delivery or --failed is expected, one of them (see makegood deliveries)")
    with opened() as runtime:
        with runtime.engine.begin() as conn:
            opened_again = deliveries.reopen(conn, () if delivery is None else (delivery,), failed=failed)
        if delivery is not None and opened_again == 0:
            raise bad_input(f"delivery {delivery}: a stored delivery is expected, and there is none with its body kept")
        handled = handling.drain(runtime)
    counts = {"reopened": opened_again, "done": handled.done}
    counts |= {"passed_over": handled.passed_over, "failed": handled.failed}
    if as_json:
        typer.echo(tables.as_json(counts))
    else:
        typer.echo("deliveries: " + ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()))


def report(
    night: Night = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the files are written.")] = Path("reports"),
) -> None:
    """Write the nightly report as HTML, XLSX and JSON, and print where it lies."""
    from worker import report as reporting
    from worker.judging import today

    with opened() as runtime, _writing_to(out):
        written: Path = reporting.write(runtime, night or today(runtime), out)
    typer.echo(str(written))


@contextmanager
def _writing_to(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise bad_input(f"--out: a folder that can be written is expected, not {out} ({error.strerror})") from None


def demo(
    members: Annotated[int, typer.Option("--members", min=1, max=100_000)] = 500,
    months: Annotated[int, typer.Option("--months", min=1, max=120)] = 12,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 7,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where report and database are kept.")
    ] = None,
) -> None:
    """Try the whole product on made-up data, offline: webhooks in, refunds out, the result held against the truth."""
    from worker.sandbox import demo as trial

    if out is not None:
        with _writing_to(out):
            out.mkdir(parents=True, exist_ok=True)
    raise StopError(int(trial.run(members, months, seed, out)))
