"""Findings and remedies over HTTP: listed as the commands list them, decided as the commands decide."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select

from tests.worker.web_api.stands import LARGE, SMALL, Api
from worker import tables
from worker.schema import audit, findings, remedies
from worker.store import listings


def listed(api: Api, what: str) -> list[dict[str, Any]]:
    """The command's listing, by key."""
    with api.runtime.engine.begin() as conn:
        rows = [json.loads(tables.as_json(row)) for row in getattr(listings, what)(conn)]
    return sorted(rows, key=lambda row: str(row["key"]))


def test_a_list_is_the_commands_listing(called: Api) -> None:
    for what in ("findings", "remedies"):
        rows = listed(called, what)

        assert len(rows) == 2
        assert called.get(f"/{what}") == {"data": rows, "next": None}
        assert [called.get(f"/{what}/{row['key']}") for row in rows] == rows


def test_pages_add_up_to_the_list_while_rows_come_in_between(called: Api) -> None:
    first = {what: called.get(f"/{what}?limit=1") for what in ("findings", "remedies")}
    with called.runtime.engine.begin() as conn:
        # What sorts before the cursor appears on no later page, and moves nothing.
        for table in (findings, remedies):
            row = dict(conn.execute(select(table).order_by(table.c.key)).mappings().first() or {})
            more = {"finding": "0000"} if "finding" in row else {}
            conn.execute(table.insert().values({**row, "key": "0000", **more}))

    for what, page in first.items():
        second = called.get(f"/{what}", params={"limit": 1, "cursor": page["next"]})
        assert [*page["data"], *second["data"]] == listed(called, what)[1:]
        assert second["next"] is None


def test_pages_since_a_date_add_up_too(called: Api) -> None:
    for what in ("findings", "remedies"):
        rows, cursor = [], None
        while True:
            asked = {"since": "2026-01-01", "limit": 1, **({"cursor": cursor} if cursor else {})}
            page = called.get(f"/{what}", params=asked)
            rows += page["data"]
            if (cursor := page["next"]) is None:
                break
        whole = called.get(f"/{what}?since=2026-01-01")["data"]
        assert rows == whole
        assert sorted(rows, key=lambda row: str(row["key"])) == listed(called, what)
        other = called.get(f"/{what}?limit=1")["next"]
        assert called("GET", f"/{what}", params={"since": "2026-01-01", "cursor": other}).json()["field"] == "cursor"


def test_filters_are_those_of_the_commands(called: Api) -> None:
    assert len(called.get("/findings?kind=duplicate_charge&status=open,waived&since=2026-03-01")["data"]) == 2
    assert called.get("/findings?status=settled&status=cleared")["data"] == []
    assert called.get("/findings?since=2026-12-01")["data"] == []
    assert [row["key"] for row in called.get("/remedies?status=held")["data"]] == [LARGE]
    assert [row["key"] for row in called.get("/remedies?membership=M-1&status=all")["data"]] == [SMALL]


NO_PARAMETERS = [
    ("state=held", "state"),
    ("status=sold", "status: one of open, settled, waived, cleared, all is expected"),
    ("kind=duplicate", "kind: one of duplicate_charge, "),
    ("since=yesterday", "since: a date such as 2024-01-31 is expected"),
    ("since=0001-01-01", "since"),
    ("since=1700000000", "since"),
    ("limit=0", "limit: a whole number of at least 1 is expected"),
    ("limit=x", "limit: a whole number is expected"),
    ("cursor=abc", "cursor"),
    ("cursor=WyJyZW1lZGllcyIsICJ4Il0", "cursor"),  # of another list
    ("cursor=WyJmaW5kaW5ncyIsICJcdTAwMDAiXQ", "cursor"),  # a sign that no database takes
    ("membership=%00", "membership"),
]


def test_a_parameter_that_cannot_be_taken_is_named(called: Api) -> None:
    for query, said in NO_PARAMETERS:
        refused = called("GET", f"/findings?{query}")

        assert refused.status_code == 422, query
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["field"] == said.partition(":")[0]
        assert refused.json()["detail"].startswith(said)


def test_why_is_told_of_whatever_has_a_name(called: Api) -> None:
    for ref in ("M-1", "stripe:ch_twice", SMALL):
        told = called.get(f"/explain/{ref}")
        assert told["membership"] == "M-1"
        assert told["clauses"]
    assert called("GET", "/explain/nobody").status_code == 404


def test_an_approval_is_in_the_tokens_name(called: Api) -> None:
    done = called("POST", f"/remedies/{LARGE}/approve", "approver")

    assert (done.status_code, done.json()["state"]) == (200, "queued")
    assert done.json() == called.get(f"/remedies/{LARGE}")
    with called.runtime.engine.begin() as conn:
        entry = conn.execute(select(audit).where(audit.c.action == "remedy_approved")).one()
    assert (entry.actor, entry.subject) == ("Approver", LARGE)


def test_who_prepared_does_not_approve(called: Api) -> None:
    prepared = called("POST", f"/remedies/{LARGE}/prepare", "approver")
    own = called("POST", f"/remedies/{LARGE}/approve", "approver")
    others = called("POST", f"/remedies/{LARGE}/approve", "second")

    assert (prepared.status_code, prepared.json()["state"]) == (200, "held")
    assert (own.status_code, own.json()["type"]) == (409, "urn:makegood:problem:conflict")
    assert "somebody else has to approve" in own.json()["detail"]
    assert others.status_code == 200


def test_an_approval_of_what_was_seen_is_none_of_anything_else(called: Api) -> None:
    listed = called.get(f"/remedies/{LARGE}")
    seen = {name: listed[name] for name in ("kind", "amount", "currency", "clause", "held_because")}

    other = called("POST", f"/remedies/{LARGE}/approve", json={**seen, "amount": 29_999})
    bad = called("POST", f"/remedies/{LARGE}/approve", json={**seen, "amount": "30000"})
    same = called("POST", f"/remedies/{LARGE}/approve", json=seen)

    assert (other.status_code, bad.status_code, same.status_code) == (409, 422, 200)


def test_what_is_in_no_state_for_it_is_a_conflict_and_changes_nothing(called: Api) -> None:
    before = called.get("/remedies")

    assert called("POST", f"/remedies/{SMALL}/approve").status_code == 409  # it is queued
    assert called("POST", f"/remedies/{SMALL}/retry").status_code == 409
    assert called("POST", "/remedies/remedy:stripe:none/approve").status_code == 404
    assert called("POST", f"/remedies/{SMALL}/waive", json={}).json()["field"] == "reason"
    assert called("POST", f"/remedies/{SMALL}/approve", json={"sum": 1}).json()["field"] == "sum"
    assert called("POST", f"/remedies/{SMALL}/retry", json={"now": True}).json()["field"] == "now"
    assert called.get("/remedies") == before


def test_a_waiver_is_for_good_and_says_why(called: Api) -> None:
    done = called("POST", f"/remedies/{SMALL}/waive", "approver", json={"reason": "credited by hand"})

    assert (done.status_code, done.json()["state"]) == (200, "waived")
    assert [row["key"] for row in called.get("/findings?status=waived")["data"]] == [
        row["key"] for row in called.get("/findings?membership=M-1")["data"]
    ]
