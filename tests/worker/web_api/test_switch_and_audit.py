"""The switch for outgoing money and the audit log, over HTTP."""

from __future__ import annotations

from sqlalchemy import update

from tests.worker.web_api.stands import SMALL, Api
from worker.money import guards
from worker.schema import audit

UNSET = {"stopped": False, "by": None, "reason": None, "at": None}
REASON = {"reason": "the price list is wrong"}


def test_the_switch_stops_money_in_the_tokens_name_and_lets_it_go_again(called: Api) -> None:
    before = called.get("/switch")
    stopped = called("POST", "/switch/stop", "clerk", json=REASON).json()
    stands = called.get("/switch")
    with called.runtime.engine.begin() as conn:
        guard = guards.stopped(conn)
    already = called("POST", "/switch/stop", "approver", json={"reason": "still"}).json()
    resumed = called("POST", "/switch/resume", "approver", json={"reason": "it is mended"}).json()

    assert before == UNSET
    assert stands == {"stopped": True, "by": "Clerk", **REASON, "at": "2026-03-20T12:00:00Z"}
    assert stopped == {**stands, "already": False}
    assert guard is not None  # what every executor asks before a call
    assert (already["already"], already["by"]) == (True, "Approver")
    assert (resumed["stopped"], resumed["already"]) == (False, False)
    entries = called.get("/audit?subject=money")["data"]
    assert [(one["actor"], one["action"]) for one in entries] == [
        ("Approver", "money_resumed"),
        ("Approver", "money_stopped"),
        ("Clerk", "money_stopped"),
    ]
    assert entries[2]["detail"] == REASON


def test_the_switch_is_turned_for_a_reason_only_and_once_under_a_key(called: Api) -> None:
    for sent in ({}, {"reason": ""}, {"reason": "two\nlines"}, {"reason": "x" * 1001}):
        refused = called("POST", "/switch/stop", json=sent)
        assert (refused.status_code, refused.json()["field"]) == (422, "reason"), sent
    assert called.get("/switch") == UNSET

    key = {"Idempotency-Key": "one"}
    first, again = (called("POST", "/switch/stop", json=REASON, headers=key) for _ in range(2))
    assert first.content == again.content
    assert len(called.get("/audit?subject=money")["data"]) == 1


def test_the_audit_log_comes_in_pages_the_last_first_and_nothing_new_moves_it(called: Api) -> None:
    whole = called.get("/audit")["data"]
    first = called.get("/audit?limit=3")
    called("POST", "/switch/stop", json=REASON)
    second = called.get(f"/audit?limit=3&cursor={first['next']}")

    assert [one["n"] for one in whole] == list(range(len(whole), 0, -1))
    assert first["data"] + second["data"] == whole[:6]


def test_the_audit_log_is_filtered(called: Api) -> None:
    called("POST", f"/remedies/{SMALL}/waive", "approver", json={"reason": "by hand"})
    of_remedy = called.get(f"/audit?subject={SMALL}")["data"]

    assert of_remedy[0]["action"] == "remedy_waived"
    assert {one["subject"] for one in of_remedy} == {SMALL}
    assert called.get("/audit?actor=Approver")["data"] == [of_remedy[0]]
    assert called.get("/audit?action=remedy_waived&actor=Clerk")["data"] == []


def test_a_cursor_that_is_none_is_named(called: Api) -> None:
    findings = called.get("/memberships?limit=1")["next"]
    for cursor in ("x", findings, "WyJhdWRpdCIsICJ4Il0", "WyJhdWRpdCIsICJcdTA2NjAiXQ"):
        refused = called("GET", f"/audit?cursor={cursor}")
        assert (refused.status_code, refused.json()["field"]) == (422, "cursor"), cursor


def test_the_chain_is_checked_and_a_changed_entry_or_a_lost_end_is_named(called: Api) -> None:
    whole = called.get("/audit/verify", "auditor")
    cut = called.get(f"/audit/verify?expect={'ab' * 32}", "auditor")
    with called.runtime.engine.begin() as conn:
        conn.execute(update(audit).where(audit.c.n == 2).values(actor="somebody"))
    changed = called.get("/audit/verify", "auditor")

    newest = called.get("/audit?limit=1")["data"][0]
    assert whole == {"entries": newest["n"], "head": newest["hash"], "first_broken": None}
    assert cut["first_broken"] == whole["entries"] + 1
    assert changed["first_broken"] == 2
    refused = called("GET", "/audit/verify?expect=x").json()
    assert (refused["field"], refused["detail"]) == ("expect", "expect: a head of 64 hexadecimal digits is expected")
    assert called("GET", "/explain/%00").json()["detail"] == "ref: text without control characters is expected"
