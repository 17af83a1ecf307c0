"""Memberships, claims, policies, nights, audit, the switch and members' rights, as people use them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import insert, select, update

from reconcile.policy import Force
from tests.worker.console.conftest import EMAIL, LARGE, NAME, Come
from tests.worker.console.visitor import text
from worker.alerts import words
from worker.backtest import backtest, keep
from worker.night import phases
from worker.nightly import run_night
from worker.runtime import Runtime
from worker.schema import audit, backtests, notices, remedies
from worker.store.switches import is_stopped
from worker.web.console.night_pages import report_policy
from worker.web.console.policies import changes


def _acts(world: Runtime, *actions: str) -> list[tuple[str, str, str]]:
    with world.engine.connect() as conn:
        rows = conn.execute(select(audit.c.actor, audit.c.action, audit.c.subject).order_by(audit.c.n))
        return [(row.actor, row.action, row.subject) for row in rows if row.action in actions]


def test_a_member_is_masked_until_somebody_looks_and_the_look_is_noted(come: Come, world: Runtime) -> None:
    visitor = come("clerk", name="Ada Example")
    masked = visitor.get("/console/memberships/M-2").text
    assert EMAIL not in masked
    assert "z***@e***.org" in masked
    assert _acts(world, "contact_read") == []
    shown = visitor.post("/console/memberships/reveal", {"ref": "M-2"}).text
    assert EMAIL in shown
    assert "Zoë &lt;b&gt;Example&lt;/b&gt;" in shown
    assert NAME not in shown
    assert _acts(world, "contact_read") == [("Ada Example", "contact_read", "M-2")]
    assert EMAIL not in visitor.get("/console/memberships/M-2").text


def test_an_address_is_looked_up_in_a_form_and_noted(come: Come, world: Runtime) -> None:
    visitor = come("clerk", name="Ada Example")
    answer = visitor.post("/console/memberships/by-email", {"email": EMAIL.upper()})
    assert answer.headers["location"] == "/console/memberships/M-2"
    assert _acts(world, "contact_looked_up") == [("Ada Example", "contact_looked_up", "M-2")]
    assert "No membership is known" in text(visitor.post("/console/memberships/by-email", {"email": "x@y.example"}))
    assert "No membership is known" in text(visitor.post("/console/memberships/by-email", {"email": "M-2"}))


@pytest.mark.parametrize("in_hand", ["M-2", "cus_2", "sub_2", "ch_large", "stripe:ch_large"])
def test_a_membership_is_found_by_what_one_has_in_hand(come: Come, in_hand: str) -> None:
    answer = come("auditor").get(f"/console/memberships?q={in_hand}")
    assert answer.headers["location"] == "/console/memberships/M-2"


def test_the_whole_ledger_of_a_membership_is_on_its_page(come: Come) -> None:
    said = text(come("auditor").get("/console/memberships/M-1"))
    assert "Charged twice" in said
    for charge in ("ch_1_0", "ch_1_1", "ch_1_2", "ch_twice"):
        assert f"stripe:{charge}" in said
    assert "nothing owed" in said


def test_a_notice_that_could_not_be_sent_waits_for_a_person_on_the_first_page(come: Come, world: Runtime) -> None:
    visitor = come("clerk")
    assert "could not be sent" not in text(visitor.get("/console"))
    lost = {"key": "receipt:C-1", "kind": "receipt", "membership": "M-2", "subject": "C-1", "state": "failed"}
    with world.engine.begin() as conn:
        conn.execute(insert(notices).values(at=world.clock(), tries=5, **lost))
    assert "Notices to members that could not be sent" in text(visitor.get("/console"))


def test_a_claim_is_taken_in_and_answered(come: Come) -> None:
    visitor = come("clerk")
    page = visitor.get("/console/claims/new?membership=M-4").text
    assert 'value="C-20260320-1"' in page
    form = {
        "claim": "C-20260320-1",
        "membership": "M-4",
        "kind": "unused_period",
        "received_at": "2026-03-20T09:00",
        "channel": "email",
        "explanation": "<b>I do not use it</b>",
    }
    refused = visitor.post("/console/claims", form | {"membership": "M-none"})
    assert refused.status_code == 422
    assert "a membership of the roster is expected" in text(refused)
    assert "&lt;b&gt;I do not use it&lt;/b&gt;" in refused.text, "what was typed is still there"
    answer = visitor.post("/console/claims", form)
    assert answer.headers["location"] == "/console/claims/C-20260320-1?done=taken"
    said = text(visitor.get(answer.headers["location"]))
    assert "Unused period" in said
    assert "by clause" in said
    assert "C-20260320-1" in text(visitor.get("/console/claims?kind=unused_period"))
    assert "No claim is like this" in text(visitor.get("/console/claims?kind=money_back"))


@pytest.mark.parametrize(
    "wrong",
    [{"received_at": "yesterday"}, {"charge": "nonsense"}, {"kind": ""}, {"from_email": "nobody"}, {"claim": "a b"}],
)
def test_a_claim_that_cannot_be_read_says_which_field(come: Come, wrong: dict[str, str]) -> None:
    form = {"claim": "C-1", "membership": "M-4", "kind": "money_back", "received_at": "2026-03-20T09:00"}
    answer = come("clerk").post("/console/claims", form | wrong)
    assert answer.status_code == 422
    assert f"{next(iter(wrong))}:" in text(answer)


def test_policies_are_read_in_words(come: Come) -> None:
    visitor = come("auditor")
    assert "VoIP: Fulfillment Policy" in text(visitor.get("/console/policies"))
    said = text(visitor.get("/console/policies/voip-fulfillment"))
    assert "FP-2: Refund policy 2, overbilling or billing errors" in said
    assert "is made by itself (shall)" in said
    assert visitor.get("/console/policies/none").status_code == 404


def test_two_versions_are_compared_clause_by_clause(world: Runtime) -> None:
    (before,) = world.rules.policy.versions["voip-fulfillment"]
    first, second, *rest = before.clauses
    after = replace(before, clauses=(replace(first, says="Nothing at all."), *rest, replace(second, id="FP-9")))
    found = {change.id: change.how for change in changes(before, after)}
    assert found == {first.id: "changed", "FP-9": "new", second.id: "gone"}
    text = next(str(change.text) for change in changes(before, after))
    assert "<ins>Nothing</ins>" in text
    assert "disruption" in text.partition("<del>")[0], "what is the same is not marked"


def test_a_night_tells_what_it_found_and_opens_its_report(come: Come, world: Runtime) -> None:
    assert run_night(world, date(2026, 3, 19)) is not None
    visitor = come("auditor")
    assert "19 March 2026" in text(visitor.get("/console/nights"))
    said = text(visitor.get("/console/nights/2026-03-19"))
    assert "Largest amounts that wait M-2: 300.00 USD, Charged too much (Needs a second pair of eyes)" in said
    page = visitor.get("/console/nights/2026-03-19/report.html")
    policy = page.headers["content-security-policy"]
    assert policy == report_policy(page.text)
    assert "script-src" not in policy
    assert visitor.get("/console/nights/2026-03-19/report.xlsx").content.startswith(b"PK")
    assert json.loads(visitor.get("/console/nights/2026-03-19/report.json").text)["night"] == "2026-03-19"
    for wrong in ("2026-03-18", "nonsense", "2026-03-19/report.exe", "..%2f..%2fetc/report.html"):
        assert visitor.get(f"/console/nights/{wrong}").status_code == 404


def test_the_audit_log_is_filtered_and_a_broken_chain_is_named(come: Come, world: Runtime) -> None:
    visitor = come("auditor")
    assert "The chain holds" in text(visitor.post("/console/audit/verify"))
    assert "remedy decided" in text(visitor.get(f"/console/audit?subject={LARGE}"))
    assert "No entry is like this" in text(visitor.get("/console/audit?actor=Nobody"))
    with world.engine.begin() as conn:
        head = str(conn.scalar(select(audit.c.hash).order_by(audit.c.n.desc()).limit(1)))
    assert "the head you noted is in it" in text(visitor.post("/console/audit/verify", {"expect": f"7:{head}"}))
    assert "The head you noted is not in it" in text(visitor.post("/console/audit/verify", {"expect": "0" * 63 + "1"}))
    with world.engine.begin() as conn:
        conn.execute(update(audit).where(audit.c.n == 2).values(actor="somebody else"))
    assert "The chain is broken at entry 2" in text(visitor.post("/console/audit/verify"))


def test_money_is_stopped_by_a_clerk_and_resumed_by_an_approver(come: Come, world: Runtime) -> None:
    def stopped() -> bool:
        with world.engine.connect() as conn:
            return is_stopped(conn)

    ada, ben = come("clerk", name="Ada Example"), come("approver", name="Ben Example")
    assert ada.post("/console/switch/stop", {"reason": ""}).status_code == 409
    assert not stopped()
    assert ada.post("/console/switch/stop", {"reason": "wrong prices"}).status_code == 303
    assert stopped()
    assert ada.post("/console/switch/resume", {"reason": "mended"}).status_code == 403
    assert "money stopped by Ada Example: wrong prices" in text(ben.get("/console/switch"))
    assert ben.post("/console/switch/resume", {"reason": "mended"}).status_code == 303
    assert not stopped()


def test_one_by_one_goes_from_the_largest_to_the_last(come: Come) -> None:
    visitor = come("approver", name="Ben Example")
    seen, address = [], "/console/approvals/next?go=all"
    while (answer := visitor.get(address)).headers["location"].startswith("/console/cases/"):
        page = visitor.get(answer.headers["location"]).text
        seen.append(page.partition('class="ref">remedy:')[2].partition("<")[0])
        address = page.partition('class="skip-one"><a href="')[2].partition('"')[0].replace("&amp;", "&")
    assert seen == ["stripe:ch_large", "stripe:ch_disputed", "stripe:ch_nobodys"]
    assert answer.headers["location"] == "/console/approvals?done=last"


def test_an_approval_on_the_way_goes_on_to_the_next(come: Come, world: Runtime) -> None:
    visitor = come("approver", name="Ben Example")
    first = visitor.get("/console/approvals/next?go=all").headers["location"]
    page = visitor.get(first).text
    fields = {name: _field(page, name) for name in ("key", "seen", "back")}
    answer = visitor.post("/console/approve", fields)
    onward = visitor.get(answer.headers["location"]).headers["location"]
    assert "ch_disputed" in onward
    assert "Approved." in text(visitor.get(onward))
    with world.engine.connect() as conn:
        assert conn.scalar(select(remedies.c.state).where(remedies.c.key == LARGE)) == "queued"


def _field(page: str, name: str) -> str:
    return page.partition(f'name="{name}" value="')[2].partition('"')[0].replace("&#34;", '"').replace("&amp;", "&")


def test_the_privacy_role_hands_over_restricts_and_forgets_and_sees_no_case(come: Come, world: Runtime) -> None:
    visitor = come("privacy", name="Eve Example")
    assert visitor.get("/console").headers["location"] == "/console/rights"
    handed = visitor.post("/console/rights/export", {"member": EMAIL})
    assert handed.headers["content-disposition"].startswith("attachment")
    assert EMAIL in handed.text
    assert "restricted: True" in text(visitor.post("/console/rights/restrict", {"member": "M-2"}))
    assert visitor.post("/console/rights/erase", {"member": "M-2", "again": "M-1"}).status_code == 409
    assert "erased: True" in text(visitor.post("/console/rights/erase", {"member": "M-2", "again": "M-2"}))
    assert visitor.post("/console/rights/export", {"member": "nobody"}).status_code == 404
    assert _acts(world, "member_exported", "member_restricted", "member_erased") == [
        ("Eve Example", "member_exported", "M-2"),
        ("Eve Example", "member_restricted", "M-2"),
        ("Eve Example", "member_erased", "M-2"),
    ]
    assert "not known" in text(come("clerk").get("/console/memberships/M-2"))


def test_the_link_in_the_mailed_summary_leads_to_the_largest_held_refund(come: Come, world: Runtime) -> None:
    night = run_night(world, date(2026, 3, 19))
    assert night is not None
    told = words.of_night(phases.summary(night), "", None, "https://makegood.example")
    decide, everything, this_night = told.links
    assert decide.text == "Decide the largest, M-2: 300.00 USD"
    visitor = come("approver")
    for link, said in (
        (decide, "M-2 was charged too much"),
        (everything, "Approvals"),
        (this_night, "Night of 19 March"),
    ):
        path = link.address.removeprefix("https://makegood.example")
        assert said in text(visitor.get(path))


def test_a_backtest_stands_with_its_policy(come: Come, world: Runtime) -> None:
    """Its sums, who ran it, and that its clauses are no longer these; nobody's case is kept, nor anybody's name."""
    visitor, page = come("auditor", name="Ada Example"), "/console/policies/voip-fulfillment"
    assert "has not been tried" in text(visitor.get(page))
    (held,) = world.rules.policy.versions["voip-fulfillment"]
    softened = tuple(replace(one, force=Force.MAY) if one.id == "FP-2" else one for one in held.clauses)
    for version, by in ((held.version, None), ("draft", "Jo")):
        tried = replace(held, version=version, clauses=softened)
        keep(world, backtest(world, tried, date(2026, 3, 20)), by)
    said = text(visitor.get(page))
    assert "have been changed since" in said
    assert "1 of 4 memberships comes out otherwise, in 1 case: 498.00 USD now" in said
    assert f"{page}?version={held.version}&amp;backtest=2#backtests" in visitor.get(page).text
    draft = text(visitor.get(f"{page}?backtest=2"))
    assert "Version draft, tried in place of version" in draft
    assert "by Jo" in draft
    assert "backtest=2#backtests" in visitor.get("/console/policies").text
    cases = text(visitor.get("/console/cases?where=all&clause=voip-fulfillment/FP-2"))
    assert "3 cases" in cases
    assert _acts(world, "policy_backtested") == [
        ("makegood", "policy_backtested", "voip-fulfillment"),
        ("Jo", "policy_backtested", "voip-fulfillment"),
    ]
    with world.engine.connect() as conn:
        assert "M-2" not in repr(conn.execute(select(backtests)).all())
    for wrong in ("0", "99", "x", "%F0%9F", "9" * 30):
        assert visitor.get(f"{page}?backtest={wrong}").status_code == 200
