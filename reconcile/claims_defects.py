"""The clock of a defect: how long the merchant has to repair it, and what follows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from reconcile.claims_types import Defect


class Repair(StrEnum):
    RUNNING = "running"  # there is time left
    STOPPED = "stopped"  # access was asked for and is awaited
    REPAIRED = "repaired"  # in time
    BARRED = "barred"  # the member refused access
    UNDECIDED = "undecided"  # time is over and nobody has approved or rejected the defect
    OVER = "over"  # approved and not repaired in time


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the repair stands at a moment; `deadline` None while the clock stands still."""

    repair: Repair
    deadline: datetime | None


def clock(defect: Defect, hours: int, at: datetime) -> Clock:
    """The merchant's time runs from the first complaint, and stands still while access is awaited."""
    if defect.access_refused:
        return Clock(Repair.BARRED, None)
    if _awaits_access(defect, hours, at):
        return Clock(Repair.STOPPED, None)
    deadline = defect.complained_at + timedelta(hours=hours) + _waited(defect, hours)
    if defect.repaired_at is not None and defect.repaired_at <= min(deadline, at):
        return Clock(Repair.REPAIRED, deadline)
    if at < deadline:
        return Clock(Repair.RUNNING, deadline)
    return Clock(Repair.UNDECIDED if defect.approved_at is None else Repair.OVER, deadline)


def _awaits_access(defect: Defect, hours: int, at: datetime) -> bool:
    asked, given, repaired = defect.access_asked_at, defect.access_given_at, defect.repaired_at
    if asked is None or given is not None or (repaired is not None and repaired <= at):
        return False
    return asked <= at and asked < defect.complained_at + timedelta(hours=hours)


def _waited(defect: Defect, hours: int) -> timedelta:
    """How long the clock stood still. Access that was asked for after the time was over stops nothing."""
    asked, given = defect.access_asked_at, defect.access_given_at
    if asked is None or given is None or asked >= defect.complained_at + timedelta(hours=hours):
        return timedelta()
    return max(given - max(asked, defect.complained_at), timedelta())
