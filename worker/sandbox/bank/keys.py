"""Idempotency keys: what a repeated request gets, for as long as a provider remembers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass
class Kept(Generic[T]):
    """A request under a key: `result` is None for as long as it runs."""

    asked: str
    at: datetime
    result: T | None = None


class Keys(Generic[T]):
    """The keys of one kind of request; each is forgotten `lifetime` after it was first used."""

    def __init__(self, lifetime: timedelta) -> None:
        self._lifetime = lifetime
        self._kept: dict[str, Kept[T]] = {}

    def find(self, key: str, now: datetime) -> Kept[T] | None:
        """The earlier request under this key. One that still runs is never forgotten."""
        kept = self._kept.get(key)
        if kept is not None and kept.result is not None and now - kept.at > self._lifetime:
            del self._kept[key]
            return None
        return kept

    def begin(self, key: str, asked: str, now: datetime) -> None:
        self._kept[key] = Kept(asked, now)

    def keep(self, key: str, result: T) -> None:
        self._kept[key].result = result

    def drop(self, key: str) -> None:
        """Nothing was executed: the key is as good as new."""
        self._kept.pop(key, None)
