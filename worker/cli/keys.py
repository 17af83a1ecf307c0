"""`makegood keys …`: the master keys that personal data rests under, and their change."""

from __future__ import annotations

import sys

import typer

from worker import tables
from worker.cli.errors import DONE, PERSON_NEEDED, StopError
from worker.cli.opening import opened
from worker.cli.options import By, Check, Json, example
from worker.schema import Row
from worker.tables import plain

app = typer.Typer(help="The master keys: make one, see what rests under which, seal everything under the newest.")

_COLUMNS = (plain("store"), plain("key"), plain("key_is"), plain("rows"))


@app.command("new", epilog=example("keys new"))
def new() -> None:
    """Print a fresh key as MAKEGOOD_ENCRYPTION_KEYS takes it. It is a secret, and kept nowhere."""
    from worker.crypt import new_key

    typer.echo(new_key())


@app.command("status", epilog=example("keys status", "keys status --check"))
def status(*, as_json: Json = False, check: Check = False) -> None:
    """Count what rests under each key. An older key can be dropped from the settings once nothing is left under it."""
    from worker import rotation

    with opened() as runtime:
        rows = rotation.status(runtime)
    _show(rows, as_json=as_json)
    raise StopError(PERSON_NEEDED if check and rotation.left(rows) else DONE)


@app.command("rotate", epilog=example("keys rotate --by ops"))
def rotate(
    *, by: By = "operations",
    as_json: Json = False, check: Check = False,
) -> None:  # fmt: skip
    """Seal everything under the newest key: members' keys, the key of the e-mail index, stored bodies. Stopped and
    started again, it goes on where it was; nothing has to be stopped for it."""
    from worker import rotation

    with opened() as runtime:
        rows = rotation.rotate(runtime, by)
    _show(rows, as_json=as_json)
    raise StopError(PERSON_NEEDED if check and rotation.left(rows) else DONE)


def _show(rows: list[Row], *, as_json: bool) -> None:
    from worker.rotation import left

    if as_json:
        tables.write_json(rows, sys.stdout)
        return
    tables.write_table(rows, _COLUMNS, sys.stdout)
    typer.echo(f"{left(rows)} rows are not under the newest key", err=True)
