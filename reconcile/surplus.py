"""Charges that pay nothing owed: taken after the end, a second time, or for nothing that anybody agreed to."""

from __future__ import annotations

from datetime import date, timedelta

from reconcile.membership import PlanChange, PriceChange, QuantityChange
from reconcile.money import Money
from reconcile.options import names_ended_time
from reconcile.outcome import Confidence, Finding, FindingKind
from reconcile.renewals import EARLY_DAYS, Renewal, paused
from reconcile.scene import Judged, Scene, confidence, corrected, finding_key, stated_periods
from reconcile.stints import Cause, End
from reconcile.takings import Taking

_CHANGE_DAYS = 3  # a change that is billed at once is billed within these


def paying_nothing(scene: Scene, i: int) -> Judged:
    taking = scene.paired.takings[i]
    end = _ended_for(scene, taking)
    if end is not None:
        return _after_cancellation(scene, i, end)
    twin = _duplicated(scene, i)
    if twin is not None:
        return _duplicate(scene, i, twin)
    return _unscheduled(scene, i)


def _ended_for(scene: Scene, taking: Taking) -> End | None:
    """The end after which the charge was taken, or after which the time lies that it says it was taken for."""
    days = [taking.day]
    if names_ended_time(taking, scene.course):
        days = [start + timedelta(days=EARLY_DAYS) for start, _ in taking.periods]
    stints = [scene.course.ended(day) for day in days]
    return next((stint.end for stint in stints if stint is not None), None)


def _after_cancellation(scene: Scene, i: int, end: End) -> Judged:
    taking = scene.paired.takings[i]
    told = {
        Cause.NOTICE: f"notice of {end.known_on} binds from {end.on}" + (f" ({end.clause})" if end.clause else ""),
        Cause.BREACH: f"the membership was ended for a breach on {end.on}",
        Cause.TERM: f"the membership ended on {end.on}",
    }[end.cause]
    because = (told, f"{taking.ref} took {taking.charge.amount} on {taking.day}", *stated_periods(taking))
    finding = _whole(scene, i, FindingKind.POST_CANCELLATION_CHARGE, because, seen=(end.known_on,))
    cites = (end.clause,) if end.clause else ()
    return Judged(finding, taking, taking.dispute_open, breach=end.cause is Cause.BREACH, cites=cites)


def _duplicated(scene: Scene, i: int) -> int | None:
    """The paid renewal that the charge takes a second time; None where there is none or the charge is less than it."""
    paired, taking = scene.paired, scene.paired.takings[i]
    named = paired.names[i]
    if named is None and _in_no_period(scene, taking.day):
        return None
    candidates = [named] if named is not None else paired.calendar.dues_around(taking.day)
    twins = [r for r in candidates if paired.payers(r) and taking.net.minor >= paired.renewals[r].amount.minor]
    return max(twins, key=lambda r: (paired.renewals[r].contains(taking.day), paired.renewals[r].due), default=None)


def _in_no_period(scene: Scene, day: date) -> bool:
    return paused(scene.membership, day)


def _duplicate(scene: Scene, i: int, renewal: int) -> Judged:
    paired, taking = scene.paired, scene.paired.takings[i]
    owed = paired.renewals[renewal]
    payers = [paired.takings[j] for j in paired.payers(renewal)]
    period = f"the period {owed.due} to {owed.period_end}"
    because = (
        *(f"{p.ref} paid {period}" for p in payers),
        f"{taking.ref} was taken on {taking.day} for the same period",
        *(("it came through an agreement that was no longer in force",) if taking.superseded else ()),
        *_higher(taking, owed),
    )
    seen = tuple(p.day for p in payers)
    finding = _whole(scene, i, FindingKind.DUPLICATE_CHARGE, because, seen=seen, twin=owed)
    return Judged(finding, taking, taking.dispute_open or scene.contested({renewal}))


def _higher(taking: Taking, owed: Renewal) -> tuple[str, ...]:
    over = taking.net.minor - owed.amount.minor
    return (f"it is {Money(over, taking.net.currency)} above the renewal besides",) if over > 0 else ()


def _unscheduled(scene: Scene, i: int) -> Judged:
    taking = scene.paired.takings[i]
    why = "no renewal, set-up fee or agreed charge that was still to be paid"
    if paused(scene.membership, taking.day):
        why = "the membership was paused on that day"
    because = (f"{taking.ref} took {taking.charge.amount} on {taking.day}", why, *stated_periods(taking))
    short = _paid_short(scene, i)
    doubts = tuple(f"the renewal due on {due} was paid short: it may be meant for that" for due in short)
    finding = _whole(scene, i, FindingKind.UNSCHEDULED_CHARGE, because, seen=(), doubts=doubts)
    return Judged(finding, taking, taking.dispute_open)


def _changed_about_then(scene: Scene, taking: Taking) -> bool:
    """Whether what is agreed changed about the day of the charge, in mid-period: it may be what the change cost."""
    since = [c.since for c in scene.membership.changes if isinstance(c, PriceChange | PlanChange | QuantityChange)]
    near = [day for day in since if abs((taking.day - day).days) <= _CHANGE_DAYS]
    return any(not scene.paired.calendar.dues_near(day) for day in near)


def _crowded_out(scene: Scene, i: int) -> tuple[date, ...]:
    """The days on which others paid the renewals of the charge's time: until then it could have been for them."""
    paired, taking = scene.paired, scene.paired.takings[i]
    near = paired.calendar.dues_around(taking.day) if paired.names[i] is None else []
    return tuple(min(paired.takings[j].day for j in payers) for r in near if (payers := paired.payers(r)))


def _paid_short(scene: Scene, i: int) -> tuple[date, ...]:
    """The renewals of the charge's time that were paid, but not in full, where this charge too brings what was paid
    nearer to what is owed: it may be the rest. One that takes it further away is no rest, whatever was short."""
    paired, taking = scene.paired, scene.paired.takings[i]
    named = paired.names[i]
    short = []
    for r in paired.calendar.dues_around(taking.day) if named is None else [named]:
        payers = paired.payers(r)
        paid = {j: paired.takings[j] for j in payers if len(paired.pays[j]) == 1}
        came = sum(t.net.minor + t.by_balance for t in paid.values())
        lacking = paired.renewals[r].amount.minor - came
        if paid and len(paid) == len(payers) and abs(lacking - taking.net.minor) < lacking:
            short.append(paired.renewals[r].due)
    return tuple(short)


def _whole(
    scene: Scene,
    i: int,
    kind: FindingKind,
    because: tuple[str, ...],
    *,
    seen: tuple[date, ...],
    twin: Renewal | None = None,
    doubts: tuple[str, ...] = (),
) -> Finding:
    """A finding whose excess is the whole charge. `doubts` say why a person should look first."""
    taking = scene.paired.takings[i]
    amount = taking.charge.amount
    # Neither what takes a renewal a second time to the cent nor what comes after the end is what a change cost.
    again = twin is not None and taking.net == twin.amount
    ended = kind is FindingKind.POST_CANCELLATION_CHARGE
    if not (again or ended) and _changed_about_then(scene, taking):
        doubts += ("what is agreed changed about that day",)
    finding = Finding(
        finding_key(taking.ref),
        kind,
        scene.membership.ref,
        taking.ref,
        None if twin is None else twin.due,
        amount,
        Money(0, amount.currency) if twin is None else twin.amount,
        amount,
        Confidence.LIKELY if doubts else confidence(scene, i, taking, pays=False),
        because + doubts,
        max((taking.day, *seen, *_crowded_out(scene, i))),
    )
    return corrected(finding, taking)
