"""How a batch of deliveries is committed: on Postgres without a thread and without the pool, on SQLite in its one
writer's thread."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg
from sqlalchemy import Engine
from sqlalchemy import exc as sqlalchemy

from worker.engine import own_connection
from worker.store.at_once import AtOnce
from worker.store.recording import Ready, Recorded, record_ready

# The database is away or busy: nothing is wrong with what was to be stored.
AWAY = (
    psycopg.InterfaceError,
    psycopg.OperationalError,
    sqlalchemy.InterfaceError,
    sqlalchemy.OperationalError,
    sqlalchemy.TimeoutError,
)


class Committer:
    """One batch at a time: when `commit` returns, it is on the disk."""

    def __init__(self, engine: Engine, threads: ThreadPoolExecutor) -> None:
        self._engine = engine
        self._threads = threads
        self._own: AtOnce | None = None

    async def commit(self, rows: Sequence[Ready]) -> list[Recorded]:
        """Keep the deliveries; the answers stand in their order."""
        if self._engine.dialect.name == "postgresql" and all(row.transmission_id is None for row in rows):
            return await self._at_once(rows)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._in_transaction, rows)

    async def close(self) -> None:
        """Give the connection back."""
        if self._own is not None:
            await self._own.close()
            self._own = None

    async def _at_once(self, rows: Sequence[Ready]) -> list[Recorded]:
        if self._own is not None and self._own.usable:
            try:
                return await self._own.record(rows)
            except psycopg.OperationalError:
                # The server may have been restarted since the last batch. If this one was stored and only the answer
                # was lost, it is counted twice, and kept once.
                if self._own.usable:
                    raise
        await self.close()
        self._own = AtOnce(await own_connection(self._engine))
        return await self._own.record(rows)

    def _in_transaction(self, rows: Sequence[Ready]) -> list[Recorded]:
        with self._engine.begin() as conn:
            return record_ready(conn, rows)
