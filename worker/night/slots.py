"""When a night is due, in the merchant's time: once a date, also where the clocks change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

# A slot lies within a day before now, or the zone has left a date out: further back there is never the latest.
LOOK_BACK_DAYS = 3


def slot(night: date, at: str, zone: ZoneInfo) -> datetime | None:
    """The moment of `at` (02:30) on this date: an hour that is skipped gives the moment after the gap, and one that
    comes twice its first. None for a date that the zone leaves out."""
    hour, minute = at.split(":")
    midnight = datetime(night.year, night.month, night.day, tzinfo=zone)
    fires = next(CronSim(f"{int(minute)} {int(hour)} * * *", midnight - timedelta(seconds=1)))
    return fires.astimezone(UTC) if fires.date() == night else None


def latest_due(now: datetime, at: str, zone: ZoneInfo) -> tuple[date, datetime]:
    """The date whose slot was the last to come, and that slot."""
    return next(_past(now, at, zone))


def _past(now: datetime, at: str, zone: ZoneInfo) -> Iterator[tuple[date, datetime]]:
    today = now.astimezone(zone).date()
    for back in range(LOOK_BACK_DAYS + 1):
        night = today - timedelta(days=back)
        fires = slot(night, at, zone)
        if fires is not None and fires <= now:
            yield night, fires
