"""Cases and a case: what finance reads, and what it may do there."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from urllib.parse import quote

import pytest
from sqlalchemy import update

from tests.worker.console.conftest import DISPUTED, LARGE, SMALL, Come
from tests.worker.console.visitor import Visitor, text
from worker.audit import verify
from worker.judging import reconcile_all
from worker.money import decisions
from worker.runtime import Runtime
from worker.schema import findings
from worker.store import listings
from worker.web.console import cases

NOBODYS = "remedy:stripe:ch_nobodys"


def _remedy(world: Runtime, key: str) -> dict[str, object]:
    with world.engine.connect() as conn:
        return next(row for row in listings.remedies(conn) if row["key"] == key)


def _form(visitor: Visitor, key: str) -> dict[str, str]:
    """What the page's own form would send."""
    page = visitor.get(f"/console/cases/{quote(key, safe='')}").text
    seen = page.partition('name="seen" value="')[2].partition('"')[0].replace("&#34;", '"')
    return {"key": key, "seen": seen}


def test_today_says_what_waits_and_what_it_comes_to(come: Come) -> None:
    said = text(come("approver").get("/console"))
    assert "20 March 2026" in said
    why = "The amount is large: somebody approves it who is not who prepared it."
    assert f"Needs a second pair of eyes {why} 1 300.00 USD" in said
    assert "Ready to go out 99.00 USD 1 remedy" in said


def test_a_newcomer_reads_what_happened_how_much_by_which_clause_and_why_it_waits(come: Come) -> None:
    said = text(come("auditor").get("/console/cases/finding:stripe:ch_large"))
    assert (
        "M-2 was charged too much: 399.00 USD was taken on 8 March 2026, and 99.00 USD was due. 300.00 USD is too much."
        " 300.00 USD is owed back, by clause voip-fulfillment/FP-2 (Refund policy 2, overbilling or billing errors). "
        "It waits for a person: needs a second pair of eyes."
    ) in said


def test_the_picture_of_a_case_shows_all_that_is_wrong_with_its_membership(come: Come, world: Runtime) -> None:
    reconcile_all(world, date(2026, 5, 20))
    page = come("auditor").get("/console/cases/finding:stripe:ch_twice").text
    assert "2026-04-08: renewal of 99.00 USD due, never taken" in page
    assert "2026-05-08: renewal of 99.00 USD due, not taken yet" in page


def test_what_is_only_reported_asks_nobody_for_anything(come: Come, world: Runtime) -> None:
    reconcile_all(world, date(2026, 5, 20))
    visitor = come("auditor")
    assert "Renewal never taken M-1 only reported" in text(visitor.get("/console/cases"))
    followed = text(visitor.get("/console/cases?where=follow_up"))
    assert "Renewal never taken M-" not in followed


def test_the_key_of_the_remedy_leads_to_the_same_case(come: Come) -> None:
    visitor = come("clerk")
    assert text(visitor.get(f"/console/cases/{LARGE}")) == text(visitor.get("/console/cases/finding:stripe:ch_large"))


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"ch_large", "ch_twice", "ch_disputed", "ch_nobodys"}),
        ("where=waiting", {"ch_large", "ch_disputed", "ch_nobodys"}),
        ("where=going", {"ch_twice"}),
        ("kind=overcharge", {"ch_large"}),
        ("reason=disputed", {"ch_disputed"}),
        ("q=M-1", {"ch_twice"}),
        ("q=ch_dis", {"ch_disputed"}),
        ("q=stripe:ch_n", {"ch_nobodys"}),
        ("q=remedy:stripe:ch_large", {"ch_large"}),
        ("provider=paypal", set()),
        ("least=100", {"ch_large"}),
        ("most=99", {"ch_twice", "ch_disputed"}),
        ("currency=EUR", set()),
        ("since=2026-03-09", {"ch_twice", "ch_disputed"}),
        (
            "kind=nonsense&where=nonsense&since=nonsense&least=x&after=x&order=x",
            {"ch_large", "ch_twice", "ch_disputed", "ch_nobodys"},
        ),
        ("q=%25", set()),
    ],
)
def test_a_filter_shows_what_it_says_and_the_export_is_the_same(come: Come, query: str, shown: set[str]) -> None:
    visitor = come("clerk")
    page = visitor.get(f"/console/cases?{query}").text
    every = ("ch_large", "ch_twice", "ch_disputed", "ch_nobodys")
    assert {charge for charge in every if f"stripe:{charge}<" in page} == shown
    rows = list(csv.DictReader(io.StringIO(visitor.get(f"/console/cases.csv?{query}").text)))
    assert {row["charge"].removeprefix("stripe:") for row in rows} == shown
    assert visitor.get(f"/console/cases.xlsx?{query}").content.startswith(b"PK")


@pytest.mark.parametrize("order", ["largest", "smallest"])
def test_amounts_are_ordered_within_their_currency_over_the_pages_too(
    come: Come, world: Runtime, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    """1.50 EUR is not more than 300.00 USD because 150 is more than 100, nor less."""
    with world.engine.begin() as conn:
        euros = {"amount_currency": "EUR", "amount_minor": 150}
        conn.execute(update(findings).where(findings.c.charge == "stripe:ch_twice").values(euros))
    monkeypatch.setattr(cases, "SIZE", 1)
    visitor, seen, address = come("clerk"), [], f"/console/cases?order={order}"
    while address:
        page = visitor.get(address).text
        seen += re.findall(r'class="ref">stripe:(\w+)<', page)
        address = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    dollars = ["ch_large", "ch_disputed", "ch_nobodys"]
    assert seen == ["ch_twice", *(dollars if order == "largest" else reversed(dollars))]


def test_what_is_typed_never_becomes_part_of_the_page(come: Come) -> None:
    page = come("clerk").get("/console/cases?q=%3Cscript%3Ealert(1)%3C/script%3E%22%27").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_an_approver_lets_it_go_and_the_books_say_who(come: Come, world: Runtime) -> None:
    visitor = come("approver", name="Ben Example")
    answer = visitor.post("/console/approve", _form(visitor, LARGE))
    assert answer.status_code == 303
    assert "Approved. It goes out by itself when it is due. Not while" in text(visitor.get(answer.headers["location"]))
    assert _remedy(world, LARGE)["state"] == "queued"
    with world.engine.connect() as conn:
        assert verify(conn) is None
    assert "remedy approved, by Ben Example" in text(visitor.get(f"/console/cases/{LARGE}"))


def test_who_prepared_it_cannot_approve_it_and_somebody_else_can(come: Come, world: Runtime) -> None:
    ben, cleo = come("approver", name="Ben Example"), come("approver", name="Cleo Example")
    form = _form(ben, LARGE)
    assert ben.post("/console/prepare", form).status_code == 303
    assert "you prepared it: somebody else approves" in text(ben.get(f"/console/cases/{LARGE}"))
    refused = ben.post("/console/approve", form)
    assert refused.status_code == 409
    assert "somebody else has to approve it" in text(refused)
    assert _remedy(world, LARGE)["state"] == "held"
    assert "Prepared by Ben Example" in text(cleo.get(f"/console/cases/{LARGE}"))
    assert cleo.post("/console/approve", _form(cleo, LARGE)).status_code == 303
    assert _remedy(world, LARGE)["state"] == "queued"


def test_what_nobody_could_approve_is_not_prepared(come: Come, world: Runtime) -> None:
    visitor = come("clerk", name="Ada Example")
    page = visitor.get(f"/console/cases/{NOBODYS}").text
    assert "It cannot be approved here: it has no amount" in page
    assert "Prepare for somebody else" not in page
    with pytest.raises(decisions.DecisionError, match="no amount that could be approved"):
        decisions.prepare(world, NOBODYS, "Ada Example")


def test_what_has_changed_since_it_was_looked_at_is_not_approved(come: Come, world: Runtime) -> None:
    visitor = come("approver")
    form = _form(visitor, LARGE)
    answer = visitor.post("/console/approve", form | {"seen": form["seen"].replace("30000", "20000")})
    assert answer.status_code == 409
    assert "look again" in text(answer)
    assert visitor.post("/console/approve", form | {"seen": "nonsense"}).status_code == 400
    assert _remedy(world, LARGE)["state"] == "held"


def test_no_money_leaves_while_it_is_disputed(come: Come, world: Runtime) -> None:
    visitor = come("approver")
    assert "the charge is disputed" in text(visitor.get(f"/console/cases/{DISPUTED}"))
    assert visitor.post("/console/approve", _form(visitor, DISPUTED)).status_code in {400, 409}
    assert _remedy(world, DISPUTED)["state"] == "held"


def test_waiving_takes_a_reason(come: Come, world: Runtime) -> None:
    visitor = come("approver", name="Ben Example")
    assert visitor.post("/console/waive", {"key": SMALL, "reason": " "}).status_code == 409
    assert visitor.post("/console/waive", {"key": SMALL, "reason": "paid in cash"}).status_code == 303
    assert _remedy(world, SMALL)["state"] == "waived"


def test_a_batch_is_reviewed_with_its_total_and_approved_as_it_was_shown(come: Come, world: Runtime) -> None:
    visitor = come("approver", name="Ben Example")
    page = visitor.post("/console/approvals/review", {"key": [LARGE, DISPUTED]})
    said = text(page)
    assert "Approve 1 remedy?" in said
    assert "USD 300.00 USD 1 remedy" in said
    assert "M-3: the charge is disputed" in said
    seen = page.text.partition('name="seen" value="')[2].partition('"')[0].replace("&#34;", '"')
    answer = visitor.post("/console/approvals/batch", {"key": [LARGE], "seen": [seen]})
    assert "1 approved USD 300.00 USD" in text(answer)
    assert _remedy(world, LARGE)["state"] == "queued"
    again = visitor.post("/console/approvals/batch", {"key": [LARGE], "seen": [seen]})
    assert "0 approved" in text(again)
    assert "Not approved" in text(again)
    assert visitor.post("/console/approvals/review").status_code == 400


def test_the_stop_of_another_is_on_every_page(come: Come, world: Runtime) -> None:
    decisions.set_money(world, "Ada Example", "the price list is wrong", stopped=True)
    visitor = come("clerk")
    for path in ("/console", "/console/cases", "/console/approvals", f"/console/cases/{SMALL}"):
        assert "Outgoing money is stopped by Ada Example" in text(visitor.get(path))


def test_what_is_nobodys_is_a_page_that_says_so(come: Come) -> None:
    answer = come("clerk").get("/console/cases/finding:stripe:none")
    assert answer.status_code == 404
    assert "There is no such case" in text(answer)
