"""Finance at work in a real browser: from the first page to money that is back, with a second person; money stopped and
let go again; and every page for everybody: no error, no request elsewhere, nothing that axe finds serious."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.worker.browser.conftest import House, Open, Visit

# By who looks: the name of the picture, and the address.
PAGES = {
    "Ben Approver": {
        "today": "/console",
        "cases": "/console/cases?where=all",
        "cases-none": "/console/cases?q=nothing-like-this",
        "approvals": "/console/approvals",
        "memberships": "/console/memberships",
        "policies": "/console/policies",
        "policy": "/console/policies/voip-fulfillment",
        "nights": "/console/nights",
        "switch": "/console/switch",
        "claims": "/console/claims",
    },
    "Ada Clerk": {"claim-form": "/console/claims/new"},
    "Dan Auditor": {"audit": "/console/audit"},
    "Eve Privacy": {"rights": "/console/rights"},
}
IN_THE_DARK = {"today", "cases", "case", "approvals", "sign-in"}  # kept as pictures too
SERIOUS = {"serious", "critical"}
DARK = {"runOnly": ["color-contrast"]}  # what a scheme can change
# Long lists are looked at by their first rows: the others are made by the same lines of the template.
FIRST_ROWS = {"exclude": [["tbody tr:nth-child(n+5)"], [".history li:nth-child(n+5)"]]}
_axe = Axe()
# What would have to be scrolled sideways.
_WIDER = """[document.documentElement, ...document.querySelectorAll("table, .scroll:has(table)")]
    .filter(it => it.scrollWidth > it.clientWidth || it.getBoundingClientRect().right > innerWidth)
    .map(it => it.outerHTML)"""


def _serious(visit: Visit, options: dict[str, Any]) -> list[str]:
    if not visit.page.evaluate("'axe' in window"):  # half a megabyte of script: once a page
        visit.page.evaluate(_axe.axe_script)
    given = [FIRST_ROWS, options | {"resultTypes": ["violations"]}]
    found = visit.page.evaluate("given => axe.run(...given).then(told => told.violations)", given)
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


def _looked_at(visit: Visit, name: str) -> list[str]:
    """What is wrong with the page as it stands, in light and in the dark; a picture is kept."""
    visit.page.emulate_media(color_scheme="light")
    visit.keep(name)
    found = _serious(visit, {})
    visit.page.emulate_media(color_scheme="dark")
    if name in IN_THE_DARK:
        visit.keep(f"{name}-dark")
    found += [f"dark: {one}" for one in _serious(visit, DARK)]
    visit.page.emulate_media(color_scheme="light")
    return [f"{name}: {one}" for one in found]


def test_a_held_refund_is_read_prepared_approved_by_a_second_person_and_settles(visit: Open, house: House) -> None:
    clerk = visit("Ada Clerk")
    clerk.page.get_by_role("link", name="Needs approval").click()
    clerk.page.get_by_role("link", name=re.compile("Charged|Taken")).first.click()
    lede = clerk.page.locator(".lede")
    expect(lede).to_contain_text("was charged")
    expect(lede).to_contain_text(re.compile(r"is owed back, by clause \S+/\S+"))
    expect(lede).to_contain_text("It waits for a person: needs approval")
    assert clerk.page.get_by_role("button", name=re.compile("^Approve")).count() == 0
    assert _looked_at(clerk, "case") == []
    clerk.page.get_by_role("button", name="Prepare for somebody else").click()
    expect(clerk.page.get_by_role("status")).to_contain_text("Prepared.")
    address = clerk.page.url.partition("?")[0].removeprefix(house.base)

    approver = visit("Ben Approver")
    approver.go(address)
    expect(approver.page.locator(".decision")).to_contain_text("Ada Clerk")
    approver.page.keyboard.press("a")
    focused = approver.page.locator("button:focus")
    expect(focused).to_have_text(re.compile("^Approve"))
    approver.page.keyboard.press("Enter")
    expect(approver.page.get_by_role("status")).to_contain_text("Approved.")
    house.send_money()
    for _ in range(20):
        approver.page.reload()
        if "The money is back." in (approver.page.locator(".lede").text_content() or ""):
            break
        house.send_money()
    expect(approver.page.locator(".lede")).to_contain_text("The money is back.")
    expect(approver.page.locator(".history").first).to_contain_text("remedy approved, by Ben Approver")
    assert _looked_at(approver, "case-settled") == []


def test_money_is_stopped_and_resumed(visit: Open) -> None:
    clerk = visit("Ada Clerk")
    clerk.page.get_by_role("link", name="Switch").click()
    clerk.page.get_by_label("Why it is stopped").fill("the price list is wrong")
    clerk.page.get_by_role("button", name="Stop all outgoing money").click()
    expect(clerk.page.get_by_role("heading", level=1)).to_have_text("Outgoing money is stopped")
    assert _looked_at(clerk, "switch-stopped") == []
    clerk.go("/console/cases")
    expect(clerk.page.locator(".notice.bad")).to_contain_text("stopped by Ada Clerk")

    approver = visit("Ben Approver")
    approver.go("/console/switch")
    approver.page.get_by_label("Why it may go on").fill("it is mended")
    approver.page.get_by_role("button", name="Let money go out again").click()
    expect(approver.page.get_by_role("heading", level=1)).to_have_text("Outgoing money goes out")


def test_a_batch_is_ticked_with_the_keyboard_and_says_what_it_comes_to(visit: Open) -> None:
    approver = visit("Ben Approver")
    approver.go("/console/approvals")
    page = approver.page
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("output")).to_have_text(re.compile(r"^1 ticked: [\d,.]+ [A-Z]{3}$"))
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("x")
    expect(page.locator("output")).to_have_text("")
    page.keyboard.press("x")
    page.get_by_role("button", name="Review what is ticked").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Approve 1 remedy?")
    assert _looked_at(approver, "review") == []


def test_the_list_follows_what_is_typed_and_the_address_with_it(visit: Open, house: House) -> None:
    auditor = visit("Dan Auditor")
    auditor.go("/console/cases?where=all")
    page = auditor.page
    before = page.locator("tbody tr").count()
    ref = page.locator("tbody tr td a").first.inner_text()
    page.get_by_label("Search").fill(ref)
    expect(page.locator("#results")).to_contain_text(re.compile(r"^\s*\d+ case"))
    page.wait_for_url(f"**q={ref}*")
    assert page.locator("tbody tr").count() < before
    shown = page.locator("#results").inner_text()
    page.goto(page.url)
    assert page.locator("#results").inner_text() == shown
    assert page.url.startswith(house.base)


@pytest.mark.parametrize("who", PAGES)
def test_every_page_is_for_everybody(visit: Open, who: str) -> None:
    here = visit(who)
    found: list[str] = []
    for name, path in PAGES[who].items():
        here.go(path)
        assert here.page.locator("h1").count() == 1
        found += _looked_at(here, name)
    if who == "Ben Approver":
        for many, one in (("memberships", "membership"), ("nights", "night")):
            here.go(f"/console/{many}")
            here.page.locator("tbody th a").first.click()
            found += _looked_at(here, one)
    if who == "Ada Clerk":
        _take_a_claim_in(here)
        found += _looked_at(here, "claim")
    assert found == []


def _take_a_claim_in(clerk: Visit) -> None:
    clerk.go("/console/memberships")
    ref = clerk.page.locator("tbody th a").first.inner_text()
    clerk.go("/console/claims/new")
    clerk.page.get_by_label("Membership").fill(ref)
    clerk.page.get_by_label("What the member says").select_option(index=1)
    clerk.page.get_by_role("button", name="Take it in").click()
    expect(clerk.page.get_by_role("status")).to_contain_text("The claim was taken in and answered.")


def test_the_sign_in_is_for_everybody_and_the_console_fits_a_phone(visit: Open) -> None:
    stranger = visit(width=390)
    stranger.go("/console")
    assert _looked_at(stranger, "sign-in") == []
    phone = visit("Ben Approver", width=390)
    for name in ("today", "cases", "approvals"):
        phone.go(PAGES["Ben Approver"][name])
        assert phone.page.evaluate(_WIDER) == [], f"{name} is wider than the phone"
        phone.keep(f"{name}-phone")
    phone.page.locator("tbody th a").first.click()
    phone.keep("case-phone")


def test_the_first_key_leads_to_the_content_and_what_has_the_focus_is_seen(visit: Open) -> None:
    auditor = visit("Dan Auditor")
    auditor.go("/console/cases")
    page = auditor.page
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.get_by_role("link", name="Today", exact=True).focus()
    assert "solid" in page.locator(":focus").evaluate("it => getComputedStyle(it).outlineStyle + ''")
