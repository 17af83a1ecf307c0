"""What both providers know: charges, what was given back, disputes, balances, agreements. Money moves here and nowhere
else, and the book remembers each movement with the key and the mark that it was asked for with."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal

from worker.sandbox.names import Names

Json = dict[str, Any]
Provider = Literal["stripe", "paypal"]
RefundStatus = Literal["succeeded", "pending", "failed"]
CaseStatus = Literal["inquiry", "open", "won", "lost"]


@dataclass
class Taken:
    """A charge, or a `failed` attempt at one. `kind` is its provider's word: charge, sale or capture. `changed_at` is
    when it last became another."""

    id: str
    provider: Provider
    kind: str
    minor: int
    currency: str
    at: datetime
    customer: str | None = None
    email: str | None = None
    intent: str | None = None
    agreement: str | None = None
    of_agreement_v1: bool = False
    named: str | None = None
    order: str | None = None
    tax_minor: int = 0
    captured: bool = True
    failed: bool = False
    changed_at: datetime | None = None


@dataclass
class Back:
    """A refund. `mark` is the remedy that it was made for and `key` the idempotency key: neither where a person made
    it in the dashboard. `told` is what else the request said."""

    id: str
    charge: Taken
    minor: int
    at: datetime
    status: RefundStatus = "succeeded"
    mark: str | None = None
    key: str | None = None
    why_failed: str | None = None
    told: Json = field(default_factory=dict)
    changed_at: datetime | None = None


@dataclass
class Case:
    """A dispute."""

    id: str
    charge: Taken
    at: datetime
    status: CaseStatus = "open"
    changed_at: datetime | None = None


@dataclass
class Credit:
    """A credit on a Stripe customer's balance."""

    id: str
    customer: str
    minor: int
    currency: str
    at: datetime
    balance_minor: int
    mark: str | None = None
    key: str | None = None
    note: Note | None = None


@dataclass
class Note:
    """The credit note by which a credit was made, and the invoice that it puts right."""

    id: str
    invoice: str
    told: Json = field(default_factory=dict)


@dataclass
class Agreement:
    """A subscription; `shown` is how its provider shows it while it is in force."""

    id: str
    provider: Provider
    at: datetime
    shown: Json
    version: Literal["v1", "v2"] = "v2"
    ended_at: datetime | None = None


class RuleError(Exception):
    """A provider's rule stands against it; each provider says so in its own words."""

    def __init__(self, rule: str, left_minor: int = 0) -> None:
        super().__init__(rule)
        self.rule = rule
        self.left_minor = left_minor


Listener = Callable[[str, object], None]


class Book:
    """All of it, behind one lock. `listeners` hear of each change by a word: made, settled, failed, opened, closed,
    ended, noted."""

    def __init__(self, clock: Callable[[], datetime], seed: int = 0) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.names = Names(Random(seed))  # noqa: S311 - ids must be repeatable; no key is drawn from it
        self.charges: dict[str, Taken] = {}
        self.refunds: dict[str, Back] = {}
        self.cases: dict[str, Case] = {}
        self.credits: dict[str, Credit] = {}
        self.agreements: dict[str, Agreement] = {}
        self.invoices: dict[str, Json] = {}
        self.listeners: list[Listener] = []
        self._later: list[tuple[datetime, Callable[[], object]]] = []
        self._of_charge: dict[str, list[Back]] = {}

    def forget(self) -> None:
        """What was put into it; keys and marks are others' business."""
        with self.lock:
            for kept in (self.charges, self.refunds, self.cases, self.credits, self.agreements, self.invoices):
                kept.clear()
            self._of_charge.clear()

    def take(self, charge: Taken) -> Taken:
        with self.lock:
            self.charges[charge.id] = charge
            return charge

    def of(self, charge: str) -> list[Back]:
        """The refunds of a charge, the failed ones too, the oldest first."""
        return list(self._of_charge.get(charge, []))

    def back(self, charge: str) -> int:
        """What went back of a charge, or is on its way."""
        return sum(one.minor for one in self.of(charge) if one.status != "failed")

    def case_of(self, charge: str) -> Case | None:
        """The charge's latest dispute."""
        return next((case for case in reversed(self.cases.values()) if case.charge.id == charge), None)

    def left(self, charge: Taken) -> int:
        """What may still be refunded."""
        case = self.case_of(charge.id)
        return 0 if case and case.status == "lost" else charge.minor - self.back(charge.id)

    def give_back(self, charge: Taken, minor: int, *, status: RefundStatus = "succeeded", **how: Any) -> Back:  # noqa: ANN401 - fields of Back
        """Make a refund, whoever asked. Raises RuleError for more than is left, and while a dispute is open."""
        with self.lock:
            self.may_give_back(charge, minor)
            stripe = charge.provider == "stripe"
            name = self.names.stripe("re") if stripe else self.names.paypal()
            made = self.remember(Back(name, charge, minor, self.clock(), status, **how))
            self._tell("made", made)
            return made

    def remember(self, made: Back) -> Back:
        """A refund that was made, be it long ago."""
        self.refunds[made.id] = made
        self._of_charge.setdefault(made.charge.id, []).append(made)
        made.charge.changed_at = made.changed_at or made.at
        return made

    def may_give_back(self, charge: Taken, minor: int) -> None:
        if not charge.captured:
            raise RuleError("not_captured")
        case = self.case_of(charge.id)
        if case is not None and case.status in {"open", "lost"}:
            raise RuleError("disputed" if case.status == "open" else "charged_back")
        left = charge.minor - self.back(charge.id)
        if left <= 0:
            raise RuleError("already_refunded")
        if minor > left:
            raise RuleError("too_much", left)

    def settle(self, refund: str) -> None:
        """A refund that was on its way has arrived."""
        with self.lock:
            made = self.refunds[refund]
            if made.status == "pending":
                made.status, made.changed_at = "succeeded", self.clock()
                self._tell("settled", made)

    def fail(self, refund: str, why: str = "expired_or_canceled_card") -> None:
        """A refund comes back, be it weeks after it settled."""
        with self.lock:
            made = self.refunds[refund]
            if made.status != "failed":
                made.status, made.why_failed = "failed", why
                made.changed_at = made.charge.changed_at = self.clock()
                self._tell("failed", made)

    def open_case(self, charge: str, *, inquiry: bool = False) -> Case:
        """The member disputes a charge."""
        with self.lock:
            taken = self.charges[charge]
            name = self.names.stripe("dp") if taken.provider == "stripe" else f"PP-R-{self.names.paypal(10)}"
            case = Case(name, taken, self.clock(), "inquiry" if inquiry else "open", self.clock())
            self.cases[name] = case
            self._tell("opened", case)
            return case

    def close_case(self, case: str, *, won: bool) -> None:
        """The dispute ends, `won` by the merchant or lost, which takes what the charge still held."""
        with self.lock:
            closed = self.cases[case]
            closed.status, closed.changed_at = "won" if won else "lost", self.clock()
            self._tell("closed", closed)

    def credit(self, customer: str, minor: int, currency: str, *, note: Note | None = None, **how: Any) -> Credit:  # noqa: ANN401 - fields of Credit
        """A positive `minor` is in the customer's favour. `note`: made by a credit note, of which is told."""
        with self.lock:
            before = sum(c.minor for c in self.credits.values() if (c.customer, c.currency) == (customer, currency))
            name = self.names.stripe("cbtxn")
            made = Credit(name, customer, minor, currency, self.clock(), before + minor, note=note, **how)
            self.credits[name] = made
            if note is not None:
                self._tell("noted", made)
            return made

    def noted(self, invoice: str) -> int:
        """What credit notes have taken off an invoice."""
        return sum(one.minor for one in self.credits.values() if one.note is not None and one.note.invoice == invoice)

    def end(self, agreement: str) -> None:
        with self.lock:
            ended = self.agreements[agreement]
            ended.ended_at = self.clock()
            self._tell("ended", ended)

    def later(self, after: timedelta, work: Callable[[], object]) -> None:
        """Do it once the clock says so, at the next request or `tick`."""
        with self.lock:
            self._later.append((self.clock() + after, work))

    def tick(self) -> None:
        """Do what its time has come for."""
        with self.lock:
            now = self.clock()
            due = [work for at, work in self._later if at <= now]
            self._later = [(at, work) for at, work in self._later if at > now]
            for work in due:
                work()

    @property
    def waiting(self) -> list[datetime]:
        """When the next things happen by themselves."""
        return sorted(at for at, _ in self._later)

    def _tell(self, word: str, about: object) -> None:
        for listener in self.listeners:
            listener(word, about)
