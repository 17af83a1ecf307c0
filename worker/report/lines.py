"""What the report holds of a finding, a remedy and a clause: plain values, read once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from reconcile.outcome import RemedyKind, owes_more
from reconcile.summary import Books
from reconcile.totals import Case
from worker.report.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Cited:
    """A clause that decides, as its bundle says it in its own words."""

    cite: str
    version: str
    title: str
    heading: str
    says: str
    force: str


@dataclass(frozen=True, slots=True)
class RemedyLine:
    """A remedy. One that a claim was granted hangs on no finding and names its membership itself."""

    key: str
    finding: str
    membership: str | None
    charge: str | None
    kind: str
    amount_minor: int | None
    currency: str | None
    state: str
    held_because: str | None
    clause: str | None
    policy_version: str | None
    cited: tuple[str, ...]
    arithmetic: str

    @property
    def waits(self) -> bool:
        """For a person: it is held, or less than is owed since it was sent."""
        return self.state == "held" or owes_more(self.state, self.held_because)

    @property
    def moves_money(self) -> bool:
        return self.kind != RemedyKind.CANCEL_AGREEMENT.value


@dataclass(frozen=True, slots=True)
class FindingLine:
    """A finding with its remedies, and as the totals count it."""

    key: str
    kind: str
    membership: str | None
    charge: str | None
    agreement: str | None
    renewal: date | None
    charged_minor: int | None
    expected_minor: int | None
    excess_minor: int | None
    currency: str | None
    confidence: str
    status: str
    because: tuple[str, ...]
    first_seen: date
    case: Case
    remedies: tuple[RemedyLine, ...] = ()

    @property
    def is_open(self) -> bool:
        return self.status == "open"

    @property
    def held(self) -> RemedyLine | None:
        """The remedy that waits for a person: of several the one that moves money."""
        waiting = [remedy for remedy in self.remedies if remedy.waits]
        return min(waiting, key=lambda remedy: not remedy.moves_money, default=None)


@dataclass(frozen=True, slots=True)
class Told:
    """Everything that one night's report is made of, read in one transaction. `as_told` is False where the figures
    are others than those that the night's message gave: the books have moved on since."""

    books: Books
    zone: str
    judged_as_of: date
    memberships: int
    findings: tuple[FindingLine, ...]
    on_claims: tuple[RemedyLine, ...] = ()
    look_alikes: tuple[tuple[str, int], ...] = ()
    clauses: tuple[Cited, ...] = ()
    timelines: dict[str, Timeline] = field(default_factory=dict)
    as_told: bool = True
