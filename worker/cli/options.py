"""Options that several commands share, and how their values are read."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from worker.cli.errors import bad_input
from worker.fields import iso_day


def day(text: str) -> date:
    """An ISO date, and nothing that merely looks like one."""
    try:
        return iso_day(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error} is expected, not '{text}'") from None


def chosen(given: list[str] | None, known: tuple[str, ...]) -> tuple[str, ...]:
    """The states that `--status` names: repeated, or with commas between them; none of them or `all` is every one."""
    names = words(given)
    for name in names:
        one_of("--status", name, (*known, "all"))
    return () if "all" in names else tuple(dict.fromkeys(names))


def words(given: list[str] | None) -> list[str]:
    """What an option names that may be repeated, or hold several with commas between them."""
    return [word.strip() for part in given or [] for word in part.split(",")]


def one_of(option: str, name: str, known: tuple[str, ...]) -> str:
    """The name, which is one of these. Raises StopError."""
    if name not in known:
        raise bad_input(f"{option}: one of {', '.join(known)} is expected, not '{name}'")
    return name


def somebody(by: str) -> str:
    """The name that `--by` gives, as it will stand in the audit log. Raises StopError."""
    from worker.accounts.users import UserError, proper_name

    try:
        return proper_name(by)
    except UserError as error:
        raise bad_input(f"--by: {str(error).removeprefix('NAME: ')}") from None


PROVIDERS = ("stripe", "paypal")

Provider = Annotated[str, typer.Option("--provider", metavar="NAME", help="stripe or paypal.", show_default=False)]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it, for the audit log.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output instead of a table.")]
Check = Annotated[bool, typer.Option("--check", help="Exit with 1 when something needs a person.")]
Status = Annotated[
    list[str] | None, typer.Option("--status", metavar="STATE", help="One or more states (repeat it), or all.")
]
Kind = Annotated[str | None, typer.Option("--kind", metavar="KIND", help="Only this kind.")]
Since = Annotated[
    date | None, typer.Option("--since", parser=day, metavar="DATE", help="Only what was first seen from this date on.")
]
MembershipRef = Annotated[str | None, typer.Option("--membership", metavar="REF", help="Only this membership.")]
Csv = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", dir_okay=False, help="Write a CSV file instead of a table.")
]
Xlsx = Annotated[
    Path | None, typer.Option("--xlsx", metavar="FILE", dir_okay=False, help="Write an Excel file instead of a table.")
]


def example(*lines: str) -> str:
    """What stands under a command's help."""
    return "Example: " + "   or   ".join(f"makegood {line}" for line in lines)
