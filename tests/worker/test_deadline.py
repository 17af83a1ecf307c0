"""One timer for many: who is late is told so, each at its own time, and nobody else."""

from __future__ import annotations

import asyncio
import time

import pytest

from worker.web.deadline import Deadline, TooSlowError


def test_each_is_late_at_its_own_time_and_the_others_are_not() -> None:
    async def step(deadline: Deadline, starts: float, takes: float) -> tuple[str, float]:
        await asyncio.sleep(starts)
        began = time.monotonic()
        try:
            await deadline.keep(asyncio.sleep(takes))
        except TooSlowError:
            return "late", time.monotonic() - began
        return "in time", time.monotonic() - began

    async def run() -> list[tuple[str, float]]:
        deadline = Deadline(0.3)
        steps = [(0, 9), (0, 0), (0.1, 9), (0.1, 0.05), (0.5, 9), (0.5, 0.1), (1, 9)]  # once nobody is waited for
        return await asyncio.gather(*(step(deadline, *one) for one in steps))

    told = asyncio.run(run())
    assert [said for said, _ in told] == ["late", "in time", "late", "in time", "late", "in time", "late"]
    assert all(0.25 <= took < 5 for said, took in told if said == "late")


def test_whoever_is_cancelled_by_another_is_cancelled() -> None:
    async def run() -> None:
        deadline = Deadline(0.05)
        task = asyncio.create_task(deadline.keep(asyncio.sleep(9)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        task = asyncio.create_task(deadline.keep(asyncio.sleep(9)))
        await asyncio.sleep(0)
        deadline._look(asyncio.get_running_loop())  # not late yet: it is looked at again
        with pytest.raises(TooSlowError):
            await task
        with pytest.raises(ValueError, match="its own"):
            await deadline.keep(_fails())

    asyncio.run(run())


def test_it_serves_one_loop_after_another() -> None:
    deadline = Deadline(0.05)
    for _ in range(2):
        with pytest.raises(TooSlowError):
            asyncio.run(deadline.keep(asyncio.sleep(9)))
        asyncio.run(deadline.keep(asyncio.sleep(0)))


async def _fails() -> None:
    raise ValueError("its own")
