"""`makegood policy backtest`: what other clauses would have decided, in money."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker import tables
from worker.cli.errors import bad_input
from worker.cli.opening import opened
from worker.cli.options import Json, day, example, somebody
from worker.tables import Column, Row, money, plain

if TYPE_CHECKING:
    from worker.backtest import Difference

File = Annotated[Path, typer.Argument(metavar="BUNDLE_FILE", show_default=False)]
AsOf = Annotated[
    date | None,
    typer.Option("--as-of", parser=day, metavar="DATE", help="Decide as at the end of this date (default: today)."),
]
InsteadOf = Annotated[
    str | None,
    typer.Option("--instead-of", metavar="BUNDLE", help="The bundle it replaces (default: of its own name)."),
]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who runs it: stands with the result it keeps.")]
Cases = Annotated[bool, typer.Option("--cases", help="Each case that comes out otherwise, not only the sums.")]

_SUMS = (
    Column("clause", lambda row: row["clause"] or "no clause"),
    plain("remedy"),
    plain("state"),
    plain("now"),
    money("now_amount"),
    plain("then"),
    money("then_amount"),
    money("difference"),
    plain("currency"),
)


def _was(name: str) -> Column:
    def cell(row: Row) -> str:
        told = row[name]
        if told is None:
            return "nothing"
        amount = "" if told["amount"] is None else f"{tables.decimal(told['amount'], told['currency'])} "
        return f"{told['remedy']} {amount}{told['state']} {told['clause'] or 'no clause'}"

    return Column(name, cell)


_CASES = (plain("membership"), plain("key"), _was("now"), _was("then"))


def add_to(app: typer.Typer) -> None:
    """Hang the command on `policy`."""
    app.command("backtest", epilog=example("policy backtest my-bundle.toml", "policy backtest my-bundle.toml --json"))(
        backtest
    )


def backtest(
    file: File,
    *,
    as_of: AsOf = None,
    instead_of: InsteadOf = None,
    cases: Cases = False,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Decide the whole stored history again under the bundle of a file, and show the difference by clause and in money.
    Nothing in force changes and nothing is sent; the sums are kept for the policy's page in the console."""
    from config import policies
    from worker.backtest import NobodyUnderItError, keep
    from worker.backtest import backtest as run
    from worker.judging import today

    name = None if by is None else somebody(by)
    bundle = policies.read(file)
    with opened() as runtime:
        if instead_of is not None and instead_of not in runtime.rules.policy.versions:
            known = ", ".join(sorted(runtime.rules.policy.versions))
            raise bad_input(f"--instead-of: one of {known} is expected, and {instead_of} is none")
        try:
            found = run(runtime, bundle, as_of or today(runtime), instead_of)
        except NobodyUnderItError as error:
            raise bad_input(f"{file}: {error} (see --instead-of)") from None
        try:
            keep(runtime, found, name)
        finally:  # it may have taken long: it is shown also where it cannot be kept
            _show(found, cases=cases, as_json=as_json)


def _show(found: Difference, *, cases: bool, as_json: bool) -> None:
    rows = found.cases if cases else list(found.rows())
    if as_json:
        tables.write_json(rows, sys.stdout)
        return
    tables.write_table(rows, _CASES if cases else _SUMS, sys.stdout)
    typer.echo(f"{found.memberships} memberships decided again, {len(found.cases)} cases come out otherwise", err=True)
