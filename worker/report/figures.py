"""The report's sums. Every one is counted from single lines, and the totals are held against each other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reconcile.outcome import BILLING_ERRORS
from worker.report.reading import Books, ChargeLine, FindingLine, RemedyLine

MONEY_REMEDIES = frozenset({"refund", "credit", "review"})
PENDING = ("queued", "held", "submitted", "failed")
CORRECTED = "corrected_elsewhere"


@dataclass(frozen=True, slots=True)
class Owed:
    """What is owed to members in one currency, and who moves it."""

    currency: str
    owed: int
    queued: int
    held: int
    under_way: int
    given_back: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Remedies that wait for a person, for one reason."""

    reason: str
    findings: tuple[FindingLine, ...]
    amounts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class KindLine:
    kind: str
    count: int
    excess: tuple[tuple[str, int], ...]
    owed: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Control:
    """One currency's charges, each counted once, and its overbilling, each unit of it counted once."""

    currency: str
    charges: int
    charged: int
    as_agreed: int
    right_part: int
    overbilled: int
    other_currency: int
    unknown_payer: int
    unexplained: int
    given_back: int
    queued: int
    held: int
    under_way: int
    settled: int
    waived: int

    @property
    def charges_tie(self) -> bool:
        """Every charge is explained, and the parts make the whole."""
        parts = self.as_agreed + self.right_part + self.overbilled + self.other_currency + self.unknown_payer
        return self.unexplained == 0 and self.charged == parts

    @property
    def overbilling_ties(self) -> bool:
        """What was wrongly taken is given back, on its way, decided, or waiting: nothing is lost between."""
        parts = self.given_back + self.queued + self.held + self.under_way + self.settled + self.waived
        return self.overbilled == parts


@dataclass(frozen=True, slots=True)
class Figures:
    books: Books
    owed: tuple[Owed, ...]
    waiting: tuple[Waiting, ...]
    follow_up: tuple[Waiting, ...]
    kinds: tuple[KindLine, ...]
    controls: tuple[Control, ...]
    look_alikes: tuple[tuple[str, int], ...]

    @property
    def ties(self) -> bool:
        return all(control.charges_tie and control.overbilling_ties for control in self.controls)

    @property
    def open(self) -> int:
        return sum(finding.status == "open" for finding in self.books.findings)


def figures(books: Books) -> Figures:
    """All sums of the report."""
    controls = _controls(books)
    return Figures(
        books,
        tuple(
            Owed(c.currency, c.queued + c.held + c.under_way, c.queued, c.held, c.under_way, c.given_back)
            for c in sorted(controls, key=lambda c: -c.charges)
            if c.overbilled
        ),
        _waiting(books, _held_reason),
        _waiting(books, _kind_without_money),
        _kinds(books),
        controls,
        tuple(sorted(Counter(note for charge in books.charges for note in charge.notes).items())),
    )


def owed_of(finding: FindingLine) -> int:
    """What the finding's remedies still pay back. Only a billing error's is owed; what a person may decide about other
    findings is no debt yet."""
    if finding.kind not in BILLING_ERRORS:
        return 0
    return sum(r.amount_minor or 0 for r in finding.remedies if r.kind in MONEY_REMEDIES and r.state in PENDING)


def waits(finding: FindingLine) -> RemedyLine | None:
    """The remedy of the finding that waits for a person, if one does."""
    return next((remedy for remedy in finding.remedies if remedy.state == "held"), None)


def _held_reason(finding: FindingLine) -> str | None:
    held = waits(finding)
    return held.held_because or "held" if held else None


def _kind_without_money(finding: FindingLine) -> str | None:
    return finding.kind if finding.status == "open" and not finding.remedies else None


def _waiting(books: Books, group: Callable[[FindingLine], str | None]) -> tuple[Waiting, ...]:
    groups: dict[str, list[FindingLine]] = defaultdict(list)
    for finding in books.findings:
        if (reason := group(finding)) is not None:
            groups[reason].append(finding)
    return tuple(
        Waiting(reason, tuple(found), _sums((f.currency, owed_of(f)) for f in found))
        for reason, found in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    )


def _kinds(books: Books) -> tuple[KindLine, ...]:
    groups: dict[str, list[FindingLine]] = defaultdict(list)
    for finding in books.findings:
        groups[finding.kind].append(finding)
    return tuple(
        KindLine(
            kind,
            len(found),
            _sums((f.currency, f.excess_minor or 0) for f in found),
            _sums((f.currency, owed_of(f)) for f in found),
        )
        for kind, found in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    )


def _controls(books: Books) -> tuple[Control, ...]:
    about = {finding.charge: finding for finding in books.findings if finding.charge and finding.status != "cleared"}
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for charge in books.charges:
        sums[charge.currency].update(_classified(charge, about.get(charge.ref)))
    names = [name for name in Control.__dataclass_fields__ if name != "currency"]
    return tuple(Control(currency, **{name: sums[currency][name] for name in names}) for currency in sorted(sums))


def _classified(charge: ChargeLine, finding: FindingLine | None) -> dict[str, int]:
    """One charge, wholly counted, each unit under one heading."""
    counted = {"charges": 1, "charged": charge.minor}
    if finding is None:
        return counted | {"as_agreed" if charge.pays else "unexplained": charge.minor}
    if finding.kind == "wrong_currency":
        return counted | {"other_currency": charge.minor}
    if finding.kind == "unrecognised_charge":
        return counted | {"unknown_payer": charge.minor}
    excess = finding.excess_minor or 0
    counted |= {"overbilled": excess, "right_part": charge.minor - excess}
    if finding.kind not in BILLING_ERRORS and finding.kind != CORRECTED:
        return counted
    counted["given_back"] = min(excess, charge.given_back_minor)
    for remedy in finding.remedies:
        if remedy.kind in MONEY_REMEDIES | {"none"}:
            heading = {"submitted": "under_way", "failed": "under_way"}.get(remedy.state, remedy.state)
            counted[heading] = counted.get(heading, 0) + (remedy.amount_minor or 0)
    return counted


def _sums(amounts: Iterable[tuple[str | None, int]]) -> tuple[tuple[str, int], ...]:
    totals: Counter[str] = Counter()
    for currency, minor in amounts:
        if currency and minor:
            totals[currency] += minor
    return tuple(sorted(totals.items()))
