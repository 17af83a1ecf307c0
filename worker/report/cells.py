"""One sheet of the workbook: every cell is written as what it is, text never as a formula."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from worker.tables import XLSX_CELL_MAX, decimal, defused


@dataclass(frozen=True, slots=True)
class Amount:
    """Money for a cell: a number that can be summed, in its currency's own places."""

    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Formula:
    """A sum of our own, with what it comes to: for a reader who wants to see it reckoned."""

    text: str
    value: Amount


Cell = str | int | date | Amount | Formula | None


class Sheet:
    """Written from the top down: xlsxwriter keeps one row in memory."""

    def __init__(self, book: Any, title: str, widths: Sequence[int]) -> None:  # noqa: ANN401 - xlsxwriter has no types
        self._book = book
        self._sheet = book.add_worksheet(title)
        self._formats: dict[tuple[str, bool], Any] = {}
        self._row = 0
        for at, width in enumerate(widths):
            self._sheet.set_column(at, at, width)
        self._sheet.set_landscape()
        self._sheet.set_paper(9)
        self._sheet.fit_to_pages(1, 0)

    @property
    def row(self) -> int:
        """The next row, counted from 1 as a spreadsheet does."""
        return self._row + 1

    def title(self, text: str) -> None:
        self._sheet.write_string(self._row, 0, defused(text), self._book.add_format({"bold": True, "font_size": 14}))
        self._row += 1

    def heading(self, texts: Sequence[str], *, freeze: bool = False) -> None:
        """The names of the columns; they stay in sight, and repeat on each printed page, where they `freeze`."""
        style = {"bold": True, "bottom": 1, "bg_color": "#E8EDF1", "text_wrap": True, "valign": "top"}
        self._sheet.write_row(self._row, 0, [defused(text) for text in texts], self._book.add_format(style))
        if freeze:
            self._sheet.freeze_panes(self._row + 1, 1)
            self._sheet.repeat_rows(self._row)
        self._row += 1

    def write(self, *cells: Cell, strong: bool = False) -> None:
        for at, cell in enumerate(cells):
            self._write(at, cell, strong=strong)
        self._row += 1

    def gap(self) -> None:
        self._row += 1

    def filter(self, heading: int, columns: int) -> None:
        """Let the rows below the heading (counted from 1) be filtered and sorted."""
        self._sheet.autofilter(heading - 1, 0, max(self._row - 1, heading), columns - 1)

    def _write(self, at: int, cell: Cell, *, strong: bool) -> None:
        if isinstance(cell, str):
            self._sheet.write_string(self._row, at, defused(cell)[:XLSX_CELL_MAX], self._format("", strong=strong))
        elif isinstance(cell, date):
            self._sheet.write_datetime(self._row, at, cell, self._format("yyyy-mm-dd", strong=strong))
        elif isinstance(cell, Amount):
            number = float(decimal(cell.minor, cell.currency))
            self._sheet.write_number(self._row, at, number, self._format(_places(cell), strong=strong))
        elif isinstance(cell, Formula):
            value = float(decimal(cell.value.minor, cell.value.currency))
            form = self._format(_places(cell.value), strong=strong)
            self._sheet.write_formula(self._row, at, cell.text, form, value)
        elif cell is not None:
            self._sheet.write_number(self._row, at, cell, self._format("#,##0", strong=strong))

    def _format(self, number: str, *, strong: bool) -> Any:  # noqa: ANN401 - as above
        if (number, strong) not in self._formats:
            style: dict[str, Any] = {"valign": "top", "bold": strong}
            style |= {"num_format": number} if number else {"text_wrap": True}
            self._formats[number, strong] = self._book.add_format(style)
        return self._formats[number, strong]


def _places(amount: Amount) -> str:
    places = max(0, -int(decimal(amount.minor, amount.currency).as_tuple().exponent))
    return f"#,##0.{'0' * places}" if places else "#,##0"
