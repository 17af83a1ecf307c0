"""`makegood issue`, `approve`, `waive`, `retry`, `stop` and `resume`: money out, and what people decide about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from worker import tables
from worker.cli.errors import bad_input
from worker.cli.opening import opened
from worker.cli.options import Json, example

if TYPE_CHECKING:
    from worker.money.executor import Issued
    from worker.runtime import Runtime

Key = Annotated[str, typer.Argument(metavar="KEY", show_default=False, help="The remedy's (see makegood remedies).")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides this; it stands in the audit log.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the audit log.")]


def add_to(app: typer.Typer) -> None:
    """Hang the commands on the app."""
    app.command("issue", epilog=example("issue", "issue --json"))(issue)
    app.command("approve", epilog=example("approve remedy:stripe:ch_1 --by 'Ada Example'"))(approve)
    app.command("waive", epilog=example("waive remedy:stripe:ch_1 --by 'Ada Example' --reason 'credited by hand'"))(
        waive
    )
    app.command("retry", epilog=example("retry remedy:stripe:ch_1 --by 'Ada Example'"))(retry)
    app.command("stop", epilog=example("stop --by 'Ada Example' --reason 'the price list is wrong'"))(stop)
    app.command("resume", epilog=example("resume --by 'Ada Example' --reason 'it is mended'"))(resume)


def issue(*, as_json: Json = False) -> None:
    """Issue every queued remedy that is due, then stop. In shadow mode nothing is sent."""
    from worker.money.executor import issue_due

    with opened() as runtime:
        issued = issue_due(runtime, timer=True)
    if as_json:
        names = ("due", "cooling", "shadow", "stopped", "failed")
        counts = {name: getattr(issued, name) for name in names}
        typer.echo(tables.as_json(counts | {"became": dict(sorted(issued.words.items()))}))
    else:
        typer.echo(_said(issued))


def _said(issued: Issued) -> str:
    cooling = f"; {issued.cooling} more are decided and cooling" if issued.cooling else ""
    if issued.shadow:
        return f"shadow mode: {issued.due} remedies would be sent, nothing is (MAKEGOOD_MODE=live sends){cooling}"
    parts = [f"{count} {word}" for word, count in sorted(issued.words.items())]
    if issued.failed:
        parts.append(f"{issued.failed} met a fault and are tried again")
    told = f"{issued.due} remedies were due" + (f": {', '.join(parts)}" if parts else "") + cooling
    return f"{told}; outgoing money is stopped (makegood resume)" if issued.stopped else told


def approve(key: Key, *, by: By) -> None:
    """Let a held remedy go. The approval holds for this amount, charge, kind and clause only."""
    from worker.money import decisions

    with _deciding() as runtime:
        typer.echo(f"{key} is {decisions.approve(runtime, key, by)}")


def waive(key: Key, *, by: By, reason: Reason) -> None:
    """Give a remedy up for good."""
    from worker.money import decisions

    with _deciding() as runtime:
        typer.echo(f"{key} is {decisions.waive(runtime, key, by, reason)}")


def retry(key: Key, *, by: By) -> None:
    """Send a refund that failed once more, under a new key."""
    from worker.money import decisions

    with _deciding() as runtime:
        typer.echo(f"{key} is {decisions.retry(runtime, key, by)}")


def stop(*, by: By, reason: Reason) -> None:
    """Stop all outgoing money, from the next call to a provider on."""
    _switch(by, reason, stopped=True)


def resume(*, by: By, reason: Reason) -> None:
    """Let money go out again."""
    _switch(by, reason, stopped=False)


def _switch(by: str, reason: str, *, stopped: bool) -> None:
    from worker.money import decisions

    with _deciding() as runtime:
        before = decisions.set_money(runtime, by, reason, stopped=stopped)
    already = stopped == (before is not None and before.stopped)
    told = "stopped" if stopped else "running"
    who = f" (since {before.at:%Y-%m-%d %H:%M} by {before.by}: {before.reason})" if already and before else ""
    typer.echo(f"outgoing money is {told}" + (" already" if already else "") + who)


@contextmanager
def _deciding() -> Iterator[Runtime]:
    from worker.money.decisions import DecisionError

    with opened() as runtime:
        try:
            yield runtime
        except DecisionError as error:
            raise bad_input(str(error)) from None
