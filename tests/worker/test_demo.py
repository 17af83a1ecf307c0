"""The demo: a world it was not tuned for comes out whole, and its last lines are what other programs rely on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from worker.sandbox import demo


@pytest.mark.parametrize("seed", [11, 4242])
def test_all_that_was_planted_is_found_and_nothing_else(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = demo.run(60, 6, seed, tmp_path / "out")
    told = capsys.readouterr()
    page = tmp_path / "out" / "report-2026-06-30.html"
    assert told.out.splitlines()[-4:] == ["recall 1.0", "precision 1.0", "money 1.0", f"report {page}"], told.err
    assert status == 0, told.err
    books = next(line for line in told.out.splitlines() if line.startswith("books balance"))
    assert books.startswith("books balance for 60 of 60 memberships and in total: ")
    assert "paid twice: 0" in told.out
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))["ties"] is True


def test_a_second_run_into_the_same_folder_starts_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.run(3, 3, 1, tmp_path) == 0
    first = capsys.readouterr().out
    assert demo.run(3, 3, 1, tmp_path) == 0
    assert capsys.readouterr().out == first
