"""What stands behind the question mark, read: nothing that is typed there makes a page fail."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import TypeVar

from worker.fields import iso_day

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

TEXT_MAX = 200


def text(query: Mapping[str, str], name: str) -> str:
    """What was typed, without what cannot be seen."""
    return "".join(sign for sign in query.get(name, "") if sign.isprintable())[:TEXT_MAX].strip()


def word(query: Mapping[str, str], name: str, known: type[E]) -> E | None:
    """One of these words; None for anything else."""
    given = query.get(name, "")
    return known(given) if given in list(known) else None


def day(query: Mapping[str, str], name: str) -> date | None:
    return as_day(query.get(name, ""))


def as_day(given: str) -> date | None:
    try:
        return iso_day(given)
    except ValueError:
        return None


def whole(query: Mapping[str, str], name: str) -> int | None:
    """A whole number of at most twelve digits, thousands separated or not."""
    given = query.get(name, "").replace(",", "").strip()
    return int(given) if given.isascii() and given.isdigit() and len(given) <= 12 else None


def cursor(query: Mapping[str, str]) -> tuple[str, str] | None:
    """The place behind which the page begins, as `place` wrote it."""
    try:
        told = json.loads(base64.urlsafe_b64decode(query.get("after", "")))
    except (binascii.Error, ValueError):
        return None
    both = isinstance(told, list) and len(told) == 2 and all(isinstance(part, str) for part in told)
    return (told[0], told[1]) if both else None


def first(rows: Sequence[T], size: int) -> tuple[Sequence[T], T | None]:
    """A page of what was read one row further; and its last row, where there is more behind it."""
    return rows[:size], rows[size - 1] if len(rows) > size else None


def kept(query: Mapping[str, str]) -> dict[str, str]:
    """What the address of the next page says too."""
    return {name: value for name, value in query.items() if name != "after"}


def place(value: str, key: str) -> str:
    """A place in a list, for an address."""
    return base64.urlsafe_b64encode(json.dumps([value, key]).encode()).decode()
