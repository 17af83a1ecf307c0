"""Amounts in order: by currency first, and in each the largest or the smallest first (`worker.schema.rank`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, literal, tuple_

from worker.schema import rank

_NONE = "zzz"  # behind every code
_NO_AMOUNT = -1


@dataclass(frozen=True, slots=True)
class Rank:
    """The place of one row."""

    currency: str
    minor: int

    @classmethod
    def of(cls, currency: str | None, minor: int | None) -> Rank:
        return cls(_NONE if currency is None else currency, _NO_AMOUNT if minor is None else minor)

    @classmethod
    def read(cls, text: str) -> Rank | None:
        """What `str` wrote; None for what was made up."""
        currency, _, minor = text.partition(" ")
        return cls(currency, int(minor)) if minor.removeprefix("-").isdecimal() and len(minor) < 19 else None

    def __str__(self) -> str:
        return f"{self.currency} {self.minor}"


@dataclass(frozen=True, slots=True)
class Ranking:
    """How rows are ranked: by these columns; rows of one amount by their key."""

    currency: ColumnElement[Any]
    minor: ColumnElement[Any]
    key: ColumnElement[Any]
    down: bool = True

    @property
    def order(self) -> tuple[ColumnElement[Any], ...]:
        return *rank(self.currency, self.minor, down=self.down), self.key

    def behind(self, place: Rank, key: str) -> ColumnElement[bool]:
        """All columns go upwards, so that one comparison says it and an index begins there."""
        minor = literal(-place.minor if self.down else place.minor, BigInteger)
        return tuple_(*self.order) > tuple_(literal(place.currency), minor, literal(key))
