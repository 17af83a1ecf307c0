"""The report: sums that tie, words that are escaped, and nothing that reaches beyond the page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from reconcile.outcome import FindingKind, HeldBecause, LookAlike, RemedyState
from worker.report import words
from worker.report.figures import Control, figures
from worker.report.page import as_html, as_json
from worker.report.reading import Books, ChargeLine, Cited, FindingLine, RemedyLine
from worker.report.words import money

NIGHT = date(2026, 6, 30)
CLAUSE = Cited("voip-fulfillment/FP-2", "VoIP", "Billing errors", "It is put right.")


def _remedy(amount: int | None, state: str = "queued", **more: Any) -> RemedyLine:  # noqa: ANN401 - fields of any type
    line = RemedyLine("refund", amount, state, None, CLAUSE.cite, (CLAUSE.cite,), "excess", "1")
    return replace(line, **more)


def _finding(kind: str, charge: str | None, excess: int | None, *remedies: RemedyLine, **more: Any) -> FindingLine:  # noqa: ANN401 - fields of any type
    line = FindingLine(
        f"finding:{charge}", kind, "M-1", charge, None, None, 9900, 0, excess, "USD", "certain", "open", ("why",),
        NIGHT, remedies,
    )  # fmt: skip
    return replace(line, **more)


def _charge(ref: str, minor: int = 9900, back: int = 0, *, pays: bool = False, currency: str = "USD") -> ChargeLine:
    return ChargeLine(ref, minor, currency, NIGHT, back, pays, ("late_payment",) if pays else ())


FINDINGS = (
    _finding("duplicate_charge", "stripe:ch_2", 9900, _remedy(9900)),
    _finding("duplicate_charge", "stripe:ch_3", 9900, _remedy(4950, "held", held_because="likely")),
    _finding("overcharge", "stripe:ch_4", 1000, _remedy(1000, "settled")),
    _finding("corrected_elsewhere", "stripe:ch_5", 9900, status="settled"),
    _finding("wrong_currency", "stripe:ch_6", None, _remedy(None, "held", kind="review"), currency="CAD"),
    _finding("unrecognised_charge", "paypal:7", None, _remedy(None, "held", kind="review"), membership=None),
    _finding("missed_renewal", None, None, renewal=date(2026, 5, 1)),
)
CHARGES = (
    _charge("stripe:ch_1", pays=True),
    _charge("stripe:ch_2"),
    _charge("stripe:ch_3", back=4950),
    _charge("stripe:ch_4", 10900, pays=True),
    _charge("stripe:ch_5", back=9900),
    _charge("stripe:ch_6", currency="CAD"),
    _charge("paypal:7", 3300),
)
BOOKS = Books(NIGHT, "America/Chicago", "shadow", 5, FINDINGS, CHARGES, (CLAUSE,))


def _control(books: Books, currency: str) -> Control:
    return next(control for control in figures(books).controls if control.currency == currency)


def test_every_unit_stands_under_one_heading_and_the_totals_tie() -> None:
    told = figures(BOOKS)
    usd = _control(BOOKS, "USD")
    assert told.ties
    assert (usd.charged, usd.as_agreed, usd.right_part, usd.overbilled) == (53800, 9900, 9900, 30700)
    assert (usd.unknown_payer, usd.given_back, usd.queued, usd.held, usd.settled) == (3300, 14850, 9900, 4950, 1000)
    assert _control(BOOKS, "CAD").other_currency == 9900
    assert [(owed.currency, owed.owed) for owed in told.owed] == [("USD", 14850)]


def test_money_that_is_lost_between_does_not_tie_and_the_page_says_so() -> None:
    short = replace(BOOKS, findings=(replace(FINDINGS[0], remedies=(_remedy(9000),)), *FINDINGS[1:]))
    assert not figures(short).ties
    assert "does not tie" in as_html(figures(short))
    assert "does not tie" not in as_html(figures(BOOKS))


def test_a_charge_that_nothing_explains_does_not_tie() -> None:
    odd = replace(BOOKS, charges=(*CHARGES, _charge("stripe:ch_odd")))
    assert _control(odd, "USD").unexplained == 9900
    assert not figures(odd).ties


def test_what_others_wrote_is_escaped() -> None:
    evil = replace(FINDINGS[0], membership="<script>alert(1)</script>", because=('"><img src=x onerror=alert(1)>',))
    page = as_html(figures(replace(BOOKS, findings=(evil, *FINDINGS[1:]))))
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page


def test_the_page_stands_alone() -> None:
    page = as_html(figures(BOOKS))
    assert not re.findall(r"(?:src|href)=\"(?!#)", page)
    assert "url(" not in page
    assert "default-src 'none'" in page
    assert "prefers-color-scheme: dark" in page


def test_who_must_decide_and_the_evidence_are_on_the_page() -> None:
    page = as_html(figures(BOOKS))
    assert page.index("What waits for a person") < page.index("Findings by kind") < page.index("Every finding")
    assert "Likely, not certain" in page
    assert "It is put right." in page
    assert "Renewal never taken: 1." in page


def test_no_books_give_a_page_all_the_same() -> None:
    page = as_html(figures(Books(NIGHT, "America/Chicago", "live", 0, (), (), ())))
    assert "Nothing is owed to anybody." in page


def test_the_same_books_give_the_same_json() -> None:
    told = json.loads(as_json(figures(BOOKS)))
    assert as_json(figures(BOOKS)) == as_json(figures(BOOKS))
    assert told["owed"][0]["owed"] == 14850
    assert told["findings"][0]["excess_minor"] == 9900


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [(9900, "USD", "99.00"), (5, "EUR", "0.05"), (-123456, "USD", "-1,234.56"), (150000, "JPY", "150,000")],
)
def test_money_is_written_with_the_currencys_own_places(minor: int, currency: str, written: str) -> None:
    assert money(minor, currency) == written


def test_the_page_has_words_for_all_that_the_core_may_say() -> None:
    assert set(words.KINDS) == {kind.value for kind in FindingKind}
    assert set(words.REASONS) == {reason.value for reason in HeldBecause}
    assert set(words.LOOK_ALIKES) == {note.value for note in LookAlike}
    assert set(words.STATES) == {state.value for state in RemedyState}
