"""`makegood night`."""

from __future__ import annotations

import pytest

from tests.worker.cli.world import Command


def test_it_runs_the_night_once_and_prints_what_it_tells(judged: Command) -> None:
    ran = judged("night", "--date", "2024-03-31")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("makegood, night of 2024-03-31: ")
    assert "USD charged 396.00 in 4 charges = 297.00 as expected + 99.00 found wrong" in ran.out
    assert "Report: reports/report-2024-03-31.html" in ran.out
    again = judged("night", "--date", "2024-03-31")
    assert again.out == ran.out
    assert again.err == "the night of 2024-03-31 was done before: --again does it anew\n"
    anew = judged("night", "--date", "2024-03-31", "--again")
    assert (anew.code, anew.err) == (0, "")


def test_it_links_to_the_console_where_its_address_is_known(judged: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEGOOD_CONSOLE_URL", "https://money.example.test")
    ran = judged("night", "--date", "2024-03-31")
    assert "https://money.example.test/console/nights/2024-03-31" in ran.out


def test_it_prints_one_object_for_programs_and_exits_with_1_when_a_person_is_needed(judged: Command) -> None:
    ran = judged("night", "--date", "2024-03-31", "--json", "--check")
    (row,) = ran.rows
    assert (row["night"], row["complete"], row["ties"]) == ("2024-03-31", True, True)
    assert (row["new"]["count"], row["totals"][0]["excess"]) == (1, 9900)
    assert ran.code == int(row["needs_a_person"])


def test_a_malformed_address_is_known_before_the_night_is_run(judged: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEGOOD_ALERT_URLS", "https://example.test/secret")
    ran = judged("night", "--date", "2024-03-31")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("makegood: MAKEGOOD_ALERT_URLS is malformed: address 1: ")
    assert "secret" not in ran.err
    monkeypatch.delenv("MAKEGOOD_ALERT_URLS")
    assert judged("night", "--date", "2024-03-31").err == ""
