"""Memberships over HTTP: a row at a time, and what is told of one the minute it is known."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from tests.worker.web_api.stands import Api
from worker.privacy import rights
from worker.schema import audit, membership_versions

ROW: dict[str, Any] = {
    "membership": "M-9",
    "member": {"name": "Ann Example", "email": "ann.example@shop.example.com", "country": "US"},
    "started_on": "2024-01-31",
    "ended_on": None,
    "policy": ["smartcalls", "voip-fulfillment"],
    "plan": {
        "code": "dialer",
        "price": 9900,
        "currency": "USD",
        "every": "month",
        "count": 1,
        "setup_fee": 14900,
        "trial_days": 0,
        "month_end": "clamp",
    },
    "changes": [
        {"kind": "price", "from": "2024-04-08", "price": 10900},
        {"kind": "plan", "from": "2024-06-08", "code": "dialer-year", "price": 99000, "every": "year", "count": 1},
        {"kind": "quantity", "from": "2024-07-08", "quantity": 3},
        {"kind": "discount", "from": "2024-02-29", "percent": 20, "periods": 3},
        {"kind": "discount", "from": "2024-02-29", "percent": 12.34, "periods": 3},
        {"kind": "pause", "from": "2024-08-08", "until": "2024-10-08"},
        {"kind": "agreed", "on": "2024-05-02", "amount": 2500, "what": "number pack"},
    ],
    "notices": [
        {"kind": "cancel", "at": "2024-06-29T04:59:00Z", "channel": "email"},
        {"kind": "reactivate", "on": "2024-09-10"},
        {"kind": "terminate", "on": "2025-05-01", "reason": "breach"},
    ],
    "agreements": [
        {
            "provider": "stripe",
            "customer": "cus_9",
            "subscription": "sub_9",
            "payer": None,
            "from": "2024-01-31",
            "until": None,
        }
    ],
}
CANCEL = {"kind": "cancel", "at": "2026-02-20T09:00:00-06:00", "channel": "portal"}


def test_what_is_put_is_what_is_got_and_may_be_put_again(called: Api) -> None:
    first = called("PUT", "/memberships/M-9", json=ROW)
    got = called("GET", "/memberships/M-9?contacts=true")
    again = called("PUT", "/memberships/M-9", json=got.json())

    assert (first.status_code, first.json()) == (201, {"membership": "M-9", "version": 1, "outcome": "added"})
    assert got.json() == ROW
    assert got.headers["etag"] == '"1"'
    assert (again.status_code, again.json()["outcome"]) == (200, "unchanged")


def test_another_row_is_the_next_version(called: Api) -> None:
    called("PUT", "/memberships/M-9", json=ROW)
    changed = called("PUT", "/memberships/M-9", json={**ROW, "ended_on": "2025-05-01"})

    assert changed.json() == {"membership": "M-9", "version": 2, "outcome": "changed"}
    with called.runtime.engine.begin() as conn:
        versions = conn.scalars(select(membership_versions.c.version).where(membership_versions.c.ref == "M-9")).all()
    assert sorted(versions) == [1, 2]


def test_who_did_not_see_the_last_version_is_told(called: Api) -> None:
    called("PUT", "/memberships/M-9", json=ROW)
    called("PUT", "/memberships/M-9", json={**ROW, "ended_on": "2025-05-01"}, headers={"If-Match": '"1"'})
    late = called("PUT", "/memberships/M-9", json=ROW, headers={"If-Match": '"1"'})
    new = called("PUT", "/memberships/M-8", json={**ROW, "membership": "M-8"}, headers={"If-Match": '"0"'})

    assert (late.status_code, new.status_code) == (412, 201)
    assert called.get("/memberships/M-9")["ended_on"] == "2025-05-01"
    assert called("PUT", "/memberships/M-9", json=ROW, headers={"If-Match": "1"}).status_code == 422


NO_FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"membership": "M-10"}, "membership", "M-10"),
    ({"started": "2024-01-31"}, "started", "unknown key"),
    ({"started_on": "31.1.2024"}, "started_on", "a date such as 2024-01-31"),
    ({"plan": {"price": "99.00", "currency": "USD"}}, "plan.price", "whole number of minor units"),
    ({"plan": {"price": 9900, "currency": "ZZZ"}}, "plan.currency", "ISO 4217"),
    ({"policy": ["gold"]}, "policy[0]", "gold"),
    ({"notices": [{**CANCEL, "at": "2026-02-20T09:00:00"}]}, "notices[0].at", "with its offset"),
    ({"notices": [{**CANCEL, "channel": "fax"}]}, "notices[0].channel", "email, portal"),
    ({"member": {"email": "not an address"}}, "member.email", "e-mail"),
    ({"agreements": [], "member": {}}, "agreements", "neither is there"),
]


def test_a_field_that_cannot_be_taken_is_named_as_the_import_names_it(called: Api) -> None:
    for change, field, said in NO_FIELDS:
        refused = called("PUT", "/memberships/M-9", json={**ROW, **change})

        assert (refused.status_code, refused.json()["field"]) == (422, field)
        assert said in refused.json()["detail"]
        assert "not an address" not in refused.text
    assert called("GET", "/memberships/M-9").status_code == 404


def test_a_cancellation_is_judged_the_minute_it_is_received(called: Api) -> None:
    done = called("POST", "/memberships/M-1/notices", "clerk", json=CANCEL)
    twice = called("POST", "/memberships/M-1/notices", "clerk", json=CANCEL)

    assert (done.status_code, done.json()) == (200, {"membership": "M-1", "version": 2, "outcome": "changed"})
    assert twice.json()["outcome"] == "unchanged"
    assert called.get("/memberships/M-1")["notices"] == [{**CANCEL, "at": "2026-02-20T15:00:00Z"}]
    kinds = [row["finding"] for row in called.get("/findings?membership=M-1&status=open")["data"]]
    assert "post_cancellation_charge" in kinds


def test_a_change_counts_for_what_is_owed(called: Api) -> None:
    called("POST", "/memberships/M-1/changes", json={"kind": "price", "from": "2026-03-01", "price": 9000})

    found = called.get("/findings?membership=M-1&kind=overcharge")["data"]
    assert [row["excess"] for row in found] == [900]


def test_a_notice_of_nobody_or_of_no_kind_is_refused(called: Api) -> None:
    assert called("POST", "/memberships/nobody/notices", json=CANCEL).status_code == 404
    assert called("POST", "/memberships/M-1/notices", json={"kind": "wish"}).json()["field"] == "kind"
    assert called("POST", "/memberships/M-1/changes", json=CANCEL).json()["field"] == "kind"
    assert called.get("/memberships/M-1")["notices"] == []


def test_contacts_are_masked_and_a_masked_row_is_not_taken_back(called: Api) -> None:
    called("PUT", "/memberships/M-9", json=ROW)
    got = called.get("/memberships/M-9", "auditor")

    assert got["member"] == {"name": "A*** E***", "email": "a***@s***.com", "country": "US", "masked": True}
    assert called.get("/memberships?limit=500")["data"][-1] == got
    assert called("PUT", "/memberships/M-9", json=got).json()["field"] == "member.masked"


def test_a_look_at_a_contact_is_an_audit_entry(called: Api) -> None:
    called.get("/memberships/M-1", "auditor")
    called.get("/memberships/M-1?contacts=true", "auditor")

    with called.runtime.engine.begin() as conn:
        looks = conn.execute(select(audit.c.actor, audit.c.subject).where(audit.c.action == "contact_read")).all()
    assert [tuple(look) for look in looks] == [("Auditor", "M-1")]


def test_who_was_erased_stays_forgotten(called: Api) -> None:
    rights.erase(called.runtime, "M-1", "Ada")
    called("POST", "/memberships/M-1/notices", json=CANCEL)
    again = {**called.get("/memberships/M-1?contacts=true"), "member": {"email": "ann@example.com"}}
    assert called("PUT", "/memberships/M-1", json=again).status_code == 200

    assert called.get("/memberships/M-1?contacts=true")["member"] is None


def test_who_is_restricted_is_judged_and_held(called: Api) -> None:
    rights.restrict(called.runtime, "M-1", "Ada")
    called("POST", "/memberships/M-1/notices", json=CANCEL)

    stand = [(row["kind"], row["state"], row["held_because"]) for row in called.get("/remedies?membership=M-1")["data"]]
    assert ("refund", "held", "restricted") in stand
    assert {state for _, state, _ in stand} == {"held"}


def test_every_write_is_in_the_tokens_name(called: Api) -> None:
    called("PUT", "/memberships/M-9", "clerk", json=ROW)
    called("POST", "/memberships/M-9/notices", "clerk", json=CANCEL)
    called("POST", "/memberships/M-9/changes", "clerk", json={"kind": "price", "from": "2026-03-01", "price": 9000})

    with called.runtime.engine.begin() as conn:
        told = conn.execute(select(audit.c.action).where(audit.c.actor == "Clerk").order_by(audit.c.n)).scalars().all()
    assert told == ["membership_put", "notice_told", "change_told"]


def test_a_reference_may_hold_any_sign_that_a_roster_may(called: Api) -> None:
    for ref in ("a/b", "ü ö", "x?y#z", "%"):
        address = "/memberships/" + "".join(f"%{byte:02X}" for byte in ref.encode())
        assert called("PUT", address, json={**ROW, "membership": ref}).status_code == 201
        assert called("POST", f"{address}/notices", json=CANCEL).status_code == 200
        assert called.get(address)["membership"] == ref


def test_pages_of_the_roster_add_up(called: Api) -> None:
    for n in range(5):
        called("PUT", f"/memberships/P-{n}", json={**ROW, "membership": f"P-{n}"})
    refs, cursor = [], None
    while True:
        page = called.get("/memberships", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        refs += [row["membership"] for row in page["data"]]
        cursor = page["next"]
        if cursor is None:
            break

    assert refs == ["M-1", "M-2", *(f"P-{n}" for n in range(5))]


def test_a_time_is_told_in_utc_whatever_offset_it_came_with(called: Api) -> None:
    called("POST", "/memberships/M-1/notices", json={**CANCEL, "at": "2026-02-20T23:59:00.5+14:00"})

    (told,) = called.get("/memberships/M-1")["notices"]
    assert datetime.fromisoformat(told["at"]) == datetime(2026, 2, 20, 9, 59, 0, 500000, UTC)
    assert json.dumps(told)
