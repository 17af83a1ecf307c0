"""The report: sums that tie, what is not done first, words that are escaped, and nothing that reaches beyond it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from reconcile.outcome import FindingKind, HeldBecause, LookAlike, RemedyKind, RemedyState
from reconcile.summary import Gap
from tests.worker.reported import CHARGES, EARLIER, FINDINGS, NIGHT, finding, remedy, told
from worker.report import words
from worker.report.amounts import money, written
from worker.report.lines import FindingLine
from worker.report.page import as_html
from worker.report.plain import as_json
from worker.report.view import View, view

EVIL = "<script>alert(1)</script>"


def _sums(shown: View, currency: str) -> dict[str, tuple[int, bool]]:
    (one,) = [one for one in shown.sums if one.currency == currency]
    return {equation.name: (equation.whole, equation.ties) for equation in one.equations}


def test_every_unit_stands_under_one_heading_and_the_totals_tie() -> None:
    shown = view(told())
    assert shown.ties
    assert _sums(shown, "USD") == {
        "Charged": (53800, True),
        "Findings": (34000, True),
        "Taken wrongly": (30700, True),
        "Owed": (15850, True),
    }
    owed = next(one for one in shown.sums if one.currency == "USD").total
    assert (owed.settled, owed.queued, owed.held, owed.elsewhere) == (1000, 9900, 4950, 14850)
    assert _sums(shown, "CAD")["Findings"] == (9900, True)


def test_money_that_is_lost_between_does_not_tie_and_the_page_says_so_first() -> None:
    short = view(told((finding("duplicate_charge", "stripe:ch_2", 9900, remedy(9000)), *FINDINGS[1:])))
    assert not short.ties
    assert _sums(short, "USD")["Owed"] == (15850, False)
    page = as_html(short)
    assert page.index("THE TOTALS DO NOT TIE") < page.index("<h1>")
    assert "✗ does not tie: 9.00 USD is missing" in page
    assert "does not tie" not in as_html(view(told()))


def test_an_excess_that_no_finding_accounts_for_does_not_tie() -> None:
    odd = view(told(FINDINGS[1:], CHARGES))
    assert not odd.ties
    assert _sums(odd, "USD")["Taken wrongly"] == (30700, False)


def test_what_is_not_done_is_grouped_as_the_summary_counts_it() -> None:
    shown = view(told())
    assert [(g.name, len(g.items), g.amounts) for g in shown.held] == [
        (tally.name, tally.count, tally.amounts) for tally in shown.summary.held
    ]
    assert [(group.name, len(group.items)) for group in shown.reported] == [("missed_renewal", 1)]
    assert [(g.name, len(g.items), g.amounts) for g in shown.follow_up] == [
        (tally.name, tally.count, tally.amounts) for tally in shown.summary.follow_up
    ]
    news = [item.news for item in shown.items]
    assert news.count("new") == shown.summary.new.count == 4
    assert news.count("persisting") == shown.summary.persisting.count == 1
    assert news.count("closed") == shown.summary.closed.count == 1
    ages = {tally.name: tally.count for tally in shown.summary.ages}
    still = [item for item in shown.items if item.line.is_open]
    assert {name: sum(item.bucket == name for item in still) for name in ages} == ages
    assert shown.oldest == (NIGHT - EARLIER).days


@pytest.mark.parametrize("before", [0, 29, 30, 400])
def test_the_picture_of_thirty_days_counts_what_the_summary_counts(before: int) -> None:
    seen = NIGHT - timedelta(days=before)
    shown = view(told((replaced(seen),), CHARGES[:2]))
    counted = {tally.name: tally.count for tally in shown.summary.kinds}
    (line,) = shown.kinds
    assert line.recent == sum(line.days) == counted.get("duplicate_charge", 0) == int(before < 30)
    assert len(line.days) == 30


def replaced(seen: date) -> FindingLine:
    return finding("duplicate_charge", "stripe:ch_2", 9900, remedy(9900), first_seen=seen)


def test_what_others_wrote_is_escaped() -> None:
    evil = replace(FINDINGS[0], membership=EVIL, because=('"><img src=x onerror=alert(1)>',))
    page = as_html(view(told((evil, *FINDINGS[1:]), gaps=(Gap("stripe", EVIL),))))
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page


def test_the_page_stands_alone() -> None:
    page = as_html(view(told()))
    assert not re.findall(r"(?:src|href)\s*=\s*[\"'](?!#)", page)
    assert not re.findall(r"url\(|@import|https?://|<script|<link|<iframe", page)
    assert "default-src 'none'" in page
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_what_is_not_done_comes_before_what_is() -> None:
    page = as_html(view(told()))
    places = [page.index(f">{heading}") for heading in ("Not done yet", "Totals", "Findings", "Every case")]
    assert places == sorted(places)
    assert "Likely, not certain" in page
    assert "Renewal never taken: 1." in page


def test_a_case_opens_to_its_evidence_clause_and_arithmetic() -> None:
    line = finding("duplicate_charge", "stripe:ch_2", 9900, remedy(9900), because=("ch_2 took 9900 USD",))
    page = as_html(view(told((line,), CHARGES[:2])))
    case = page[page.index('<details class="case">') :]
    for part in (
        "ch_2 took 99.00 USD",
        "excess 99.00 USD",
        "voip-fulfillment/FP-2",
        "Billing errors",
        "It is put right.",
    ):
        assert part in case


def test_an_incomplete_night_says_so_before_anything_else() -> None:
    shown = view(told(gaps=(Gap("paypal", "2026-06-29: not asked to its end"),)))
    page = as_html(shown)
    assert "<title>INCOMPLETE: " in page
    assert page.index("INCOMPLETE</strong>") < page.index("<h1>")
    plain = json.loads(as_json(shown))
    assert list(plain)[:3] == ["night", "complete", "incomplete"]
    assert plain["complete"] is False
    assert "INCOMPLETE" not in as_html(view(told()))


def test_no_books_give_a_page_all_the_same() -> None:
    shown = view(told((), (), memberships=0, clauses=()))
    page = as_html(shown)
    assert "Nothing waits for a person." in page
    assert "No money was taken." in page
    assert json.loads(as_json(shown))["ties"] is True


def test_more_findings_than_the_page_can_open_are_counted_and_the_open_ones_go_first() -> None:
    shown = view(told(), cases_max=5)
    assert shown.left_out == 2
    assert all(item.line.is_open for case in shown.cases for item in case.items)
    assert "2 more findings" in as_html(shown)


def test_the_same_books_give_the_same_bytes() -> None:
    assert as_json(view(told())) == as_json(view(told()))
    assert as_html(view(told())) == as_html(view(told()))


def test_notes_say_what_the_figures_are_not() -> None:
    page = as_html(view(told(as_told=False, judged_as_of=NIGHT + timedelta(days=3))))
    assert "The books have moved on" in page
    assert "judged up to 3 July 2026" in page


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(9900, "USD", "99.00"), (5, "EUR", "0.05"), (-123456, "USD", "-1,234.56"), (150000, "JPY", "150,000")],
)
def test_money_is_written_with_the_currencys_own_places(minor: int, currency: str, text: str) -> None:
    assert money(minor, currency) == text


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("stripe:ch_1 took 9900 USD on 2026-03-08", "stripe:ch_1 took 99.00 USD on 2026-03-08"),
        ("stripe:ch_1 took 1234.50 USD", "stripe:ch_1 took 1,234.50 USD"),
        ("it took 148500 JPY", "it took 148,500 JPY"),
        ("excess 9900 - 4950 already given back = 4950 (USD, minor units)",
         "excess 99.00 USD - 49.50 USD already given back = 49.50 USD"),
        ("claim C-12: 9900 x 12/30 days disrupted = 3960 (USD, minor units)",
         "claim C-12: 99.00 USD x 12/30 days disrupted = 39.60 USD"),
        ("it is not settled after 21 days", "it is not settled after 21 days"),
        ("2026 ABC and paypal:9900 USD", "2026 ABC and paypal:9900 USD"),
    ],
)  # fmt: skip
def test_the_cores_sentences_carry_money_as_people_write_it(said: str, text: str) -> None:
    assert written(said) == text
    assert written(text) == text


def test_the_page_has_words_for_all_that_the_core_may_say() -> None:
    assert set(words.KINDS) == {kind.value for kind in FindingKind}
    giving_up = {"refused", "mismatch", "no_answer"}  # why whoever issues a remedy gives it up to a person
    assert set(words.REASONS) == {reason.value for reason in HeldBecause} | giving_up
    assert set(words.LOOK_ALIKES) == {note.value for note in LookAlike}
    assert set(words.STATES) == {state.value for state in RemedyState}
    assert set(words.REMEDIES) == {kind.value for kind in RemedyKind}


def test_the_style_reaches_nothing_and_closes_nothing() -> None:
    style = (Path(words.__file__).parent / "report.css").read_text(encoding="utf-8")
    assert "</style" not in style
