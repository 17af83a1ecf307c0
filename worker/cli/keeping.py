"""`makegood backup`: a copy of the embedded database, taken while everything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from worker.cli.errors import bad_input
from worker.cli.opening import opened
from worker.cli.options import example


def add_to(app: typer.Typer) -> None:
    """Hang the command on the app."""
    app.command("backup", epilog=example("backup makegood-2026-11-08.db"))(backup)


def backup(file: Annotated[Path, typer.Argument(help="The copy; it must not be there yet.")]) -> None:
    """Copy the embedded database to a file, whole and of one moment, while receiver and worker go on. Of Postgres
    `pg_dump` makes copies. The keys are not in it: keep them elsewhere."""
    from worker.engine import copy_to

    if file.exists():
        raise bad_input(f"{file} is there already: name a file that is not")
    if not file.absolute().parent.is_dir():
        raise bad_input(f"{file}: there is no such folder")
    with opened() as runtime:
        if not runtime.settings.is_sqlite:
            raise bad_input("this is Postgres: use pg_dump --format=custom, see docs/operations.md")
        try:
            copy_to(runtime.engine, file)
        except OSError as error:
            raise bad_input(f"{file}: a file that can be written is expected ({error})") from None
    typer.echo(f"copied to {file}; keep the encryption keys too, and elsewhere")
