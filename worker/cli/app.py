"""The commands put together."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.cli import (
    auditing,
    backfilling,
    backtest,
    claims,
    importing,
    judging,
    keeping,
    keys,
    listing,
    money,
    nights,
    notices,
    policies,
    privacy,
    serving,
    tokens,
    users,
)

app = typer.Typer(
    name="makegood",
    help="Holds every Stripe and PayPal charge against the renewals a membership agreed to, finds overbilling, and "
    "makes it good once.",
    epilog="Settings are MAKEGOOD_* environment variables. Start with: makegood demo",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context, *, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    from config import logging

    # A command that ends says what matters itself; those that serve turn to the level of the settings.
    logging.configure("WARNING")
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"makegood {installed('makegood')}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


serving.add_to(app)
keeping.add_to(app)
app.add_typer(importing.app, name="import")
backfilling.add_to(app)
judging.add_to(app)
nights.add_to(app)
listing.add_to(app)
claims.add_to(app)
notices.add_to(app)
money.add_to(app)
backtest.add_to(policies.app)
app.add_typer(policies.app, name="policy")
app.add_typer(auditing.app, name="audit")
app.add_typer(privacy.app, name="privacy")
app.add_typer(keys.app, name="keys")
app.add_typer(tokens.app, name="token")
app.add_typer(users.app, name="user")
