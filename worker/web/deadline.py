"""A deadline for a step that many tasks take."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class TooSlowError(Exception):
    """Not complete in time."""


class Deadline:
    """What `asyncio.timeout` does, for steps that all have as long. They end in the order in which they began, so one
    timer watches over all of them: one for each webhook was a twentieth of what it cost."""

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._until: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._watched_on: asyncio.AbstractEventLoop | None = None

    async def keep(self, step: Awaitable[T]) -> T:
        """What `step` gives. Raises TooSlowError when it has not within the time, and ends it."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine is run by one
        cancelled_before = task.cancelling()
        self._until[task] = loop.time() + self._within_s
        if self._watched_on is not loop:
            self._watched_on = loop
            loop.call_later(self._within_s, self._look, loop)
        try:
            return await step
        except asyncio.CancelledError:
            # Whoever else cancels it meanwhile is not kept from it.
            if task in self._late and task.uncancel() <= cancelled_before:
                raise TooSlowError from None
            raise
        finally:
            del self._until[task]
            self._late.discard(task)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, until in self._until.items():
            if until > now:
                loop.call_at(until, self._look, loop)
                return
            if task not in self._late:
                self._late.add(task)
                task.cancel()
        self._watched_on = None
