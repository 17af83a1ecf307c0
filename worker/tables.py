"""Listings as people and programs want them: a table, JSON Lines, a CSV file, an Excel workbook.

What a provider or a member wrote may stand in a cell, and a spreadsheet runs a cell that begins like a formula: such
cells are defused in both files.
"""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from reconcile.currency import EXPONENTS

Row = dict[str, Any]
Cell = str | int | Decimal | date | None

_FORMULA_STARTS = ("=", "+", "-", "@", "\u2212")
_LINE_STARTS = ("\t", "\r", "\n", "\0")
_SEEN_AS_NOTHING = " \u00a0\u200b\u2060\ufeff"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
XLSX_CELL_MAX = 32_000  # a cell holds 32,767 characters
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading, and what of a row stands in it. `wide` ones are left out on a terminal."""

    heading: str
    cell: Callable[[Row], Cell]
    wide: bool = False


def plain(name: str, heading: str = "", *, wide: bool = False) -> Column:
    """The value that the row has under `name`; a list becomes its parts, joined."""
    return Column(heading or name, lambda row: _cell(row.get(name)), wide)


def inside(outer: str, name: str, heading: str, *, wide: bool = False) -> Column:
    """The value under `name` of the object under `outer`, if there is one."""
    return Column(heading, lambda row: _cell((row.get(outer) or {}).get(name)), wide)


def money(name: str, outer: str = "", heading: str = "") -> Column:
    """An amount in minor units as people write it: 9900 of USD is 99.00."""

    def cell(row: Row) -> Cell:
        source = (row.get(outer) or {}) if outer else row
        minor, currency = source.get(name), row.get("currency")
        return None if minor is None or currency is None else decimal(minor, currency)

    return Column(heading or name, cell)


def decimal(minor: int, currency: str) -> Decimal:
    """Minor units as a decimal with the currency's own number of places."""
    return Decimal(minor).scaleb(-EXPONENTS.get(currency, 2))


def as_json(row: Row) -> str:
    """One object on one line; times in UTC, dates ISO."""
    return json.dumps(row, ensure_ascii=False, default=_json_value)


def write_json(rows: Iterable[Row], out: TextIO) -> None:
    out.writelines(as_json(row) + "\n" for row in rows)


def write_csv(rows: Iterable[Row], columns: Sequence[Column], file: Path) -> int:
    """Write the file; how many rows it has."""
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow([column.heading for column in columns])
        written = 0
        for row in rows:
            writer.writerow([_csv_cell(column.cell(row)) for column in columns])
            written += 1
    return written


def write_xlsx(rows: Iterable[Row], columns: Sequence[Column], file: Path, title: str) -> int:
    """Write a workbook of one sheet with a frozen heading and a filter; how many rows it has."""
    import xlsxwriter

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with file.open("wb") as opened, xlsxwriter.Workbook(opened, options) as book:
        sheet = _Sheet(book, title)
        sheet.heading([column.heading for column in columns])
        written = 0
        for row in rows:
            written += 1
            for at, column in enumerate(columns):
                sheet.write(written, at, column.cell(row))
        sheet.finish(written, len(columns))
    return written


class _Sheet:
    """One sheet of a workbook; each cell is written as what it is, never as a formula."""

    def __init__(self, book: Any, title: str) -> None:  # noqa: ANN401 - xlsxwriter has no types
        self._book = book
        self._sheet = book.add_worksheet(title)
        self._formats: dict[str, Any] = {}

    def heading(self, headings: Sequence[str]) -> None:
        self._sheet.set_column(0, len(headings) - 1, 18)
        self._sheet.freeze_panes(1, 0)
        self._sheet.write_row(0, 0, headings, self._book.add_format({"bold": True}))

    def write(self, row: int, at: int, value: Cell) -> None:
        if isinstance(value, str):
            self._sheet.write_string(row, at, defused(value)[:XLSX_CELL_MAX])
        elif isinstance(value, date):
            self._sheet.write_datetime(row, at, value, self._format("yyyy-mm-dd"))
        elif isinstance(value, Decimal):
            places = max(0, -int(value.as_tuple().exponent))
            self._sheet.write_number(row, at, float(value), self._format(f"0.{'0' * places}" if places else "0"))
        elif value is not None:
            self._sheet.write_number(row, at, value)

    def finish(self, rows: int, columns: int) -> None:
        self._sheet.autofilter(0, 0, max(rows, 1), columns - 1)

    def _format(self, number: str) -> Any:  # noqa: ANN401 - as above
        if number not in self._formats:
            self._formats[number] = self._book.add_format({"num_format": number})
        return self._formats[number]


def write_table(rows: Iterable[Row], columns: Sequence[Column], out: TextIO) -> None:
    """A table for people: as wide as its longest cells, so that nothing is cut when it goes to a file or a pager."""
    shown = [column for column in columns if not column.wide]
    cells = [[_text(column.cell(row)) for column in shown] for row in rows]
    if not cells:
        out.write("nothing to show\n")
        return
    headings = [column.heading for column in shown]
    widths = [max(len(line[at]) for line in (headings, *cells)) for at in range(len(shown))]
    numbers = [all(_is_number(line[at]) for line in cells) for at in range(len(shown))]
    for line in (headings, *cells):
        padded = (
            text.rjust(width) if number else text.ljust(width)
            for text, width, number in zip(line, widths, numbers, strict=True)
        )
        out.write("  ".join(padded).rstrip() + "\n")


def defused(text: str) -> str:
    """The text with a quote before it where a spreadsheet would run it as a formula, in whichever width its first sign
    is written; without signs that a workbook cannot hold."""
    if text.isascii() and text.isprintable() and text[:1].isalnum():
        return text  # as nearly every cell is
    clean = _CONTROL.sub(" ", text)
    first = unicodedata.normalize("NFKC", clean.lstrip(_SEEN_AS_NOTHING)[:1])
    runs = first.startswith((*_FORMULA_STARTS, *_LINE_STARTS)) or text.startswith(_LINE_STARTS)
    return f"'{clean}" if runs else clean


def _cell(value: object) -> Cell:
    if isinstance(value, list | tuple):
        return "; ".join(str(part) for part in value)
    if isinstance(value, datetime):
        return utc(value)
    if value is None or isinstance(value, str | int | Decimal | date):
        return value
    return as_json({"": value})


def utc(at: datetime) -> str:
    """RFC 3339 in UTC, as every time outside is written."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _text(value: Cell) -> str:
    text = "" if value is None else str(value)
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _is_number(text: str) -> bool:
    return text == "" or text.replace(".", "", 1).lstrip("-").isdigit()


def _csv_cell(value: Cell) -> str:
    return defused(value) if isinstance(value, str) else _text(value)


def _json_value(value: object) -> object:
    if isinstance(value, datetime):
        return utc(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
