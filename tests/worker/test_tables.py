"""Listings: nothing in a cell is run, nothing is cut, and amounts are as people write them."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker import tables
from worker.tables import defused, inside, money, plain

COLUMNS = (plain("name"), money("amount"), inside("remedy", "state", "state"), plain("why", wide=True))


@given(st.text())
def test_no_cell_begins_like_a_formula(text: str) -> None:
    safe = defused(text)
    assert not safe.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    bare = safe[len(safe) - len(text) :]
    assert safe in (bare, f"'{bare}")
    assert all(there in (sign, " ") for there, sign in zip(bare, text, strict=True))


STARTS = ["=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠", "﹢", "﹣", "﹫", "−", " =", "\u200b="]  # noqa: RUF001 - meant


@pytest.mark.parametrize("start", STARTS)
def test_text_that_begins_like_a_formula_is_defused(start: str) -> None:
    assert defused(f"{start}cmd|' /C calc'!A1").startswith("'")


@pytest.mark.parametrize("text", ["M-1", "99.00 USD", "a=b", "café", "(5)", ""])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert defused(text) == text


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4))
def test_a_csv_gives_back_the_cells(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    file = tmp_path_factory.mktemp("csv") / "f.csv"
    assert tables.write_csv(({"name": name} for name in names), (plain("name"), plain("other")), file) == len(names)
    with file.open(newline="", encoding="utf-8") as opened:
        _, *rows = csv.reader(opened)
    assert [row[0] for row in rows] == [defused(name) for name in names]


def test_a_table_cuts_nothing_and_stays_on_its_lines() -> None:
    out = io.StringIO()
    row = {"name": "x" * 200, "amount": 1050, "currency": "USD", "remedy": {"state": "two\nlines"}, "why": "wide"}
    tables.write_table([row], COLUMNS, out)
    heading, line = out.getvalue().splitlines()
    assert heading.split() == ["name", "amount", "state"]
    assert line.split() == ["x" * 200, "10.50", "two", "lines"]


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [(9900, "USD", "99.00"), (1500, "JPY", "1500"), (1234, "KWD", "1.234"), (5, "USD", "0.05")],
)
def test_amounts_have_the_places_of_their_currency(minor: int, currency: str, written: str) -> None:
    assert str(tables.decimal(minor, currency)) == written


def test_json_has_times_in_utc_and_iso_dates() -> None:
    row = {"at": datetime(2024, 6, 28, 23, 59, tzinfo=UTC), "on": date(2024, 6, 28), "ünï": None}
    assert json.loads(tables.as_json(row)) == {"at": "2024-06-28T23:59:00Z", "on": "2024-06-28", "ünï": None}


def test_a_workbook_takes_every_kind_of_cell(tmp_path: Path) -> None:
    row = {"name": "=1+1", "amount": 1050, "currency": "USD", "remedy": None, "why": ["a", "b"]}
    columns = (*COLUMNS, plain("on"), plain("count"))
    file = tmp_path / "f.xlsx"
    assert tables.write_xlsx([{**row, "on": date(2024, 1, 1), "count": 3}], columns, file, "rows") == 1
    assert file.read_bytes().startswith(b"PK")
    assert COLUMNS[1].cell(row) == Decimal("10.50")
