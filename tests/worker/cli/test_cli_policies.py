"""`makegood policy`, `doctor` and `migrate`: what the product stands on, said for people."""

from __future__ import annotations

import sqlite3
from importlib.resources import files
from pathlib import Path

import pytest

from tests.worker.cli.world import Command


def test_policy_pages_are_for_a_lawyer(makegood: Command) -> None:
    page = makegood("policy", "show", "smartcalls").out
    for part in ("SC-1", "SC-8", "5 business days", "gentleman's agreement", "undated"):
        assert part in page
    (told,) = makegood("policy", "show", "iptv", "--json").rows
    assert told["effective"] == "2025-01-22"
    assert {clause["id"] for clause in told["clauses"]} >= {f"IP-{n}" for n in range(1, 10)}


def test_policy_check_says_every_fault(makegood: Command) -> None:
    assert makegood("policy", "check").code == 0
    head = 'bundle = "house"\nversion = "1"\ntitle = "x"\nwritten = "H-9"\n'
    clause = '[[clauses]]\nid = "H-1"\nheading = "x"\nsays = "x"\n'
    Path("house.toml").write_text(head + clause + 'covers = ["theft"]\nforce = "bar"\n')
    ran = makegood("policy", "check", "house.toml")
    assert (ran.code, ran.out) == (2, "")
    assert [line.partition(": ")[0] for line in ran.err.splitlines()] == [
        "house.toml:1",
        "house.toml:4",
        "house.toml:9",
    ]
    assert [row["line"] for row in makegood("policy", "check", "house.toml", "--json").rows] == [1, 4, 9]


def test_a_bundle_of_the_merchants_own_folder_is_one_of_them(
    makegood: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = makegood.folder / "own"
    own.mkdir()
    shipped = files("config.policies").joinpath("voip-fulfillment.toml").read_text(encoding="utf-8")
    (own / "house.toml").write_text(shipped.replace('"voip-fulfillment"', '"house"', 1))
    monkeypatch.setenv("MAKEGOOD_POLICY_FOLDER", str(own))
    monkeypatch.setenv("MAKEGOOD_POLICY", "house")
    assert "house version 1" in makegood("policy", "check").out
    assert "FP-2" in makegood("policy", "show", "house").out
    bundles = {row["check"]: row for row in makegood("doctor", "--json").rows}["policy bundles"]
    assert (bundles["state"], bundles["said"]) == ("fine", "house of 6 bundles")
    (own / "house.toml").write_text("bundle = 3")
    assert makegood("policy", "check").code == 2


def test_doctor_names_what_is_to_mend(makegood: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEGOOD_TIMEZONE", "UTC")
    rows = {row["check"]: row for row in makegood("doctor", "--json").rows}
    assert "MAKEGOOD_TIMEZONE" in rows["settings"]["said"]
    assert "MAKEGOOD_STRIPE_WEBHOOK_SECRETS" in rows["stripe webhooks"]["said"]
    assert makegood("doctor").code == 0
    assert makegood("doctor", "--check").code == 1
    assert not Path("makegood.db").exists(), "a doctor leaves nothing behind"
    makegood("migrate")
    rows = {row["check"]: row for row in makegood("doctor", "--json").rows}
    assert (rows["schema"]["said"], rows["deliveries"]["said"]) == ("current", "0 wait to be handled")
    assert "makegood.db.keys" in rows["encryption keys"]["said"]
    with sqlite3.connect("makegood.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    rows = {row["check"]: row for row in makegood("doctor", "--json").rows}
    assert (rows["schema"]["state"], rows["schema"]["said"][:27]) == ("mend", "made by a later makegood: i")


def test_the_audit_chain_is_verified(judged: Command) -> None:
    told = judged("audit", "verify", "--check", "--json")
    assert told.code == 0
    head = told.rows[0]["head"]
    assert told.rows[0]["entries"] > 0
    with sqlite3.connect("makegood.db") as database:
        database.execute("UPDATE audit SET actor = 'nobody' WHERE n = 1")
    broken = judged("audit", "verify", "--check")
    assert (broken.code, broken.out.startswith("the chain is broken at entry 1 of ")) == (1, True)
    with sqlite3.connect("makegood.db") as database:
        database.execute("DELETE FROM audit")
    assert judged("audit", "verify", "--check").code == 0, "an empty chain is whole"
    for written in (head, f"7:{head.upper()}"):  # as the night's message has it
        cut = judged("audit", "verify", "--check", "--expect", written)
        assert (cut.code, "its end was cut off" in cut.out) == (1, True)


def test_migrate_can_be_repeated(makegood: Command) -> None:
    assert makegood("migrate").out == "the database has the current schema now\n"
    assert makegood("migrate").out == "the database has the current schema already\n"
