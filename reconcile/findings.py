"""Findings: what is wrong with a membership's charges, read off the pairing. A charge has at most one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from reconcile.facts import Ref
from reconcile.ledger import BoundBy, Ledger
from reconcile.matching import Match
from reconcile.membership import Membership
from reconcile.money import Money
from reconcile.options import names_ended_time
from reconcile.outcome import Confidence, Finding, FindingKind, FindingStatus
from reconcile.policy import Rules
from reconcile.renewals import EARLY_DAYS, Renewal, RenewalKind, paused, plan_amounts
from reconcile.stints import Cause, Course, End
from reconcile.takings import Taking


@dataclass(frozen=True, slots=True)
class Judged:
    """A finding about a charge, with what the remedy needs to know of it."""

    finding: Finding
    taking: Taking
    group: tuple[Taking, ...]  # the charges that compete for the same renewal, this one included
    breach: bool = False
    cites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything about one membership that the findings are read off."""

    ledger: Ledger
    course: Course
    paired: Match
    rules: Rules
    as_of: date

    @property
    def membership(self) -> Membership:
        return self.ledger.membership


def charge_findings(scene: Scene) -> Iterator[Judged]:
    """The findings about charges, in order of time."""
    for i, taking in enumerate(scene.paired.takings):
        if taking.net.currency != scene.membership.plan.price.currency:
            yield _wrong_currency(scene, i)
        elif scene.paired.pays[i]:
            yield from _paying(scene, i)
        else:
            yield _paying_nothing(scene, i)


def finding_key(ref: Ref) -> str:
    """One charge, one finding: whatever its kind is judged to be."""
    return f"finding:{ref}"


def _wrong_currency(scene: Scene, i: int) -> Judged:
    taking = scene.paired.takings[i]
    renewal = next((r for r, charge in scene.paired.foreign.items() if charge == i), None)
    due = None if renewal is None else scene.paired.renewals[renewal].due
    plan = scene.membership.plan.price.currency
    because = (f"{taking.ref} took {_money(taking.charge.amount)} on {taking.day}", f"the plan is in {plan}")
    return Judged(
        Finding(
            finding_key(taking.ref),
            FindingKind.WRONG_CURRENCY,
            scene.membership.ref,
            taking.ref,
            due,
            taking.charge.amount,
            None,
            None,
            _bound_confidence(scene, taking),
            because,
            taking.day,
        ),
        taking,
        (taking,),
    )


def _paying(scene: Scene, i: int) -> Iterator[Judged]:
    """A charge that pays what was owed is fine; larger or smaller by one minor unit it is not."""
    paired, taking = scene.paired, scene.paired.takings[i]
    paid = [paired.renewals[r] for r in sorted(paired.pays[i])]
    owed = Money(sum(r.amount.minor for r in paid), taking.net.currency)
    sharers = [j for r in paired.pays[i] for j in paired.payers(r)]
    together = sum(paired.takings[j].net.minor for j in set(sharers))
    off = together - owed.minor
    if off == 0 or i != max(sharers):
        return
    kind = FindingKind.OVERCHARGE if off > 0 else FindingKind.UNDERCHARGE
    main = max(paid, key=lambda r: (r.kind is RenewalKind.DUES, r.due))
    excess = Money(off, owed.currency) if off > 0 else None
    cites, notes = _overcharge_notes(scene, taking, off, owed.minor)
    because = (
        f"{taking.ref} took {_money(taking.charge.amount)} on {taking.day}" + _net_note(taking),
        *(f"{_what(r)} was {_money(r.amount)}" for r in paid),
        *(f"{paired.takings[j].ref} paid a part of it" for j in sorted(set(sharers)) if j != i),
        *notes,
    )
    confidence = _confidence(scene, i, taking, pays=True)
    group = _group(scene, paired.pays[i])
    finding = Finding(
        finding_key(taking.ref),
        kind,
        scene.membership.ref,
        taking.ref,
        main.due,
        taking.charge.amount,
        owed,
        excess,
        confidence,
        because,
        taking.day,
    )
    yield Judged(_corrected(finding, taking), taking, group, cites=cites)


def _overcharge_notes(scene: Scene, taking: Taking, off: int, owed: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    cites: list[str] = []
    notes: list[str] = []
    if taking.net.minor == 100 * owed:
        notes.append("100 times what was owed: a minor-unit mistake")
    setup = scene.membership.plan.setup_fee_minor
    if setup and off == setup:
        for bundle in scene.rules.policy.bundles(scene.membership.policy, taking.day):
            if bundle.setup_once is not None:
                cites.append(bundle.cite(bundle.setup_once))
                notes.append(f"the set-up fee is owed once in a membership's life ({cites[-1]})")
                break
    return tuple(cites), tuple(notes)


def _paying_nothing(scene: Scene, i: int) -> Judged:
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
    because = (told, f"{taking.ref} took {_money(taking.charge.amount)} on {taking.day}", *_stated(taking))
    finding = _whole(scene, i, FindingKind.POST_CANCELLATION_CHARGE, because, seen=(end.known_on,))
    cites = (end.clause,) if end.clause else ()
    return Judged(finding, taking, (taking,), breach=end.cause is Cause.BREACH, cites=cites)


def _duplicated(scene: Scene, i: int) -> int | None:
    """The paid renewal that the charge takes a second time; None where there is none or the charge is less than it."""
    paired, taking = scene.paired, scene.paired.takings[i]
    named = paired.names[i]
    if named is None and _in_no_period(scene, taking.day):
        return None
    candidates = [named] if named is not None else [r for r, n in enumerate(paired.renewals) if _inside(taking, n)]
    twins = [r for r in candidates if paired.payers(r) and taking.net.minor >= paired.renewals[r].amount.minor]
    return max(twins, key=lambda r: (paired.renewals[r].contains(taking.day), paired.renewals[r].due), default=None)


def _inside(taking: Taking, renewal: Renewal) -> bool:
    return renewal.kind is RenewalKind.DUES and renewal.opens <= taking.day < renewal.period_end


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
    group = _group(scene, frozenset({renewal}))
    seen = tuple(p.day for p in payers)
    finding = _whole(scene, i, FindingKind.DUPLICATE_CHARGE, because, seen=seen, twin=owed)
    return Judged(finding, taking, group if taking in group else (*group, taking))


def _higher(taking: Taking, owed: Renewal) -> tuple[str, ...]:
    over = taking.net.minor - owed.amount.minor
    return (f"it is {_money(Money(over, taking.net.currency))} above the renewal besides",) if over > 0 else ()


def _unscheduled(scene: Scene, i: int) -> Judged:
    taking = scene.paired.takings[i]
    why = "no renewal, set-up fee or agreed charge that was still to be paid"
    if paused(scene.membership, taking.day):
        why = "the membership was paused on that day"
    because = (f"{taking.ref} took {_money(taking.charge.amount)} on {taking.day}", why, *_stated(taking))
    finding = _whole(scene, i, FindingKind.UNSCHEDULED_CHARGE, because, seen=())
    return Judged(finding, taking, (taking,))


def _whole(
    scene: Scene,
    i: int,
    kind: FindingKind,
    because: tuple[str, ...],
    *,
    seen: tuple[date, ...],
    twin: Renewal | None = None,
) -> Finding:
    """A finding whose excess is the whole charge."""
    taking = scene.paired.takings[i]
    amount = taking.charge.amount
    finding = Finding(
        finding_key(taking.ref),
        kind,
        scene.membership.ref,
        taking.ref,
        None if twin is None else twin.due,
        amount,
        Money(0, amount.currency) if twin is None else twin.amount,
        amount,
        _confidence(scene, i, taking, pays=False),
        because,
        max((taking.day, *seen)),
    )
    return _corrected(finding, taking)


def _corrected(finding: Finding, taking: Taking) -> Finding:
    """The finding after what already went back: by other hands in full, it is corrected elsewhere; by ours, settled."""
    back = taking.given_back
    if finding.excess is None or back.total < finding.excess.minor:
        return finding
    seen = max(finding.first_seen, back.last_on or finding.first_seen)
    if back.ours == 0:
        note = f"{_money(Money(back.elsewhere, finding.excess.currency))} of it went back by other hands"
        return _as(finding, FindingKind.CORRECTED_ELSEWHERE, FindingStatus.SETTLED, (note,), seen)
    if back.ours_pending == 0:
        return _as(finding, finding.kind, FindingStatus.SETTLED, (), finding.first_seen)
    return finding


def _as(finding: Finding, kind: FindingKind, status: FindingStatus, notes: tuple[str, ...], seen: date) -> Finding:
    because = finding.because + notes
    if kind is FindingKind.CORRECTED_ELSEWHERE:
        because = (f"it was a {finding.kind}", *because)
    return Finding(
        finding.key,
        kind,
        finding.membership,
        finding.charge,
        finding.renewal,
        finding.charged,
        finding.expected,
        finding.excess,
        finding.confidence,
        because,
        seen,
        status,
    )


def _confidence(scene: Scene, i: int, taking: Taking, *, pays: bool) -> Confidence:
    if _bound_confidence(scene, taking) is Confidence.LIKELY or i in scene.paired.ambiguous:
        return Confidence.LIKELY
    if taking.unforeseen is not None:
        return Confidence.LIKELY
    if pays or taking.periods or _came_through_agreement(scene, taking):
        return Confidence.CERTAIN
    known = plan_amounts(scene.membership, scene.paired.renewals)
    return Confidence.CERTAIN if taking.net.minor in known else Confidence.LIKELY


def _bound_confidence(scene: Scene, taking: Taking) -> Confidence:
    sure = taking.by is not BoundBy.EMAIL and scene.ledger.complete
    return Confidence.CERTAIN if sure else Confidence.LIKELY


def _came_through_agreement(scene: Scene, taking: Taking) -> bool:
    return taking.through is not None and any(
        a.provider == taking.ref.provider and a.subscription == taking.through for a in scene.membership.agreements
    )


def _group(scene: Scene, renewals: frozenset[int]) -> tuple[Taking, ...]:
    """The charges that pay or duplicate one of these renewals: while one of them is disputed, none is corrected."""
    paired = scene.paired
    members = [
        i
        for i, taking in enumerate(paired.takings)
        if paired.pays[i] & renewals or (not paired.pays[i] and any(_rivals(taking, paired, i, r) for r in renewals))
    ]
    return tuple(paired.takings[i] for i in members)


def _rivals(taking: Taking, paired: Match, i: int, renewal: int) -> bool:
    if taking.net.currency != paired.renewals[renewal].amount.currency:
        return False
    return paired.names[i] == renewal or (paired.names[i] is None and _inside(taking, paired.renewals[renewal]))


def _stated(taking: Taking) -> tuple[str, ...]:
    return tuple(f"it names the period {start} to {end}" for start, end in taking.periods)


def _what(renewal: Renewal) -> str:
    match renewal.kind:
        case RenewalKind.SETUP:
            return "the set-up fee"
        case RenewalKind.AGREED:
            return f"the charge agreed for {renewal.due}"
        case _:
            return f"the renewal due on {renewal.due}"


def _net_note(taking: Taking) -> str:
    return f", {_money(taking.net)} of it without stated tax" if taking.tax_minor else ""


def _money(amount: Money) -> str:
    return f"{amount.minor} {amount.currency}"


def sequence(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings in their one order: by the day they could first be seen, then by key."""
    return tuple(sorted(findings, key=lambda f: (f.first_seen, f.key)))
