"""A member's rights over HTTP: what the commands do, in the token's name, and what is left standing is said."""

from __future__ import annotations

from urllib.parse import quote

from sqlalchemy import select

from tests.worker.web_api.stands import SMALL, Api
from worker.privacy import rights
from worker.schema import api_answers, audit
from worker.store import roster

KEY = {"Idempotency-Key": "one"}


def acts(called: Api, action: str) -> list[tuple[str, str]]:
    with called.runtime.engine.begin() as conn:
        query = select(audit.c.actor, audit.c.subject).where(audit.c.action == action).order_by(audit.c.n)
        return [(actor, subject) for actor, subject in conn.execute(query)]


def personal(called: Api, ref: str) -> dict[str, str]:
    with called.runtime.engine.begin() as conn:
        return roster.personal(conn, called.runtime.keyring, ref)


def test_all_that_is_kept_is_handed_over_and_the_look_is_noted(called: Api) -> None:
    (told,) = called.get("/members/M-1/export", "privacy")["data"]

    assert (told["membership"], told["member"]) == ("M-1", {"email": "ann@example.com"})
    assert {fact["object_id"] for fact in told["facts"]} == {"ch_0", "ch_1", "ch_2", "ch_twice"}
    assert [remedy["key"] for remedy in told["remedies"]] == [SMALL]
    assert acts(called, "member_exported") == [("Privacy", "M-1")]


def test_an_email_means_all_that_is_theirs(called: Api) -> None:
    told = called.get(f"/members/{quote('ann@example.com')}/export")["data"]

    assert [one["membership"] for one in told] == ["M-1"]


def test_a_correction_sets_removes_and_leaves(called: Api) -> None:
    first = called("POST", "/members/M-1/correct", "privacy", json={"name": "Ann Sample", "country": "CA"})
    again = called("POST", "/members/M-1/correct", "privacy", json={"email": "", "country": None})

    assert first.json()["data"] == [
        {"membership": "M-1", "corrected": ["country", "name"], "left": ["earlier audit entries"]}
    ]
    assert again.json()["data"][0]["corrected"] == ["email"]
    assert personal(called, "M-1") == {"name": "Ann Sample", "country": "CA"}
    assert acts(called, "member_corrected") == [("Privacy", "M-1")] * 2


def test_what_cannot_be_corrected_is_named_and_not_repeated(called: Api) -> None:
    cases = [
        ({"email": "ann.at.example.com"}, "email"),
        ({"country": "Canada"}, "country"),
        ({"name": 7}, "name"),
        ({"phone": "", "name": "Ann"}, "phone"),
        ({"name": None}, None),
        ({}, None),
    ]
    for sent, field in cases:
        refused = called("POST", "/members/M-1/correct", json=sent)
        assert (refused.status_code, refused.json().get("field")) == (422, field), sent
        assert "ann.at" not in refused.text
    assert acts(called, "member_corrected") == []


def test_a_restriction_holds_what_is_owed_until_it_is_lifted(called: Api) -> None:
    on = called("POST", "/members/M-1/restrict", "privacy").json()["data"]
    held = called.get(f"/remedies/{SMALL}")
    off = called("POST", "/members/M-1/restrict", "privacy", json={"lift": True}).json()["data"]
    after = called.get(f"/remedies/{SMALL}")

    assert on == [{"membership": "M-1", "restricted": True, "left": ["what is owed is still worked out, and held"]}]
    assert off == [{"membership": "M-1", "restricted": False, "left": ["automatic remedies and notices go again"]}]
    assert (held["state"], held["held_because"]) == ("held", "restricted")
    assert after["held_because"] != "restricted"
    assert acts(called, "member_restricted") == acts(called, "restriction_lifted") == [("Privacy", "M-1")]


def test_lift_is_true_or_false(called: Api) -> None:
    for lift in ("yes", 1, 1.5):
        refused = called("POST", "/members/M-1/restrict", json={"lift": lift})
        assert (refused.status_code, refused.json()["field"]) == (422, "lift")


def test_who_is_erased_is_gone_and_the_books_stay(called: Api) -> None:
    done = called("POST", "/members/M-1/erase", "privacy", headers=KEY)
    again = called("POST", "/members/M-1/erase", "privacy", headers=KEY)

    (told,) = done.json()["data"]
    assert (told["membership"], told["erased"]) == ("M-1", True)
    assert told["left"][0] == "4 facts: amounts, dates and the provider's ids, for the books"
    assert again.headers["idempotency-replayed"] == "true"
    assert again.content == done.content
    assert acts(called, "member_erased") == [("Privacy", "M-1")]
    assert personal(called, "M-1") == {}
    assert called.get(f"/remedies/{SMALL}")["amount"] is not None
    assert called("GET", f"/members/{quote('ann@example.com')}/export").status_code == 404


def test_it_is_what_the_command_does(called: Api) -> None:
    by_api = called("POST", "/members/M-1/restrict").json()["data"]
    with called.runtime.engine.begin() as conn:
        first = conn.execute(select(audit.c.action, audit.c.subject, audit.c.detail).order_by(audit.c.n.desc())).first()
    by_command = rights.restrict(called.runtime, "M-1", "privacy")
    with called.runtime.engine.begin() as conn:
        then = conn.execute(select(audit.c.action, audit.c.subject, audit.c.detail).order_by(audit.c.n.desc())).first()

    assert by_api == by_command
    assert first == then


def test_nobody_is_404_and_an_answer_that_is_kept_holds_nothing_personal(called: Api) -> None:
    for method, act in (("GET", "export"), ("POST", "correct"), ("POST", "restrict"), ("POST", "erase")):
        sent = {"name": "x"} if act == "correct" else None
        refused = called(method, f"/members/nobody@example.com/{act}", json=sent)
        assert (refused.status_code, refused.json()["type"]) == (404, "urn:makegood:problem:unknown"), act
        assert "nobody@" not in refused.text
    called("POST", "/members/ann@example.com/correct", json={"name": "Ann Sample"}, headers=KEY)
    with called.runtime.engine.begin() as conn:
        kept = str(conn.execute(select(api_answers)).all())
    assert "M-1" in kept
    assert "Sample" not in kept
    assert "ann@" not in kept
