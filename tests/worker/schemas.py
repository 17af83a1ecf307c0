"""Databases at the head of the schema, in a fraction of the time that `migrate` takes: it is run once of each kind, and
what it made is copied, or emptied again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from tests.servers import PostgresServer
from worker.engine import make_engine, migrate
from worker.schema import metadata

# Of a database that only a test has touched, whatever could have been changed about its tables.
_SHAPE = """SELECT md5(string_agg(told, ',' ORDER BY told)) FROM (
    SELECT concat_ws(' ', c.relname, c.relkind, c.reloptions::text, a.attname, a.atttypid, a.attnotnull) AS told
    FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', conrelid::regclass, conname) FROM pg_constraint WHERE conrelid <> 0
    UNION ALL SELECT concat_ws(' ', tgrelid::regclass, tgname) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT version_num FROM alembic_version
) AS all_of_it"""
_OTHERS = """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


class Schemas:
    """`server` is asked for once Postgres is wanted; `folder` is where the SQLite file is kept."""

    def __init__(self, server: Callable[[], PostgresServer], folder: Path) -> None:
        self._server, self._folder = server, folder
        self._kept = ""

    def put(self, address: str) -> None:
        """The head of the schema into an empty database."""
        url = make_url(address)
        assert url.database is not None
        if url.get_backend_name() == "sqlite":
            shutil.copyfile(self._sqlite, url.database)
        else:
            server, template = self._postgres
            server.drop_database(url.database)
            server.create_database(template, url.database)

    def emptied(self) -> str:
        """The address of a Postgres database at the head of the schema in which there is nothing: the same for every
        test of this process, unless one has changed its tables."""
        server, template = self._postgres
        if self._kept:
            with psycopg.connect(_libpq(server.url(self._kept)), autocommit=True) as conn:
                conn.execute(_OTHERS)
                if conn.execute(_SHAPE).fetchone() == self._shape:
                    _empty(conn)
                    return server.url(self._kept)
            server.drop_database(self._kept)
        self._kept = server.create_database(template)
        return server.url(self._kept)

    @cached_property
    def _sqlite(self) -> Path:
        file = self._folder / "makegood.db"
        _migrated(f"sqlite:///{file}")
        return file

    @cached_property
    def _postgres(self) -> tuple[PostgresServer, str]:
        server = self._server()
        name = server.create_database()
        _migrated(server.url(name))
        return server, name

    @cached_property
    def _shape(self) -> tuple[object, ...] | None:
        server, _ = self._postgres
        untouched = server.create_database(self._postgres[1])
        with psycopg.connect(_libpq(server.url(untouched))) as conn:
            shape = conn.execute(_SHAPE).fetchone()
        server.drop_database(untouched)
        return shape


def _migrated(address: str) -> None:
    engine = make_engine(address)
    migrate(engine)
    engine.dispose()


def _empty(conn: psycopg.Connection[tuple[object, ...]]) -> None:
    held = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in metadata.tables)  # noqa: S608 - our own
    full = [str(name) for (name,) in conn.execute(held.encode())]
    if full:
        conn.execute(f"TRUNCATE {', '.join(full)} RESTART IDENTITY CASCADE".encode())


def _libpq(address: str) -> str:
    return make_url(address).set(drivername="postgresql").render_as_string(hide_password=False)
