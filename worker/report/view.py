"""The report's one view: all three files show it, so none can say another number than the others."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from reconcile.outcome import REPORTED, FindingKind, FindingStatus, HeldBecause
from reconcile.summary import AGES, PICTURE_DAYS, Amounts, Summary, summarise, to_follow_up
from reconcile.totals import Owes, owes
from worker.report.amounts import by_currency
from worker.report.lines import Cited, FindingLine, Told
from worker.report.sums import Sums, sums_of
from worker.report.timeline import Timeline

CASES_MAX = 5000  # findings that the page opens to their evidence; the workbook has them all
# What a person has to look at first of what no remedy holds.
_FIRST = (FindingKind.REFUND_FAILED.value, FindingKind.OVER_REFUNDED.value)


@dataclass(frozen=True, slots=True)
class Item:
    """A finding as the report shows it. `news`: new, persisting, closed (by this night), earlier (closed before)."""

    number: int
    line: FindingLine
    news: str
    days: int  # since it could first have been found
    bucket: str
    owes: Owes  # where the money of it is, as the totals count it

    @property
    def at_stake(self) -> int | None:
        """What the finding is about in money: the excess; what is short; or else the whole charge."""
        line = self.line
        if line.kind == FindingKind.UNDERCHARGE.value and line.expected_minor is not None:
            return line.expected_minor - (line.charged_minor or 0)
        return line.charged_minor if line.excess_minor is None else line.excess_minor

    @property
    def still_owed(self) -> int:
        """What its remedies still pay back. What a person may decide about other findings is no debt yet."""
        return self.owes.queued + self.owes.held + self.owes.failed + self.owes.on_its_way


@dataclass(frozen=True, slots=True)
class Group:
    """Items that wait for the same reason; `amounts` as the summary counts them."""

    name: str
    items: tuple[Item, ...]
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class KindLine:
    """One kind: of all time, and of the last 30 days one count a day, the oldest first."""

    kind: str
    count: int
    still: int
    excess: Amounts
    owed: Amounts
    recent: int
    recent_amounts: Amounts
    days: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A membership, or one charge of nobody's, with all that was found about it."""

    name: str
    membership: str | None
    items: tuple[Item, ...]
    timeline: Timeline | None

    @property
    def is_open(self) -> bool:
        return any(item.line.is_open for item in self.items)

    @property
    def cited(self) -> tuple[str, ...]:
        """Every clause that a remedy here goes by, once."""
        remedies = (remedy for item in self.items for remedy in item.line.remedies)
        return tuple(dict.fromkeys(cite for remedy in remedies for cite in remedy.cited))

    @property
    def amounts(self) -> Amounts:
        return by_currency((item.line.currency, item.at_stake or 0) for item in self.items)


@dataclass(frozen=True, slots=True)
class View:
    """The whole report: what `told` holds, counted, grouped and put in order."""

    told: Told
    summary: Summary
    sums: tuple[Sums, ...]
    items: tuple[Item, ...]
    held: tuple[Group, ...]
    failed: tuple[Item, ...]
    overdue: tuple[Item, ...]
    follow_up: tuple[Group, ...]
    reported: tuple[Group, ...]
    kinds: tuple[KindLine, ...]
    cases: tuple[Case, ...]
    left_out: int  # findings that the page does not open, being too many
    clauses: dict[str, Cited]

    @property
    def night(self) -> date:
        return self.summary.night

    @property
    def charges(self) -> int:
        return sum(total.charges for total in self.summary.totals)

    @property
    def ties(self) -> bool:
        return all(one.ties for one in self.sums)

    @property
    def open(self) -> int:
        return self.summary.new.count + self.summary.persisting.count

    @property
    def oldest(self) -> int | None:
        """How many days the oldest open finding has been open."""
        return max((item.days for item in self.items if item.line.is_open), default=None)


def view(told: Told, cases_max: int = CASES_MAX) -> View:
    """Everything that the report shows."""
    summary = summarise(told.books)
    items = tuple(_item(number, line, summary.night) for number, line in enumerate(told.findings, start=1))
    still = [item for item in items if item.line.is_open]
    # What is open is opened first, the newest of what is not after it.
    ranked = sorted(items, key=lambda item: (not item.line.is_open, item.days, item.number))
    return View(
        told=told,
        summary=summary,
        sums=tuple(sums_of(total) for total in sorted(summary.totals, key=lambda t: (-t.charges, t.currency))),
        items=items,
        held=_groups(still, _held_reason, lambda item: item.owes.held),
        failed=tuple(item for item in still if any(r.state == "failed" for r in item.line.remedies)),
        overdue=tuple(item for item in still if item.line.kind == FindingKind.REFUND_OVERDUE.value),
        follow_up=_follow_up(still),
        reported=_groups(still, _reported, lambda _: 0),
        kinds=_kinds(items, summary.night),
        cases=_cases(ranked[:cases_max], told.timelines),
        left_out=max(len(items) - cases_max, 0),
        clauses={clause.cite: clause for clause in told.clauses},
    )


def _item(number: int, line: FindingLine, night: date) -> Item:
    days = (night - line.first_seen).days
    bucket = next(name for name, most in AGES if most is None or days <= most)
    return Item(number, line, _news(line, night), days, bucket, owes(line.case))


def _news(line: FindingLine, night: date) -> str:
    """As the summary counts it; the view's own tests hold them together."""
    case = line.case
    if case.status is FindingStatus.OPEN:
        return "new" if case.shown_on in {None, night} else "persisting"
    closed = case.shown_on not in {None, night} and case.over_on in {None, night}
    return "closed" if closed else "earlier"


def _held_reason(item: Item) -> str | None:
    held = item.line.held
    return None if held is None else held.held_because or HeldBecause.LIKELY.value


def _follow_up(still: Iterable[Item]) -> tuple[Group, ...]:
    """What waits for a person and has no remedy: nobody is paid, and somebody should look."""
    groups = _groups(
        still,
        lambda item: item.line.kind if to_follow_up(item.line.case) else None,
        lambda item: item.line.excess_minor or 0,
    )
    return tuple(sorted(groups, key=lambda group: group.name not in _FIRST))


def _reported(item: Item) -> str | None:
    """What is open without any remedy, and nobody has to decide."""
    return item.line.kind if item.line.kind in REPORTED and not item.line.remedies else None


def _groups(
    items: Iterable[Item], name: Callable[[Item], str | None], minor: Callable[[Item], int]
) -> tuple[Group, ...]:
    """The items under their names, the most frequent first."""
    found: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        if (word := name(item)) is not None:
            found[word].append(item)
    ranked = sorted(found.items(), key=lambda group: (-len(group[1]), group[0]))
    return tuple(
        Group(word, tuple(many), by_currency((item.line.currency, minor(item)) for item in many))
        for word, many in ranked
    )


def _kinds(items: Sequence[Item], night: date) -> tuple[KindLine, ...]:
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[item.line.kind].append(item)
    ranked = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    return tuple(_kind(kind, many, night) for kind, many in ranked)


def _kind(kind: str, many: Sequence[Item], night: date) -> KindLine:
    begin = night - timedelta(days=PICTURE_DAYS - 1)
    recent = [i for i in many if i.line.first_seen >= begin and i.line.status != FindingStatus.CLEARED.value]
    by_day = Counter(item.line.first_seen for item in recent)
    return KindLine(
        kind,
        len(many),
        sum(item.line.is_open for item in many),
        by_currency((item.line.currency, item.line.excess_minor or 0) for item in many),
        by_currency((item.line.currency, item.still_owed) for item in many),
        len(recent),
        by_currency((item.line.currency, item.line.excess_minor or 0) for item in recent),
        tuple(by_day[begin + timedelta(days=n)] for n in range(PICTURE_DAYS)),
    )


def _cases(items: Iterable[Item], timelines: dict[str, Timeline]) -> tuple[Case, ...]:
    """The items by membership, in its order; what is nobody's by charge, behind them; what is closed at the end."""
    groups: dict[tuple[bool, str], list[Item]] = defaultdict(list)
    for item in items:
        line = item.line
        groups[line.membership is None, line.membership or line.charge or line.agreement or line.key].append(item)
    cases = [
        Case(
            name,
            None if nobodys else name,
            tuple(sorted(many, key=lambda item: (not item.line.is_open, item.number))),
            None if nobodys else timelines.get(name),
        )
        for (nobodys, name), many in sorted(groups.items())
    ]
    return tuple(sorted(cases, key=lambda case: not case.is_open))
