"""`makegood claim` and `claims`: what members say is wrong, and what they are answered."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from reconcile.claims_types import ClaimKind, ClaimState
from worker.cli.errors import DONE, PERSON_NEEDED, StopError, bad_input
from worker.cli.listing import Form, show
from worker.cli.opening import opened, reading
from worker.cli.options import Check, Csv, Json, Kind, MembershipRef, Since, Status, Xlsx, chosen, example, one_of
from worker.fields import MOMENTS, TIMES
from worker.report.amounts import written
from worker.tables import Column, Row, money, plain

CLAIMS = (
    plain("claim"),
    plain("membership"),
    plain("kind"),
    plain("charge"),
    plain("state"),
    plain("remedy"),
    money("amount"),
    plain("currency"),
    plain("force"),
    plain("clause"),
    plain("asked_for"),
    plain("deadline"),
    plain("received_at"),
    plain("remedy_state"),
    plain("policy_version", wide=True),
    plain("held_because", wide=True),
    plain("remedy_key", wide=True),
    Column("reason", lambda row: written(row["reason"]), wide=True),
)
File = Annotated[Path, typer.Argument(metavar="FILE.json", show_default=False)]


def moment(text: str) -> datetime:
    """A time with its offset, or nothing."""
    try:
        found = datetime.fromisoformat(text.upper())
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise typer.BadParameter(f"a time with its offset such as 2024-06-28T23:59:00-05:00 is expected, not '{text}'")
    if found.year not in MOMENTS:
        raise typer.BadParameter(f"{TIMES} is expected, not '{text}'")
    return found


AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", parser=moment, metavar="TIME", help="Decide as at this time (default: now)."),
]


def add_to(app: typer.Typer) -> None:
    """Hang the commands on the app."""
    app.command("claim", epilog=example("claim claim.json", "claim claim.json --as-of 2024-06-28T23:59:00-05:00"))(
        claim
    )
    app.command("claims", epilog=example("claims --status held,pending --json"))(claims)


def claim(file: File, *, as_of: AsOf = None) -> None:
    """Take in a member's claim and print the answer as JSON: remedy, amount, clause, reason, what is asked for."""
    from worker import tables
    from worker.claims import ClaimError, read_file, take, words_of
    from worker.fields import BadFieldError

    with opened() as runtime:
        try:
            answer = take(runtime, read_file(file, words_of(runtime.rules.policy)), as_of)
        except (BadFieldError, ClaimError) as error:
            raise bad_input(f"{file}: {error}") from None
        except OSError as error:
            raise bad_input(f"{file}: a file with a claim is expected ({error.strerror})") from None
    typer.echo(tables.as_json(answer))


def claims(
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
    """List what members asked for and what they were answered. --since goes by when a claim came."""
    from worker.store import claims as store
    from worker.store.listings import Filter

    states = chosen(status, tuple(ClaimState))
    if kind is not None:
        one_of("--kind", kind, tuple(ClaimKind))
    wanted = Filter(states, kind, since, membership)
    with reading() as (runtime, conn):
        rows = store.listing(conn, wanted, runtime.rules.zone)
        people = show(rows, CLAIMS, Form(as_json, csv, xlsx), "claims", _waits)
    raise StopError(PERSON_NEEDED if check and people else DONE)


def _waits(row: Row) -> bool:
    """Whether a person has still to decide: the remedy may have been approved or waived since."""
    return row["state"] == ClaimState.HELD and row["remedy_state"] in (None, "held", "failed")
