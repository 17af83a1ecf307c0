"""The picture of a membership: what was due above, what was taken below, joined where paired, errors in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from config import policies
from reconcile.facts import Charge, ChargeState
from reconcile.judgement import survey
from reconcile.ledger import BoundBy, BoundCharge, Ledger
from reconcile.membership import Agreed, CancelNotice, Change, Channel, Membership, Notice, Pause, Plan
from reconcile.money import Money
from reconcile.policy import Rules
from tests.worker.world import PRICE, START, at, charge, later, month, refund
from worker.report.drawing import BOLD, LETTER, WIDTH, drawn
from worker.report.timeline import MOST_DAYS, Timeline, timeline

AS_OF = date(2026, 8, 20)
TWICE = charge("ch_twice", date(2026, 4, 9))


def _picture(
    *charges: Charge,
    changes: tuple[Change, ...] = (),
    notices: tuple[Notice, ...] = (),
    wrong: Iterable[str] = (),
    missed: Iterable[date] = (),
    plan: Plan | None = None,
    started: date = START,
    as_of: date = AS_OF,
) -> Timeline:
    member = Membership("M-1", started, plan or Plan(PRICE), ("smartcalls",), changes=changes, notices=notices)
    back = tuple(refund("re_1", date(2026, 4, 12), one, 4000) for one in charges if one is TWICE)
    ledger = Ledger(member, tuple(BoundCharge(one, BoundBy.CUSTOMER) for one in charges), refunds=back)
    scene = survey(ledger, Rules(policies.load()), as_of)
    return timeline(scene, dict.fromkeys(wrong, "duplicate_charge"), set(missed))


def _monthly(*months: int) -> list[Charge]:
    return [charge(f"ch_{n}", month(n)) for n in months]


def test_charges_are_joined_with_what_they_pay_and_errors_are_marked() -> None:
    shown = _picture(*_monthly(*range(8)), TWICE, wrong=["stripe:ch_twice"])
    wrong = [one for one in shown.taken if one.wrong]
    assert [one.ref for one in wrong] == ["stripe:ch_twice"]
    assert wrong[0].pays == ()
    assert wrong[0].back_minor == 4000
    joined = {shown.dues[n].day: one.day for one in shown.taken for n in one.pays}
    assert joined == {due.day: due.day for due in shown.dues}


def test_a_renewal_that_nothing_paid_is_marked_only_where_a_finding_says_so() -> None:
    shown = _picture(*_monthly(0, 1, 2, 4, 5, 6), missed=[month(3)])
    assert [due.day for due in shown.dues if due.missed] == [month(3)]
    assert [due.day for due in shown.dues if not due.paid] == [month(3), month(7)]


def test_the_end_and_a_pause_are_in_the_picture() -> None:
    noticed = CancelNotice(at(date(2026, 6, 20)), Channel.EMAIL)
    pause = Pause(date(2026, 3, 1), date(2026, 5, 1))
    shown = _picture(*_monthly(0, 1, 4, 5), changes=(pause,), notices=(noticed,))
    assert [one.until for one in shown.ran] == [date(2026, 7, 8)]
    assert shown.ran[0].ended.startswith("cancelled")
    assert shown.pauses == ((date(2026, 3, 1), date(2026, 5, 1)),)


def test_a_long_life_is_shown_from_a_while_before_the_first_error_and_never_longer_than_can_be_read() -> None:
    began = date(2016, 1, 8)
    moments = [datetime(began.year + n // 12, n % 12 + 1, 8, 18, tzinfo=at(began).tzinfo) for n in range(126)]
    old = [replace(charge(f"ch_{n}", began), taken_at=moment) for n, moment in enumerate(moments)]
    near = _picture(*old, wrong=["stripe:ch_120"], started=began)
    assert moments[117].date() <= near.first < moments[120].date() - timedelta(days=60)
    assert near.earlier == sum(moment.date() < near.first for moment in moments)
    far = _picture(*old, wrong=["stripe:ch_3"], started=began)
    assert (far.last - far.first).days <= MOST_DAYS + 10


def test_a_charge_in_another_currency_says_its_own() -> None:
    shown = _picture(*_monthly(0), charge("ch_x", month(1), Money(5000, "JPY")), wrong=["stripe:ch_x"])
    assert "5,000 JPY" in str(drawn(shown, 1))


def _svg(shown: Timeline, number: int = 1) -> ET.Element:
    return ET.fromstring(str(drawn(shown, number)))  # noqa: S314 - our own drawing


def test_the_drawing_is_well_formed_and_says_in_words_what_it_shows() -> None:
    both = [*_monthly(*range(8)), replace(TWICE, ref=replace(TWICE.ref, provider="paypal"))]
    svg = _svg(_picture(*both, wrong=["paypal:ch_twice"], missed=[]), 7)
    assert svg.attrib["role"] == "img"
    title, described = svg.findall("title")[0], svg.findall("desc")[0]
    assert svg.attrib["aria-labelledby"] == f"{title.attrib['id']} {described.attrib['id']}" == "t7 d7"
    assert "M-1" in str(title.text)
    assert "paypal:ch_twice of 99.00 USD on 2026-04-09: Charged twice." in str(described.text)
    texts = [text.text for text in svg.iter("text")]
    assert {"due", "Stripe", "PayPal", "Charged twice: 99.00, 9 Apr"} <= set(texts)


def test_what_others_wrote_is_escaped() -> None:
    evil = Agreed(date(2026, 4, 20), 2500, "</text><script>&")
    drawing = str(drawn(_picture(*_monthly(*range(8)), changes=(evil,)), 1))
    assert "<script" not in drawing
    assert "&lt;script&gt;" in drawing


@pytest.mark.parametrize("wrong", [1, 8, 30])
def test_texts_lie_within_the_drawing_and_never_on_each_other(wrong: int) -> None:
    odd = [charge(f"ch_w{n:02}", later(date(2026, 3, 1), n * 5)) for n in range(wrong)]
    shown = _picture(*_monthly(*range(8)), *odd, wrong=[str(one.ref) for one in odd])
    svg = _svg(shown)
    width, height = (float(n) for n in svg.attrib["viewBox"].split()[2:])
    rows: dict[float, list[tuple[float, float]]] = {}
    for text in svg.iter("text"):
        if "label" in text.attrib["class"]:
            letter = BOLD if "bad" in text.attrib["class"] else LETTER
            half, x, y = len(str(text.text)) * letter / 2, float(text.attrib["x"]), float(text.attrib["y"])
            assert 0 <= x - half <= x + half <= width == WIDTH
            assert 0 < y <= height
            rows.setdefault(y, []).append((x - half, x + half))
    for places in rows.values():
        for (_, end), (start, _) in zip(sorted(places), sorted(places)[1:], strict=False):
            assert end <= start


def test_a_membership_without_any_charge_has_a_picture() -> None:
    svg = _svg(_picture(missed=[month(2)]))
    assert any(str(text.text).startswith("never taken") for text in svg.iter("text"))


def test_money_that_is_not_taken_is_not_drawn() -> None:
    pending = replace(charge("ch_p", month(1)), state=ChargeState.PENDING)
    assert [one.ref for one in _picture(*_monthly(0), pending).taken] == ["stripe:ch_0"]
