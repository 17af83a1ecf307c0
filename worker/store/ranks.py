"""Amounts in order: by currency first, and in each the largest or the smallest first. Minor units of two currencies say
nothing about which is more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, func, literal, or_, tuple_

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
        minor, key = self._minor, self.key
        return self._currency, minor.desc() if self.down else minor.asc(), key.desc() if self.down else key.asc()

    def behind(self, rank: Rank, key: str) -> ColumnElement[bool]:
        here, there = tuple_(self._minor, self.key), tuple_(literal(rank.minor, BigInteger), key)
        further = here < there if self.down else here > there
        return or_(self._currency > rank.currency, and_(self._currency == rank.currency, further))

    @property
    def _currency(self) -> ColumnElement[Any]:
        return func.coalesce(self.currency, _NONE)

    @property
    def _minor(self) -> ColumnElement[Any]:
        return func.coalesce(self.minor, _NO_AMOUNT)
