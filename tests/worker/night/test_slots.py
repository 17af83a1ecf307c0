"""When a night is due: once a date in the merchant's time, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from worker.night.slots import latest_due, slot

CHICAGO = ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("night", "at", "fires"),
    [
        (date(2026, 3, 7), "02:30", datetime(2026, 3, 7, 8, 30, tzinfo=UTC)),
        # 02:30 does not exist: the moment after the gap, 03:00 of summer time.
        (date(2026, 3, 8), "02:30", datetime(2026, 3, 8, 8, 0, tzinfo=UTC)),
        (date(2026, 3, 9), "02:30", datetime(2026, 3, 9, 7, 30, tzinfo=UTC)),
        # 01:30 comes twice: the first.
        (date(2026, 11, 1), "01:30", datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),
        (date(2026, 11, 1), "02:30", datetime(2026, 11, 1, 8, 30, tzinfo=UTC)),
        (date(2026, 11, 2), "01:30", datetime(2026, 11, 2, 7, 30, tzinfo=UTC)),
    ],
)
def test_a_slot_in_chicago(night: date, at: str, fires: datetime) -> None:
    assert slot(night, at, CHICAGO) == fires


def test_a_date_that_a_zone_leaves_out_has_no_slot() -> None:
    apia = ZoneInfo("Pacific/Apia")
    assert slot(date(2011, 12, 30), "02:30", apia) is None
    just_after = datetime(2011, 12, 30, 10, 1, tzinfo=UTC)
    assert latest_due(just_after, "02:30", apia)[0] == date(2011, 12, 29)


@pytest.mark.parametrize("zone", ["America/Chicago", "Australia/Lord_Howe", "Africa/Casablanca"])
@pytest.mark.parametrize("at", ["00:00", "01:30", "02:30", "23:59"])
def test_every_date_of_a_year_is_due_exactly_once(zone: str, at: str) -> None:
    """A clock that looks every five hours for a year begins every date's night once, and in order."""
    now, seen = datetime(2026, 1, 1, 12, tzinfo=UTC), list[date]()
    while now < datetime(2026, 12, 31, 12, tzinfo=UTC):
        night, fires = latest_due(now, at, ZoneInfo(zone))
        assert fires <= now
        if not seen or night != seen[-1]:
            seen.append(night)
        now += timedelta(hours=5)
    assert seen == [seen[0] + timedelta(days=n) for n in range(len(seen))]
    assert 364 <= len(seen) <= 366
