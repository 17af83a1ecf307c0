"""`makegood notices` and `notice`: what members are told, and what of it waits for a person."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.cli.errors import DONE, PERSON_NEEDED, StopError, bad_input
from worker.cli.listing import Form, show
from worker.cli.opening import opened, reading
from worker.cli.options import By, Check, Csv, Json, MembershipRef, Status, Xlsx, chosen, example, somebody
from worker.tables import Row, plain

NOTICES = tuple(plain(name) for name in ("key", "kind", "membership", "state", "note", "tries", "at", "sent_at"))
Key = Annotated[str, typer.Argument(metavar="KEY", show_default=False, help="The notice's (see makegood notices).")]
Send = Annotated[bool, typer.Option("--send", help="Let it go out now, by MAKEGOOD_NOTICES_URL.")]
Told = Annotated[bool, typer.Option("--told", help="The member was told in another way: it does not go out.")]


def add_to(app: typer.Typer) -> None:
    """Hang the commands on the app."""
    app.command("notices", epilog=example("notices --status review,failed"))(notices)
    app.command("notice", epilog=example("notice refusal:C-1 --by Ada", "notice refusal:C-1 --send --by Ada"))(notice)


def notices(
    *,
    status: Status = None,
    membership: MembershipRef = None,
    as_json: Json = False,
    csv: Csv = None,
    xlsx: Xlsx = None,
    check: Check = False,
) -> None:
    """List what members are told, without its text: laid out for review, waiting, sent, or failed."""
    from worker.notices import reviewing

    states = chosen(status, reviewing.STATES)
    with reading() as (_, conn):
        rows = reviewing.listing(conn, states, membership)
        people = show(rows, NOTICES, Form(as_json, csv, xlsx), "notices", _waits)
    raise StopError(PERSON_NEEDED if check and people else DONE)


def notice(key: Key, *, by: By, send: Send = False, told: Told = False) -> None:
    """Print what one says; with --send let it go out, with --told close it. Each is an audit entry."""
    from worker.notices import reviewing
    from worker.notices.sending import send_waiting

    if send and told:
        raise bad_input("--send or --told is expected, not both")
    who = somebody(by)
    with opened() as runtime:
        if send and (runtime.settings.notices != "email" or runtime.settings.notices_url is None):
            raise bad_input("--send: MAKEGOOD_NOTICES=email and MAKEGOOD_NOTICES_URL are expected")
        try:
            if send:
                reviewing.release(runtime, key, who)
                typer.echo(f"{send_waiting(runtime)} sent")
            elif told:
                reviewing.told(runtime, key, who)
                typer.echo(f"{key} is closed: {reviewing.BY_HAND}")
            else:
                text = reviewing.read(runtime, key, who)
                typer.echo(f"{text.subject}\n\n{text.body}")
        except reviewing.NoticeError as error:
            raise bad_input(str(error)) from None


def _waits(row: Row) -> bool:
    from worker.notices.reviewing import OPEN

    return row["state"] in OPEN
