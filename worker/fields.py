"""Typed fields of what people send: a roster row, a claim, a body of the API. What does not fit is said in
one line: field, what is expected, what stands there."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

E = TypeVar("E", bound=StrEnum)

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?([Zz]|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
# Around each of these there is room for a period, a window and a change of zone.
YEARS = range(1970, 2200)
DAY = "a date such as 2024-01-31"
DAYS = f"a date from {YEARS[0]}-01-01 to {YEARS[-1]}-12-31"
MOMENTS = YEARS[1:-1]
TIMES = f"a time from {MOMENTS[0]} to {MOMENTS[-1]}"
TEXT_MAX = 200
EMAIL = r"[^\s@<>,;]{1,64}@[^\s@<>,;]{1,190}"
SHOWN_MAX = 60


def iso_day(text: str) -> date:
    """An ISO date, and nothing that merely may be read as one. Raises ValueError, which says what is expected."""
    try:
        found = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None:
        raise ValueError(DAY)
    if found.year not in YEARS:
        raise ValueError(DAYS)
    return found


class BadFieldError(ValueError):
    """A field that cannot be taken: `path` and, in words, what is expected there."""

    def __init__(self, path: str, said: str) -> None:
        super().__init__(f"{path}: {said}" if path else said)
        self.path = path
        self.said = said


def shown(value: object) -> str:
    """A value as it stands in the file, on one line, not too long."""
    written = str(value) if isinstance(value, Decimal) else json.dumps(value, default=str)
    return written if len(written) <= SHOWN_MAX else f"{written[: SHOWN_MAX - 3]}..."


def _expected(known: Collection[str]) -> str:
    return f"the keys here are {', '.join(known)}" if known else "an empty object or nothing at all is expected here"


class Fields:
    """One object of a row. Its keys are `known`, or the row is refused; null means the same as an absent key."""

    def __init__(self, given: object, path: str, known: Collection[str], *, private: bool = False) -> None:
        self.path = path
        self._private = private
        if not isinstance(given, dict):
            raise self._wrong("", "an object", given)
        for key in given:
            if key not in known:
                named = key if _PLAIN_KEY.fullmatch(str(key)) else shown(str(key))
                raise BadFieldError(self._at(named), f"unknown key, {_expected(known)}")
        self._given: dict[str, object] = given

    def has(self, name: str) -> bool:
        return self._given.get(name) is not None

    def text(self, name: str, default: str | None = None, longest: int = TEXT_MAX) -> str:
        value = self._value(name, default, expected := f"text of 1 to {longest} characters")
        if default is not None and value == default:
            return default
        if not isinstance(value, str) or not 0 < len(value) <= longest or value != value.strip():
            raise self._wrong(name, expected, value)
        if not value.isprintable():
            raise self._wrong(name, "text without control characters", value)
        return value

    def maybe_text(self, name: str, longest: int = TEXT_MAX) -> str | None:
        return self.text(name, longest=longest) if self.has(name) else None

    def whole(self, name: str, lowest: int, highest: int, default: int | None = None, of: str = "") -> int:
        value = self._value(name, default, f"a whole number{of}")
        if type(value) is not int:
            raise self._wrong(name, f"a whole number{of}", value)
        if not lowest <= value <= highest:
            raise self._wrong(name, f"a whole number{of} from {lowest} to {highest}", value)
        return value

    def truth(self, name: str) -> bool:
        """True or false; false where nothing is there."""
        value = self._given.get(name)
        if value is not None and not isinstance(value, bool):
            raise self._wrong(name, "true or false", value)
        return bool(value)

    def percent(self, name: str) -> int:
        """Hundredths of a percent."""
        value = self._value(name, None, expected := "a percentage above 0, up to 100, with two decimals at most")
        if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 < value <= 100:
            raise self._wrong(name, expected, value)
        hundredths = Decimal(value) * 100
        if hundredths != int(hundredths):
            raise self._wrong(name, expected, value)
        return int(hundredths)

    def day(self, name: str) -> date:
        value = self._value(name, None, DAY)
        try:
            return iso_day(value if isinstance(value, str) else "")
        except ValueError as error:
            raise self._wrong(name, str(error), value) from None

    def maybe_day(self, name: str) -> date | None:
        return self.day(name) if self.has(name) else None

    def time(self, name: str) -> datetime:
        """An aware time. One without its offset would mean another moment on each machine: it is refused."""
        value = self._value(name, None, expected := "a time with its offset such as 2024-06-28T23:59:00-05:00")
        if isinstance(value, str) and _TIME.fullmatch(value):
            try:
                found = datetime.fromisoformat(value.upper())
            except ValueError:
                raise self._wrong(name, expected, value) from None
            if found.year not in MOMENTS:
                raise self._wrong(name, TIMES, value)
            return found
        raise self._wrong(name, expected, value)

    def word(self, name: str, words: type[E], default: E | None = None) -> E:
        value = self._value(name, default, expected := f"one of {', '.join(words)}")
        if isinstance(value, str) and value in set(words):
            return words(value)
        raise self._wrong(name, expected, value)

    def items(self, name: str) -> Iterator[tuple[str, object]]:
        """The members of a list, each with its path."""
        value = self._given.get(name)
        if value is None:
            return
        if not isinstance(value, list):
            raise self._wrong(name, "a list", value)
        for at, item in enumerate(value):
            yield f"{self._at(name)}[{at}]", item

    def refuse(self, name: str, expected: str) -> BadFieldError:
        """The error of a value that is well formed and makes no sense here."""
        return self._wrong(name, expected, self._given.get(name))

    def raw(self, name: str) -> object:
        return self._given.get(name)

    def _value(self, name: str, default: object, expected: str) -> object:
        value = self._given.get(name)
        if value is not None:
            return value
        if default is None:
            raise BadFieldError(self._at(name), f"{expected} is expected, and nothing is there")
        return default

    def _wrong(self, name: str, expected: str, value: object) -> BadFieldError:
        # What stands in a member's personal fields is not repeated: error lines end up in logs.
        instead = "something else" if self._private else shown(value)
        return BadFieldError(self._at(name), f"{expected} is expected, not {instead}")

    def _at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path and name else self.path or name
