"""Providers' reports: CSV files read as coarse tellings, row by row, each under the id that its webhook would carry.

A report's line fills gaps and never outranks the provider's object (`detail` 0). What cannot be read stops the file:
`BadReportError` names line and field. What can be read and tells of no charge, refund or dispute is passed over, and
why is said.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Literal, Protocol

from handlers.currencies import currency_code, paypal_money
from handlers.inbox import MalformedDelivery
from reconcile.facts import Fact
from reconcile.money import Money

DETAIL = 0
CELL_CHARACTERS_MAX = 1024
SHOWN_MAX = 40

# The file's lines from its beginning, as often as it is called: how dates are written shows only at the end of a file.
Lines = Callable[[], Iterable[str]]
Dates = Literal["dmy", "mdy"]
Numbers = Literal["point", "comma"]


class BadReportError(ValueError):
    """What is wrong in a report: `line`, `field` (None: the line as a whole) and what is expected there."""

    def __init__(self, line: int, field: str | None, said: str) -> None:
        super().__init__(said)
        self.line = line
        self.field = field
        self.said = said


@dataclass(frozen=True, slots=True)
class Options:
    """What a person said about a file because the file does not: the order of dates, the decimal sign."""

    dates: Dates | None = None
    numbers: Numbers | None = None


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One row's facts; without any, `passed_over` says why, in words that hold for every such row."""

    line: int
    facts: tuple[Fact, ...] = ()
    passed_over: str | None = None


class ReadReport(Protocol):
    """One provider's reports. Raises BadReportError, and nothing else, for any text."""

    def __call__(self, lines: Lines, options: Options) -> Iterator[ReportRow]: ...


def plain(heading: str) -> str:
    """A heading as it is compared: without case, accents, punctuation and surplus blanks."""
    letters = unicodedata.normalize("NFKD", heading.replace("\ufeff", "").replace("°", "o")).casefold()
    bare = "".join(sign for sign in letters if not unicodedata.combining(sign))
    return " ".join(re.sub(r"[^a-z0-9\[\]()]+", " ", bare).split())


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one line by the reader's own names of the columns."""

    line: int
    cells: Mapping[str, str]
    headings: Mapping[str, str]

    def text(self, name: str) -> str:
        """What stands there, without the blanks around it; empty where the column is missing."""
        value = self.cells.get(name, "").strip()
        if len(value) > CELL_CHARACTERS_MAX or "\0" in value:
            raise self.bad(name, f"a plain text of at most {CELL_CHARACTERS_MAX} characters is expected")
        return value

    def maybe(self, name: str) -> str | None:
        """The same; None for an empty cell."""
        return self.text(name) or None

    def needed(self, name: str, what: str) -> str:
        """The same for a cell that must not be empty; `what` is expected there."""
        value = self.text(name)
        if not value:
            raise self.bad(name, f"{what} is expected, and the cell is empty")
        return value

    def money(self, amount: str, currency: str, value: str, like: str = "") -> Money:
        """The cell `amount`, written as the plain decimal `value`, in the currency that stands in the cell `currency`;
        `like` shows how such a cell looks."""
        code = self.needed(currency, "a currency such as EUR")
        try:
            known = currency_code(code)
        except MalformedDelivery:
            raise self.bad(currency, f"a currency of ISO 4217 is expected, not {shown(code)}") from None
        try:
            return paypal_money(value, known)  # which writes plain decimals, too
        except MalformedDelivery:
            said = f"an amount of {known}{like} is expected, not {shown(self.text(amount))}"
            raise self.bad(amount, said) from None

    def bad(self, name: str, said: str) -> BadReportError:
        """An error at this row's cell `name`."""
        return BadReportError(self.line, self.headings.get(name, name), said)


def table(lines: Lines, names: Mapping[str, str], start: int = 1) -> Iterator[Row]:
    """The rows of a CSV text whose first line holds the headings, in any order; `names` gives the reader's name of each
    plain heading, and other columns are kept under their plain heading. Commas, semicolons or tabs part the cells."""
    records = _records(lines, start)
    line, first = next(records, (start, []))
    known = [_name(plain(heading), names) for heading in first]
    own = set(names.values())
    as_written = {name: heading.strip() for name, heading in zip(known, first, strict=True)}
    for name in known:
        if name in own and known.count(name) > 1:
            raise BadReportError(line, as_written[name], "each column once is expected, and it is there twice")
    for at, cells in records:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(known):
            said = f"as many cells as there are headings ({len(known)}) are expected, not {len(cells)}"
            raise BadReportError(at, None, said)
        yield Row(at, dict(zip(known, cells, strict=True)), as_written)


def headings(lines: Lines) -> list[str]:
    """The first line's cells, plain."""
    return [plain(cell) for cell in next(_records(lines, 1), (1, []))[1]]


def shown(text: str) -> str:
    """A cell as an error may repeat it."""
    return f"'{text[:SHOWN_MAX]}…'" if len(text) > SHOWN_MAX else f"'{text}'"


def _name(heading: str, names: Mapping[str, str]) -> str:
    if heading in names:
        return names[heading]
    # Another column may be called as the reader calls one of its own.
    return f"~{heading}" if heading in names.values() else heading


def _records(lines: Lines, start: int) -> Iterator[tuple[int, list[str]]]:
    source = iter(lines())
    first = next(source, None)
    if first is None or not first.strip("\ufeff \r\n"):
        raise BadReportError(start, None, "a line of headings is expected, and there is none")
    first = first.removeprefix("\ufeff")
    parting = max(",;\t", key=first.count)
    reader = csv.reader(chain([first], source), delimiter=parting, strict=True)
    while True:
        line = start + reader.line_num
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise BadReportError(line, None, f"{unreadable(error)} are expected") from None


def unreadable(error: csv.Error) -> str:
    """What a line of CSV that cannot be read should have had."""
    if "new-line character" in str(error):
        return "lines that end in LF or CR LF, not in CR alone,"
    return "cells between quotes that are closed"
