"""Events and claims over HTTP, and the nights with their reports."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from tests.worker import world
from tests.worker.web_api.stands import Api
from worker import nightly
from worker.schema import audit
from worker.store import claims
from worker.store.listings import Filter

LINES = {"Content-Type": "application/x-ndjson"}
JSON = {"Content-Type": "application/json"}
CLAIM: dict[str, Any] = {
    "claim": "C-1",
    "membership": "M-1",
    "charge": "stripe:ch_twice",
    "kind": "billing_error",
    "received_at": "2026-03-12T09:00:00-05:00",
    "channel": "email",
    "from_email": "ann@example.com",
    "explanation": "a secret of mine",
}


def event(name: str, n: int) -> bytes:
    return world.body(world.charge(name, world.month(n), customer="cus_1", subscription="sub_1"))


def test_events_go_the_way_of_a_webhook_and_count_once(called: Api) -> None:
    several = b"\n".join([event("ch_a", 2), b"", event("ch_b", 2)])
    first, again = (called("POST", "/events/stripe", content=several, headers=LINES) for _ in range(2))
    one = called("POST", "/events/stripe", content=event("ch_c", 2), headers=JSON)

    assert (first.status_code, first.json()) == (202, {"new": 2, "known": 0})
    assert again.json() == {"new": 0, "known": 2}
    assert one.json() == {"new": 1, "known": 0}
    found = {row["charge"] for row in called.get("/findings?membership=M-1&kind=duplicate_charge")["data"]}
    assert {"stripe:ch_a", "stripe:ch_b", "stripe:ch_c"} & found
    with called.runtime.engine.begin() as conn:
        actors = conn.scalars(select(audit.c.actor).where(audit.c.action == "events_taken_in")).all()
    assert actors == ["All"] * 3


def test_no_events_or_none_of_ours_are_refused(called: Api) -> None:
    assert called("POST", "/events/stripe", content=b"\n\n", headers=LINES).status_code == 400
    assert called("POST", "/events/stripe", content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
    assert called("POST", "/events/square", content=b"{}", headers=JSON).json()["field"] == "provider"


def test_a_claim_is_answered_as_the_command_answers_it(called: Api) -> None:
    done = called("POST", "/claims", "clerk", json=CLAIM)
    again = called("POST", "/claims", "clerk", json=CLAIM)

    assert done.status_code == 200
    assert list(done.json()) == list(claims._ANSWER)
    assert again.json() == done.json()
    with called.runtime.engine.begin() as conn:
        (row,) = claims.listing(conn, Filter(), called.runtime.rules.zone)
        actors = conn.scalars(select(audit.c.actor).where(audit.c.action == "claim_brought")).all()
    assert list(called.get("/claims/C-1")) == list(row)
    assert called.get("/claims")["data"] == [called.get("/claims/C-1")]
    assert "secret" not in called("GET", "/claims").text
    assert actors == ["Clerk", "Clerk"]


def test_a_claim_that_cannot_be_taken_says_why(called: Api) -> None:
    called("POST", "/claims", json=CLAIM)
    refusals = [
        ({**CLAIM, "kind": "billing"}, 422, "kind"),
        ({**CLAIM, "claim": "C-2", "membership": "nobody"}, 422, "membership"),
        ({**CLAIM, "kind": "money_back"}, 409, "claim"),
        ({**CLAIM, "claim": "C-2", "from_email": "a secret of mine"}, 422, "from_email"),
    ]

    for claim, status, field in refusals:
        refused = called("POST", "/claims", json=claim)
        assert (refused.status_code, refused.json()["field"]) == (status, field)
        assert "secret" not in refused.text


def test_pages_of_claims_add_up(called: Api) -> None:
    for n in range(3):
        called("POST", "/claims", json={**CLAIM, "claim": f"C-{n}"})
    first = called.get("/claims?limit=2")
    second = called.get("/claims", params={"limit": 2, "cursor": first["next"]})

    assert [row["claim"] for row in [*first["data"], *second["data"]]] == ["C-0", "C-1", "C-2"]
    assert called.get("/claims?since=2026-03-13")["data"] == []


def test_a_night_and_its_report(called: Api, tmp_path: Path) -> None:
    night = world.at(world.later(world.month(2), 12)).date()
    settings = called.runtime.settings.model_copy(update={"report_dir": tmp_path})
    nightly.run_night(replace(called.runtime, settings=settings), night)

    listed = called.get("/nights")["data"]
    one = called.get(f"/nights/{night}")
    files = {form: called("GET", f"/reports/{night}/{form}") for form in ("json", "html", "xlsx")}

    assert [row["night"] for row in listed] == [str(night)]
    assert {name: one[name] for name in listed[0]} == listed[0]
    assert one["summary"]["night"] == str(night)
    assert all(file.status_code == 200 for file in files.values())
    assert files["json"].json()["night"] == str(night)
    assert files["html"].text.startswith("<!doctype html>")
    assert "xl/workbook.xml" in zipfile.ZipFile(io.BytesIO(files["xlsx"].content)).namelist()
    assert files["html"].headers["content-disposition"] == f'attachment; filename="report-{night}.html"'
    assert called("GET", "/reports/2020-01-01/json").status_code == 404
    assert called("GET", f"/nights/{night}x").json()["field"] == "night"
    assert json.dumps(one)
