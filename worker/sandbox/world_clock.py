"""The world's time: it goes on from the evening of its last day, and may be moved on."""

from __future__ import annotations

import time
from datetime import datetime, timedelta


class WorldClock:
    def __init__(self, start: datetime) -> None:
        self._start = start
        self._begun = time.monotonic()

    def __call__(self) -> datetime:
        return self._start + timedelta(seconds=time.monotonic() - self._begun)

    def skip(self, by: timedelta) -> None:
        """So much later at once."""
        self._start += by
