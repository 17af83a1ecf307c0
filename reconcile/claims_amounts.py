"""What a clause grants on a charge, before anything that went back: exact, rounded half-up once, at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from reconcile.claims_bench import Bench, full_end
from reconcile.money import Money, half_up
from reconcile.policy import Basis
from reconcile.renewals import Renewal
from reconcile.stints import Cause
from reconcile.takings import Taking


@dataclass(frozen=True, slots=True)
class Reckoned:
    """An amount with its arithmetic; or what is `missing` to reckon it; or neither, with the reason in `arithmetic`."""

    amount: Money | None
    arithmetic: str
    missing: str | None = None


def reckon(bench: Bench, basis: Basis, taking: Taking) -> Reckoned:
    """The gross amount of a claim on this basis."""
    charge = taking.charge.amount
    match basis:
        case Basis.FULL_CHARGE:
            return Reckoned(charge, f"the whole charge {charge.minor} ({charge.currency}, minor units)")
        case Basis.UNUSED_DAYS:
            return _unused(bench, taking)
        case Basis.DISRUPTED_DAYS:
            return _disrupted(bench, taking)
        case _:
            return Reckoned(None, "the records show nothing that was taken above what was owed")


def less_fees(reckoned: Reckoned, taking: Taking) -> Reckoned | None:
    """The amount after the provider's fee on the charge; None where the fee is not known."""
    fee, amount = taking.charge.fee_minor, reckoned.amount
    if fee is None or amount is None:
        return None
    left = Money(max(amount.minor - fee, 0), amount.currency)
    return Reckoned(left, f"{reckoned.arithmetic}; - {fee} fee of the provider = {left.minor}")


def _unused(bench: Bench, taking: Taking) -> Reckoned:
    period = bench.period
    if period is None:
        return Reckoned(None, "the charge paid no period")
    noticed = _noticed(bench, period)
    if noticed is None:
        return Reckoned(None, "no notice of cancellation is on record", missing="notice")
    last = full_end(bench.scene, period)
    first = max(noticed + timedelta(days=1), period.due)
    return _share(bench, taking, period, max((last - first).days, 0), f"unused from {first}")


def _noticed(bench: Bench, period: Renewal) -> date | None:
    """The day of the notice by which the membership ended in or with this period."""
    last = full_end(bench.scene, period)
    for stint in bench.scene.course.stints:
        end = stint.end
        if (
            end is not None
            and end.cause is not Cause.TERM
            and stint.anchor <= period.due < last
            and end.known_on < last
        ):
            return end.known_on
    return None


def _disrupted(bench: Bench, taking: Taking) -> Reckoned:
    period, disruption = bench.period, bench.claim.disruption
    if disruption is None:
        return Reckoned(None, "it is not said when the service was down", missing="disruption")
    if period is None:
        return Reckoned(None, "the charge paid no period")
    until = disruption.until or bench.claim.received_at
    days = calendar_days(disruption.since, until, bench.rules.zone)
    last = full_end(bench.scene, period)
    inside = [day for day in days if period.due <= day < last]
    return _share(bench, taking, period, len(inside), "disrupted")


def calendar_days(since: datetime, until: datetime, zone: str) -> Sequence[date]:
    """The calendar days, whole or in part, of `[since, until)` in a zone."""
    local = ZoneInfo(zone)
    first = since.astimezone(local).date()
    last = (until - timedelta(microseconds=1)).astimezone(local).date() if until > since else first
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _share(bench: Bench, taking: Taking, period: Renewal, days: int, what: str) -> Reckoned:
    """`days` of the period's share of the charge. What else the charge paid (a set-up fee, another period) is not part
    of the share."""
    scene = bench.scene
    whole = (full_end(scene, period) - period.due).days
    index = scene.paired.takings.index(taking)
    paid = sum(scene.paired.renewals[r].amount.minor for r in scene.paired.pays[index])
    charge = taking.charge.amount
    minor = half_up(charge.minor * period.amount.minor * days, paid * whole) if paid else 0
    base = charge.minor if period.amount.minor == paid else half_up(charge.minor * period.amount.minor, paid)
    said = f"{base} x {days}/{whole} days {what} = {minor} ({charge.currency}, minor units)"
    return Reckoned(Money(minor, charge.currency), said)
