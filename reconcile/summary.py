"""The morning's summary: what is not done first, then totals that tie, then what is new. Rows in, a `Summary` out.

It carries references, kinds, dates and money only: nothing of a person, so that it may go to a chat or a mail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from reconcile.outcome import FindingKind, FindingStatus, HeldBecause, RemedyKind, RemedyState, needs_a_person
from reconcile.totals import Case, ChargeSum, Total, owes, totals

# 0 to 7 days, 8 to 30, 31 to 60, and beyond.
AGES: tuple[tuple[str, int | None], ...] = (("0-7", 7), ("8-30", 30), ("31-60", 60), ("60+", None))
PICTURE_DAYS = 30
LARGEST = 10

Amounts = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A provider whose picture is not complete, and what is missing. No case is judged as certain on it."""

    provider: str
    said: str


@dataclass(frozen=True, slots=True)
class DayTold:
    """How many charges, refunds and disputes of one day each way told of: one that came in several ways counts in each.
    `missing` says in words what keeps the day from being complete; empty where nothing does."""

    provider: str
    day: date
    webhook: int
    listed: int
    report: int
    no_webhook: int
    missing: str


@dataclass(frozen=True, slots=True)
class Work:
    """What is left undone outside the findings: deliveries that could not be handled, memberships that could not be
    judged, and alarms that nobody has been told yet."""

    failed_deliveries: int = 0
    unjudged: int = 0
    stopped: bool = False  # the switch for outgoing money is off


@dataclass(frozen=True, slots=True)
class Books:
    """Everything that a summary is made of. `since` is the first date that no earlier night has covered."""

    night: date
    since: date
    mode: str
    cases: tuple[Case, ...] = ()
    charges: tuple[ChargeSum, ...] = ()
    gaps: tuple[Gap, ...] = ()
    work: Work = Work()
    missed: tuple[tuple[str, str, int], ...] = ()  # provider, event type, how many no webhook told
    unchecked: tuple[str, ...] = ()  # providers that could not be asked: no credentials
    days: tuple[DayTold, ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """Some findings under one heading; `amounts` in minor units by currency."""

    name: str
    count: int
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class HeldCase:
    """One of the largest amounts that wait for a person."""

    membership: str | None
    charge: str | None
    kind: str
    reason: str
    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Summary:
    """A night in figures, what is not done before what is."""

    night: date
    since: date
    mode: str
    gaps: tuple[Gap, ...]
    held: tuple[Tally, ...]
    failed: Tally
    overdue: Tally
    work: Work
    totals: tuple[Total, ...]
    new: Tally
    persisting: Tally
    closed: Tally
    ages: tuple[Tally, ...]
    kinds: tuple[Tally, ...]
    largest: tuple[HeldCase, ...]
    missed: tuple[tuple[str, str, int], ...]
    unchecked: tuple[str, ...]
    days: tuple[DayTold, ...] = ()
    follow_up: tuple[Tally, ...] = ()  # by kind, what waits for a person and has no remedy; overdue refunds apart

    @property
    def complete(self) -> bool:
        return not self.gaps

    @property
    def ties(self) -> bool:
        return all(total.ties for total in self.totals)

    @property
    def waiting(self) -> int:
        """How many findings wait for a person; one of which a remedy is held and another failed counts for both."""
        return sum(tally.count for tally in (*self.held, self.failed, self.overdue, *self.follow_up))

    @property
    def needs_a_person(self) -> bool:
        """Whether anything in it waits for somebody to act."""
        return bool(self.waiting or self.gaps or self.work != Work() or not self.ties)


def summarise(books: Books) -> Summary:
    """The summary of one night. The same books give the same summary, in any order of their rows."""
    cases = sorted((case for case in books.cases if case.first_seen <= books.night), key=lambda case: case.key)
    still = [case for case in cases if case.status is FindingStatus.OPEN]
    held = [case for case in still if _held_reason(case)]
    fresh = {None, books.night}
    recent = [case for case in cases if case.first_seen > books.night - timedelta(days=PICTURE_DAYS)]
    return Summary(
        night=books.night,
        since=books.since,
        mode=books.mode,
        gaps=tuple(sorted(books.gaps, key=lambda gap: gap.provider)),
        held=_by(held, lambda case: str(_held_reason(case)), _held),
        failed=_tally("failed", [case for case in still if _has(case, RemedyState.FAILED)], _failed),
        overdue=_tally("overdue", [case for case in still if case.kind is FindingKind.REFUND_OVERDUE], _at_stake),
        work=books.work,
        totals=totals(books.charges, cases),
        new=_tally("new", [case for case in still if case.shown_on in fresh], _at_stake),
        persisting=_tally(
            "persisting", [case for case in still if case.shown_on not in {None, books.night}], _at_stake
        ),
        closed=_tally("closed", [case for case in cases if _closed_now(case, books.night)], _at_stake),
        ages=_ages(still, books.night),
        kinds=_by([case for case in recent if case.status is not FindingStatus.CLEARED], _kind, _at_stake),
        largest=_largest(held),
        missed=tuple(sorted(books.missed)),
        unchecked=tuple(sorted(books.unchecked)),
        days=tuple(sorted(books.days, key=lambda told: (told.provider, told.day))),
        follow_up=_by([case for case in still if to_follow_up(case)], _kind, _at_stake),
    )


def to_follow_up(case: Case) -> bool:
    """Whether the case waits for a person and has no remedy. Overdue refunds are counted on their own."""
    states = [one.state for one in case.remedies]
    overdue = case.kind is FindingKind.REFUND_OVERDUE
    return not states and not overdue and needs_a_person(case.kind, case.status, states)


def _held_reason(case: Case) -> str | None:
    """Why the case waits for a person. Of several remedies the one that holds money says it, not the proposal to cancel
    an agreement beside it."""
    held = [one for one in case.remedies if one.state is RemedyState.HELD]
    held.sort(key=lambda one: one.kind is RemedyKind.CANCEL_AGREEMENT)
    return (held[0].held_because or HeldBecause.LIKELY.value) if held else None


def _closed_now(case: Case, night: date) -> bool:
    """Shown as open on an earlier night, and no longer open since the last one."""
    return (
        case.status is not FindingStatus.OPEN and case.shown_on not in {None, night} and case.over_on in {None, night}
    )


def _has(case: Case, state: RemedyState) -> bool:
    return any(one.state is state for one in case.remedies)


def _kind(case: Case) -> str:
    return case.kind.value


def _held(case: Case) -> int:
    return owes(case).held


def _failed(case: Case) -> int:
    return owes(case).failed


def _at_stake(case: Case) -> int:
    return case.excess_minor or 0


def _ages(still: Sequence[Case], night: date) -> tuple[Tally, ...]:
    """Open findings by the days since they could first have been found."""
    found: dict[str, list[Case]] = {name: [] for name, _ in AGES}
    for case in still:
        days = (night - case.first_seen).days
        found[next(name for name, most in AGES if most is None or days <= most)].append(case)
    return tuple(_tally(name, cases, _at_stake) for name, cases in found.items())


def _largest(held: Sequence[Case]) -> tuple[HeldCase, ...]:
    ranked = sorted((case for case in held if _held(case)), key=lambda case: (-_held(case), case.key))
    return tuple(_held_case(case) for case in ranked[:LARGEST])


def _held_case(case: Case) -> HeldCase:
    reason, currency = str(_held_reason(case)), case.currency or ""
    return HeldCase(case.membership, case.charge, case.kind.value, reason, _held(case), currency)


def _by(cases: Iterable[Case], name: Callable[[Case], str], minor: Callable[[Case], int]) -> tuple[Tally, ...]:
    """The cases under their names, the most frequent first."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(name(case), []).append(case)
    ranked = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    return tuple(_tally(word, found, minor) for word, found in ranked)


def _tally(name: str, cases: Sequence[Case], minor: Callable[[Case], int]) -> Tally:
    sums: Counter[str] = Counter()
    for case in cases:
        if case.currency and (amount := minor(case)):
            sums[case.currency] += amount
    return Tally(name, len(cases), tuple(sorted(sums.items())))
