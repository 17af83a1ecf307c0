"""Group commit: one transaction for many, one bad row fails alone, and what is told as kept is kept."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Engine, event, func, select, text

from tests.worker.test_deliveries import made
from worker.crypt import Keyring
from worker.intake import Intake, NotKeptError
from worker.schema import deliveries
from worker.store.deliveries import NewDelivery, Recorded


def silent() -> None:
    pass


def keep_all(
    engine: Engine, keyring: Keyring, rows: list[NewDelivery], ring: Callable[[], None] = silent, queue_max: int = 2048
) -> list[Recorded | BaseException]:
    """Hand over all rows at once; what each sender is told."""

    async def run() -> list[Recorded | BaseException]:
        intake = Intake(engine, keyring, ring, queue_max=queue_max)
        await intake.start()
        told = await asyncio.gather(*(intake.keep(row) for row in rows), return_exceptions=True)
        await intake.stop()
        return told

    return asyncio.run(run())


def stored(engine: Engine) -> int:
    with engine.connect() as conn:
        return conn.execute(select(func.count()).select_from(deliveries)).scalar_one()


def test_many_senders_share_commits(engine: Engine, keyring: Keyring) -> None:
    commits: list[object] = []
    event.listen(engine, "commit", commits.append)
    told = keep_all(engine, keyring, [made(n % 300) for n in range(600)])
    assert sum(isinstance(answer, Recorded) and answer.new for answer in told) == 300
    assert len(told) == 600
    assert stored(engine) == 300
    if engine.dialect.name == "postgresql":
        with engine.connect() as conn:
            commits = list(conn.scalars(text("SELECT DISTINCT xmin::text FROM deliveries")))
    assert 1 <= len(commits) < 20


def test_one_bad_row_fails_alone(engine: Engine, keyring: Keyring) -> None:
    rows = [made(n) for n in range(20)]
    rows[7] = replace(rows[7], envelope=replace(rows[7].envelope, event_type="half a pair \ud800"))
    rows[9] = replace(rows[9], received_at=rows[9].received_at.replace(tzinfo=None))
    told = keep_all(engine, keyring, rows)
    assert [n for n, answer in enumerate(told) if isinstance(answer, NotKeptError)] == [7, 9]
    assert stored(engine) == 18


def test_the_bell_rings_for_new_ones_only(engine: Engine, keyring: Keyring) -> None:
    rung: list[int] = []
    keep_all(engine, keyring, [made(n) for n in range(50)], lambda: rung.append(stored(engine)))
    # After the commit: whoever is woken finds the rows. The last one is the good-bye.
    assert rung[-1] == 50
    assert all(rung)
    assert len(rung) <= 6


def test_a_broken_bell_costs_nothing(engine: Engine, keyring: Keyring) -> None:
    def broken() -> None:
        raise ConnectionError

    assert all(
        isinstance(answer, Recorded) for answer in keep_all(engine, keyring, [made(n) for n in range(5)], broken)
    )
    assert stored(engine) == 5


def test_a_slow_bell_holds_nobody_up(engine: Engine, keyring: Keyring) -> None:
    free = threading.Event()

    def slow() -> None:
        free.wait(20)

    async def run() -> int:
        intake = Intake(engine, keyring, slow)
        await intake.start()
        for n in range(5):
            await asyncio.wait_for(intake.keep(made(n)), 10)
        kept = stored(engine)
        free.set()
        await intake.stop()
        return kept

    assert asyncio.run(run()) == 5


def test_too_many_waiting_are_told_so(engine: Engine, keyring: Keyring) -> None:
    told = keep_all(engine, keyring, [made(n) for n in range(30)], queue_max=10)
    assert sum(isinstance(answer, Recorded) for answer in told) == 10
    assert sum(isinstance(answer, NotKeptError) for answer in told) == 20
    assert stored(engine) == 10


def test_without_the_table_everyone_is_told(engine: Engine, keyring: Keyring) -> None:
    with engine.begin() as conn:
        conn.execute(text("DROP TABLE deliveries"))
    told = keep_all(engine, keyring, [made(n) for n in range(5)])
    assert all(isinstance(answer, NotKeptError) for answer in told)


def test_a_sender_who_left_does_not_stop_the_rest(engine: Engine, keyring: Keyring) -> None:
    async def run() -> Recorded:
        intake = Intake(engine, keyring, silent)
        await intake.start()
        gone = asyncio.create_task(intake.keep(made(1)))
        await asyncio.sleep(0)
        gone.cancel()
        answer = await intake.keep(made(2))
        await intake.stop()
        return answer

    assert asyncio.run(run()).new
    assert stored(engine) == 2


def test_a_server_that_came_back_costs_no_sender_a_second_try(engine: Engine, keyring: Keyring) -> None:
    async def run() -> list[Recorded]:
        intake = Intake(engine, keyring, silent)
        await intake.start()
        told = [await intake.keep(made(1))]
        with engine.begin() as conn:
            if engine.dialect.name == "postgresql":
                others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                conn.execute(text(f"{others} AND pid <> pg_backend_pid()"))
        told.append(await intake.keep(made(2)))
        await intake.stop()
        return told

    assert all(answer.new for answer in asyncio.run(run()))
    assert stored(engine) == 2


def test_stopping_keeps_what_waits_and_takes_no_more(engine: Engine, keyring: Keyring) -> None:
    async def run() -> list[Recorded]:
        intake = Intake(engine, keyring, silent)
        await intake.start()
        waiting = [asyncio.create_task(intake.keep(made(n))) for n in range(700)]
        await asyncio.sleep(0)
        stopping = asyncio.create_task(intake.stop())
        await asyncio.sleep(0)
        with pytest.raises(NotKeptError):
            await intake.keep(made(999))
        await stopping
        return await asyncio.gather(*waiting)

    assert all(answer.new for answer in asyncio.run(run()))
    assert stored(engine) == 700
