"""The workbook: it opens, its figures are those of the page and of the JSON, and no cell of another's text runs."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from reconcile.summary import Gap
from tests.worker.reported import FINDINGS, finding, remedy, sheets, told
from worker.report.page import as_html
from worker.report.plain import as_json
from worker.report.view import view
from worker.report.workbook import write_workbook

SHEETS = ["Summary", "Findings", "Remedies", "Open items aging", "Control totals", "Completeness", "Policy"]


def test_it_has_its_sheets_and_numbers_are_numbers(tmp_path: Path) -> None:
    write_workbook(view(told()), tmp_path / "r.xlsx")
    found = sheets(tmp_path / "r.xlsx")
    assert list(found) == SHEETS
    first = found["Findings"][1]
    assert (first["B"], first["C"], first["H"], first["I"]) == ("Charged twice", "M-1", 99.0, "USD")
    assert len(found["Findings"]) == len(FINDINGS) + 1
    assert found["Policy"][1]["F"] == "It is put right."


def test_the_three_files_show_the_same_numbers(tmp_path: Path) -> None:
    shown = view(told())
    write_workbook(shown, tmp_path / "r.xlsx")
    found, plain, page = sheets(tmp_path / "r.xlsx"), json.loads(as_json(shown)), as_html(shown)
    rows = found["Control totals"]
    wholes = {(row["C"], row["A"]): row["B"] for row in rows if {"A", "B", "C"} <= row.keys()}
    for control in plain["controls"]:
        for name, field in (("Charged", "charged"), ("Taken wrongly", "excess"), ("Owed", "owed")):
            assert wholes[control["currency"], name] == control[field] / 100
            assert f'<span class="figure">{control[field] / 100:,.2f}</span>' in page or not control[field]
    by_sheet: dict[object, float] = defaultdict(float)
    for row in found["Findings"][1:]:
        if row["J"] == "yes":
            by_sheet[row["I"]] += float(row.get("H", 0))
    excess = {control["currency"]: control["excess"] / 100 for control in plain["controls"] if control["excess"]}
    assert by_sheet == excess
    waiting = {row["A"]: row["B"] for row in found["Summary"] if str(row.get("A", "")).startswith("Held: ")}
    assert list(waiting.values()) == [group["count"] for group in plain["not_done"]["held"]]
    assert len(found["Open items aging"]) >= plain["new"]["count"] + plain["persisting"]["count"]


def test_only_the_control_totals_reckon_and_they_reckon_right(tmp_path: Path) -> None:
    write_workbook(view(told()), tmp_path / "r.xlsx")
    for name, rows in sheets(tmp_path / "r.xlsx").items():
        formulas = {at: row for row in rows for at in row if at.startswith("formula:")}
        assert bool(formulas) == (name == "Control totals")
        for at, row in formulas.items():
            text = str(row[at])
            assert text.startswith(("ROUND(B", "SUMIFS(Findings!"))
            assert row["D"] == "yes"
            assert (row["B"] == 0) == text.startswith("ROUND") or text.startswith("SUMIFS")


def test_totals_that_do_not_tie_say_so(tmp_path: Path) -> None:
    lost = finding("duplicate_charge", "stripe:ch_2", 9900, remedy(9000))
    write_workbook(view(told((lost, *FINDINGS[1:]))), tmp_path / "r.xlsx")
    rows = sheets(tmp_path / "r.xlsx")["Control totals"]
    assert rows[0]["A"] == "Control totals: THEY DO NOT TIE"
    assert [row["B"] for row in rows if row.get("D") == "NO"] == [9.0]


def test_an_incomplete_night_says_so_in_the_first_cell(tmp_path: Path) -> None:
    write_workbook(view(told(gaps=(Gap("paypal", "not asked"),))), tmp_path / "r.xlsx")
    assert sheets(tmp_path / "r.xlsx")["Summary"][0]["A"] == "INCOMPLETE: paypal: not asked"


def test_an_empty_night_gives_a_workbook_all_the_same(tmp_path: Path) -> None:
    write_workbook(view(told((), (), memberships=0, clauses=())), tmp_path / "r.xlsx")
    assert list(sheets(tmp_path / "r.xlsx")) == SHEETS


def test_the_same_books_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.xlsx", "b.xlsx"):
        write_workbook(view(told()), tmp_path / name)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


@pytest.mark.parametrize("start", ["=", "\0", "＝", "−", "\u200b="])  # noqa: RUF001 - meant
def test_text_that_begins_like_a_formula_is_defused(start: str, tmp_path: Path) -> None:
    evil = replace(FINDINGS[0], membership=f"{start}HYPERLINK(1)", because=(f"{start}1+1",))
    write_workbook(view(told((evil, *FINDINGS[1:]))), tmp_path / "r.xlsx")
    found = sheets(tmp_path / "r.xlsx")
    row = found["Findings"][1]
    assert str(row["C"]).startswith("'")
    assert str(row["X"]).startswith("'")
    assert not any(at.startswith("formula:") for row in found["Findings"] for at in row)


def test_signs_that_a_workbook_cannot_hold_are_left_out(tmp_path: Path) -> None:
    odd = replace(FINDINGS[0], because=("a\x00b\x0bc\ud800d\ufffe" + "x" * 40_000,))
    write_workbook(view(told((odd, *FINDINGS[1:]))), tmp_path / "r.xlsx")
    text = str(sheets(tmp_path / "r.xlsx")["Findings"][1]["X"])
    assert text.startswith("a b c d ")
    assert len(text) == 32_000
