"""Findings, remedies and deliveries: for people, for programs, for spreadsheets."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path

import pytest

from tests.worker.cli.world import LEAST, Command
from worker.cli.listing import needs_a_person


def test_a_duplicate_is_listed_with_its_remedy_and_clause(judged: Command) -> None:
    (row,) = judged("findings", "--json").rows
    assert (row["finding"], row["charge"], row["excess"]) == ("duplicate_charge", "stripe:ch_twice", 9900)
    assert (row["remedy"]["kind"], row["remedy"]["clause"]) == ("refund", "voip-fulfillment/FP-2")
    (remedy,) = judged("remedies", "--json").rows
    assert remedy["finding"] == "duplicate_charge"
    assert judged("findings", "--status", "settled", "--json").rows == []
    assert judged("findings", "--status", "settled,open", "--json").rows == [row]
    assert judged("findings", "--status", "all", "--membership", "M-1", "--json").rows == [row]
    assert judged("findings", "--since", "2024-04-01", "--json").rows == []
    assert judged("findings", "--kind", "overcharge", "--json").rows == []


def test_a_listing_is_a_table_for_people(judged: Command) -> None:
    ran = judged("findings")
    assert "duplicate_charge" in ran.out
    assert "99.00" in ran.out
    assert ran.err == ""
    assert judged("findings", "--kind", "overcharge").out == "nothing to show\n"


def test_what_the_provider_told_of_a_membership_is_listed(judged: Command) -> None:
    rows = judged("deliveries", "--membership", "M-1", "--json").rows
    assert [row["event_id"] for row in rows] == ["evt_ch_1", "evt_ch_2", "evt_ch_3", "evt_ch_twice"]
    assert all(row["received_at"].endswith("Z") for row in rows)
    assert judged("deliveries", "--kind", "charge.failed", "--json").rows == []
    assert judged("deliveries", "--status", "failed", "--json").rows == []


def test_check_tells_whether_a_person_is_needed(judged: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    # The refund goes its way by itself, and a renewal that nobody paid is only reported.
    assert judged("findings", "--check").code == 0
    assert judged("remedies", "--check").code == 0
    again = ("reconcile", "--as-of", "2024-05-31", "--all", "--check")
    ran = judged(*again, "--json")
    assert (ran.code, ran.rows[0]["needs_a_person"], "missed_renewal" in ran.rows[0]["open"]) == (0, 0, True)
    assert judged("findings", "--check").code == 0
    monkeypatch.setenv("MAKEGOOD_REFUND_MAX_MINOR", "100")
    assert judged(*again).code == 1
    assert judged("findings", "--check").code == 1
    assert judged("findings").code == 0


def test_files_for_spreadsheets_run_nothing(makegood: Command) -> None:
    evil = "=cmd|'/c calc'!A1"
    member = {**LEAST, "membership": evil, "agreements": [{"provider": "stripe", "customer": "cus_1"}]}
    makegood("import", "roster", makegood.file("r.jsonl", [member]))
    makegood("reconcile", "--as-of", "2024-02-01")
    ran = makegood("findings", "--csv", "f.csv", "--xlsx", "f.xlsx")
    assert (ran.code, ran.out) == (0, "")
    with Path("f.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["membership"] == f"'{evil}"
    assert (row["expected"], row["currency"], row["finding"]) == ("99.00", "USD", "missed_renewal")
    with zipfile.ZipFile("f.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "missed_renewal" in sheet
    assert "cmd|" in sheet


def test_a_file_that_cannot_be_written_is_bad_input(judged: Command) -> None:
    for option in ("--csv", "--xlsx"):
        ran = judged("findings", option, "no/such/folder/file")
        assert (ran.code, len(ran.err.splitlines())) == (2, 1)


def test_json_is_one_object_a_line_with_the_contracts_keys(judged: Command) -> None:
    (line,) = judged("findings", "--json").out.splitlines()
    assert list(json.loads(line)) == [
        "key", "finding", "membership", "charge", "renewal", "charged", "expected", "excess", "currency", "confidence",
        "status", "because", "first_seen", "remedy",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "remedy", "waits"),
    [
        ("missed_renewal", None, False),
        ("undercharge", None, False),
        ("missed_webhook", None, False),
        ("unwritten_notice", None, True),
        ("over_refunded", None, True),
        ("refund_overdue", None, True),
        ("duplicate_charge", {"state": "held"}, True),
        ("duplicate_charge", {"state": "failed"}, True),
        ("duplicate_charge", {"state": "submitted"}, False),
    ],
)
def test_a_listing_counts_what_waits_as_the_night_does(
    kind: str, remedy: dict[str, str] | None, *, waits: bool
) -> None:
    assert needs_a_person({"finding": kind, "status": "open", "remedy": remedy}) is waits


def test_a_listing_counts_what_is_owed_beyond_what_was_sent() -> None:
    row = {"key": "f-1", "finding": "overcharge", "status": "open", "remedy": {"state": "settled"}}
    assert not needs_a_person(row)
    assert needs_a_person(row, {"f-1"})
