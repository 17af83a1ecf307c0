"""The worked examples about dates: anniversaries, and the last day on which a notice is in time."""

from __future__ import annotations

from datetime import date
from itertools import islice

import pytest

from reconcile.anniversaries import Cycle, last_day_for_notice
from reconcile.membership import Every, MonthEnd
from tests.scenarios.world import day, rules


def _dates(anchor: str, every: Every, n: int, month_end: MonthEnd = MonthEnd.CLAMP, count: int = 1) -> list[str]:
    return [d.isoformat() for d in islice(Cycle.of(day(anchor), every, count, month_end).dates(), n)]


def test_w1_a_month_without_the_day_renews_on_its_last_and_the_day_comes_back() -> None:
    dates = _dates("2024-01-31", Every.MONTH, 15)

    assert dates[1:5] == ["2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"]
    assert dates[13:15] == ["2025-02-28", "2025-03-31"]


def test_w2_a_leap_day_joiner_renews_on_the_28th_until_the_next_leap_year() -> None:
    assert _dates("2024-02-29", Every.YEAR, 5)[1:] == ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]


@pytest.mark.parametrize(
    ("anchor", "expected"),
    [
        ("2024-01-30", ["2024-03-01", "2024-04-01", "2024-05-01"]),
        ("2024-01-31", ["2024-03-01", "2024-04-01", "2024-05-01"]),
        ("2024-03-31", ["2024-05-01", "2024-06-01", "2024-07-01"]),
        ("2024-01-29", ["2024-02-29", "2024-03-29", "2024-04-29"]),
        ("2025-01-29", ["2025-03-01", "2025-04-01", "2025-05-01"]),
    ],
)
def test_an_older_paypal_agreement_walks_to_the_first_and_stays_there(anchor: str, expected: list[str]) -> None:
    assert expected == _dates(anchor, Every.MONTH, 4, MonthEnd.WALK)[1:]


@pytest.mark.parametrize(
    ("every", "count", "expected"),
    [
        (Every.DAY, 10, ["2024-01-31", "2024-02-10", "2024-02-20"]),
        (Every.WEEK, 2, ["2024-01-31", "2024-02-14", "2024-02-28"]),
        (Every.MONTH, 3, ["2024-01-31", "2024-04-30", "2024-07-31"]),
        (Every.YEAR, 2, ["2024-01-31", "2026-01-31", "2028-01-31"]),
    ],
)
def test_every_interval_counts_from_the_anchor(every: Every, count: int, expected: list[str]) -> None:
    assert expected == _dates("2024-01-31", every, 3, count=count)


@pytest.mark.parametrize(
    ("row", "anniversary", "last_day"),
    [
        ("W3 the fourth of July is no business day", date(2024, 7, 8), date(2024, 6, 28)),
        ("W4 an anniversary on a Saturday", date(2024, 6, 15), date(2024, 6, 10)),
        ("W5 Christmas and New Year", date(2025, 1, 2), date(2024, 12, 24)),
        ("W6 Thanksgiving", date(2026, 11, 30), date(2026, 11, 20)),
    ],
)
def test_the_last_day_for_notice_is_five_business_days_back(row: str, anniversary: date, last_day: date) -> None:
    assert last_day == last_day_for_notice(anniversary, 5, rules().holidays), row
