"""The report read from the books: the figures of the night's own summary, whatever went back, on both databases."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from reconcile.facts import DisputeState, RefundState
from reconcile.summary import summarise
from tests.worker import world as w
from tests.worker.reported import sheets
from worker import books, nightly, report
from worker.engine import reading
from worker.judging import reconcile_all
from worker.report.reading import read
from worker.report.view import view
from worker.runtime import Runtime
from worker.store import nights
from worker.store.facts import store_facts
from worker.store.nights import Night
from worker.store.roster import RosterRow

NIGHT = date(2026, 4, 20)
NAME, EMAIL = "Marker Ymarkson", "marker+7f3@example.test"
SINGLE = Night(NIGHT, nights.DONE, "", NIGHT, NIGHT, 0, {})


@pytest.fixture
def judged(runtime: Runtime) -> Runtime:
    """Seven members, each charged rightly in four months. The first six once more in March: nothing went back of it;
    a part; all, by a refund; all, by a lost dispute; a refund that failed; and, of the sixth, as the charge itself
    states. And a charge of nobody's."""
    rows = [w.row(f"M-{n}", w.stripe(n)) for n in range(1, 8)]
    w.take_in(runtime, RosterRow(rows[0].membership, {"name": NAME, "email": EMAIL, "country": "US"}), *rows[1:])
    right = [w.charge(f"ch_{n}_{m}", w.month(m), customer=f"cus_{n}") for n in range(1, 8) for m in range(4)]
    twice = [w.charge(f"ch_{n}_x", date(2026, 3, 10), customer=f"cus_{n}") for n in range(1, 6)]
    day = date(2026, 3, 12)
    stated = w.charge("ch_6_x", date(2026, 3, 10), customer="cus_6", refunded_minor=1500)  # type: ignore[arg-type] # a number
    back = [
        w.refund("re_2", day, twice[1], 4000),
        w.refund("re_3", day, twice[2], 9900),
        w.refund("re_5", day, twice[4], 9900, RefundState.FAILED),
    ]
    lost = w.dispute("dp_4", day, twice[3], DisputeState.LOST)
    stray = w.charge("ch_stray", day, customer="cus_nobody")
    with runtime.engine.begin() as conn:
        store_facts(conn, runtime.keyring, w.told(*right, *twice, stated, *back, lost, stray))
    reconcile_all(runtime, NIGHT)
    return runtime


def test_the_figures_are_those_of_the_nights_own_summary(judged: Runtime) -> None:
    shown = view(read(judged, NIGHT))
    with reading(judged.engine).begin() as conn:
        own = books.read(conn, judged, SINGLE)
    assert shown.summary == summarise(own)
    assert {case.key: case for case in shown.told.books.cases} == {case.key: case for case in own.cases}
    assert shown.ties
    (usd,) = shown.sums
    assert usd.total.excess == 6 * 9900
    assert usd.total.elsewhere == 4000 + 9900 + 9900 + 1500
    assert usd.total.owed == 2 * 9900 + 5900 + 8400


def test_the_three_files_lie_beside_each_other_and_say_the_same(judged: Runtime, tmp_path: Path) -> None:
    page = report.write(judged, NIGHT, tmp_path / "new" / "folder")
    plain = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    found = sheets(page.with_suffix(".xlsx"))
    assert page.name == f"report-{NIGHT}.html"
    assert plain["ties"] is True
    assert plain["charges"] == 7 * 4 + 6 + 1
    assert len(found["Findings"]) - 1 == len(plain["findings"]) == 7
    (owed,) = (row["B"] for row in found["Control totals"] if row.get("A") == "Owed")
    assert owed == plain["owed"][0]["owed"] / 100 == 341.0
    html = page.read_text(encoding="utf-8")
    assert "341.00" in html
    again = report.write(judged, NIGHT, tmp_path)
    for suffix in (".html", ".json", ".xlsx"):
        assert again.with_suffix(suffix).read_bytes() == page.with_suffix(suffix).read_bytes()


def test_nothing_of_a_person_is_in_any_of_them(judged: Runtime, tmp_path: Path) -> None:
    page = report.write(judged, NIGHT, tmp_path)
    texts = [page.read_text(encoding="utf-8"), page.with_suffix(".json").read_text(encoding="utf-8")]
    texts.append(str(sheets(page.with_suffix(".xlsx"))))
    for text in texts:
        assert NAME not in text
        assert EMAIL not in text
        assert "M-1" in text


def test_pictures_are_drawn_of_affected_memberships_only_and_no_more_than_wanted(judged: Runtime) -> None:
    told = read(judged, NIGHT)
    assert sorted(told.timelines) == [f"M-{n}" for n in range(1, 7)]
    assert all(any(one.wrong for one in shown.taken) for shown in told.timelines.values())
    few = read(judged, NIGHT, pictures=2)
    # Where nothing is open any more (M-3, M-4), there is least to look at.
    assert sorted(few.timelines) == ["M-1", "M-2"]
    assert view(few).sums == view(told).sums


def test_a_gap_makes_the_report_incomplete(judged: Runtime) -> None:
    with judged.engine.begin() as conn:
        nights.set_gaps(conn, NIGHT, {"paypal": "2026-04-19: not asked to its end"})
    shown = view(read(judged, NIGHT))
    assert [gap.provider for gap in shown.summary.gaps] == ["paypal"]


def test_an_empty_night(runtime: Runtime, tmp_path: Path) -> None:
    page = report.write(runtime, NIGHT, tmp_path)
    assert "Nothing waits for a person." in page.read_text(encoding="utf-8")
    assert len(sheets(page.with_suffix(".xlsx"))) == 7


def test_a_report_says_where_the_books_have_moved_on_since_the_night_was_told(judged: Runtime, tmp_path: Path) -> None:
    told = replace(judged, settings=judged.settings.model_copy(update={"report_dir": tmp_path}))
    assert nightly.run_night(told, NIGHT) is not None
    assert read(told, NIGHT).as_told
    late = w.refund("re_late", date(2026, 4, 19), w.charge("ch_1_x", date(2026, 3, 10)), 9900)
    with told.engine.begin() as conn:
        store_facts(conn, told.keyring, w.told(late))
    reconcile_all(told, NIGHT)
    assert not read(told, NIGHT).as_told
