"""A batch over libpq itself: the same rows as any other way, of any size, and no answer taken for another's."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta, timezone
from random import Random

import psycopg
import pytest
from sqlalchemy import Engine, select, text

from tests.worker.schemas import Schemas
from tests.worker.test_deliveries import made, record
from worker import schema
from worker.committing import Committer
from worker.crypt import Keyring
from worker.engine import own_connection
from worker.store.at_once import AtOnce
from worker.store.recording import NewDelivery, Recorded, ready


@pytest.fixture
def database_url(schemas: Schemas) -> str:
    """Postgres alone has such a way."""
    return schemas.emptied()


def keep(engine: Engine, keyring: Keyring, rows: list[NewDelivery]) -> list[Recorded]:
    async def run() -> list[Recorded]:
        at_once = AtOnce(await own_connection(engine))
        told = await at_once.record([ready(keyring, row) for row in rows])
        await at_once.close()
        return told

    return asyncio.run(run())


def test_it_writes_what_the_other_way_writes(engine: Engine, keyring: Keyring) -> None:
    other = made(1)
    rows = [
        other,
        replace(other, envelope=replace(other.envelope, event_id="evt_2", account="acct_é", live=True)),
        replace(other, envelope=replace(other.envelope, event_id="evt_3", live=False), source="import", provider="p"),
        replace(other, received_at=made(1).received_at.astimezone(timezone(timedelta(hours=-7))), provider="q"),
        replace(other, received_at=other.received_at.replace(year=1987, microsecond=1), provider="r"),
        replace(other, body=b'{"address": {"country": "DE"}, "name": "x"}', provider="s"),
    ]
    record(engine, keyring, rows)
    columns = [column for column in schema.deliveries.c if column.name not in {"id", "body"}]
    query = select(*columns).order_by(schema.deliveries.c.provider, schema.deliveries.c.event_id)
    with engine.begin() as conn:
        expected = conn.execute(query).all()
        conn.execute(schema.deliveries.delete())
    told = keep(engine, keyring, rows)
    assert all(answer.new for answer in told)
    with engine.begin() as conn:
        assert conn.execute(query).all() == expected
        ids = {row.id: row for row in conn.execute(select(schema.deliveries))}
    assert [ids[answer.id].event_id for answer in told] == [row.envelope.event_id for row in rows]


def test_a_batch_may_be_larger_than_what_the_socket_takes_at_once(engine: Engine, keyring: Keyring) -> None:
    random = Random(1)
    rows = [made(n, random.randbytes(100_000)) for n in range(120)]
    assert all(answer.new for answer in keep(engine, keyring, rows))
    with engine.connect() as conn:
        assert conn.scalar(text("SELECT sum(length(body)) FROM deliveries")) > 12_000_000


def test_a_repeat_is_known_with_its_number(engine: Engine, keyring: Keyring) -> None:
    first = keep(engine, keyring, [made(n) for n in range(3)])
    again = keep(engine, keyring, [made(2), made(7), made(2), made(0)])
    assert [answer.new for answer in again] == [False, True, False, False]
    assert [answer.id for answer in again] == [first[2].id, again[1].id, first[2].id, first[0].id]


def test_a_refused_batch_leaves_the_connection_as_it_was(engine: Engine, keyring: Keyring) -> None:
    async def run() -> list[Recorded]:
        at_once = AtOnce(await own_connection(engine))
        with pytest.raises(psycopg.DataError):
            await at_once.record([ready(keyring, replace(made(1), source="\x00"))])
        assert at_once.usable
        told = await at_once.record([ready(keyring, made(1))])
        await at_once.close()
        return told

    assert asyncio.run(run())[0].new


def test_an_answer_that_nobody_waited_for_is_not_taken_for_the_next(engine: Engine, keyring: Keyring) -> None:
    async def run() -> list[Recorded]:
        with ThreadPoolExecutor(1) as threads:
            committer = Committer(engine, threads)
            first = await committer.commit([ready(keyring, made(1))])
            with engine.begin() as conn:
                conn.execute(text("LOCK TABLE deliveries"))
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(committer.commit([ready(keyring, made(2))]), 0.2)
            told = [*first, *await committer.commit([ready(keyring, made(3))])]
            await committer.close()
            return told

    told = asyncio.run(run())
    assert all(answer.new for answer in told)
    with engine.connect() as conn:
        ids = {row.event_id: row.id for row in conn.execute(select(schema.deliveries))}
    assert (ids["evt_001"], ids["evt_003"]) == (told[0].id, told[1].id)
