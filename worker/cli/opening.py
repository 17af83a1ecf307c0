"""How a command comes to a runtime: settings read, database reached, schema at its head."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from worker.cli.errors import unreachable

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from config.settings import Settings
    from worker.runtime import Runtime


@contextmanager
def opened(settings: Settings | None = None) -> Iterator[Runtime]:
    """A runtime on a database with the current schema. The embedded database is made and migrated by itself; one that
    others share is migrated when somebody says so, and until then the command stops with 3."""
    from config.settings import load
    from worker.engine import at_head

    runtime = build(settings or load())
    try:
        if not at_head(runtime.engine):
            if not runtime.settings.is_sqlite:
                raise unreachable("the database has not the current schema: run `makegood migrate`")
            bring_to_head(runtime)
        yield runtime
    finally:
        runtime.close()


@contextmanager
def reading() -> Iterator[tuple[Runtime, Connection]]:
    """The same, and one transaction that only reads, however long it takes."""
    from worker import engine

    with opened() as runtime, engine.reading(runtime.engine).begin() as conn:
        engine.lift_limits(conn)
        yield runtime, conn


def build(settings: Settings) -> Runtime:
    """The runtime, on whatever schema the database has."""
    from worker import runtime

    try:
        return runtime.build(settings)
    except OSError as error:
        # The embedded database keeps its key beside it, so an unwritable folder shows here first.
        if isinstance(error, ConnectionError):
            raise
        raise unreachable(f"the folder of the database cannot be used: {error.filename}: {error.strerror}") from None


def bring_to_head(runtime: Runtime) -> None:
    """Migrate the database. One from a later makegood is left as it is."""
    from alembic.util import CommandError

    from worker.engine import migrate

    try:
        migrate(runtime.engine)
    except CommandError as error:
        raise unreachable(f"the database was made by a later makegood ({error})") from None
    runtime.prepare()
