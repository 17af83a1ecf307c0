"""The merchant's members: what each agreed to, by the world's own reckoning, and what was taken from each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

from worker.sandbox.reckoning import later, walked
from worker.sandbox.truth import Planted

DEFAULT_POLICY = ("smartcalls", "voip-fulfillment")
OLD, BASIL = "2020-08-27", "2025-08-27.basil"  # Stripe's two shapes of an event
AGREEMENT_V1, SUBSCRIPTION_V2 = "v1", "v2"  # PayPal's

Provider = Literal["stripe", "paypal"]
Happening = Literal[
    "begun", "ended_by_person", "ended_by_provider", "suspended", "cancel_planned", "cancel_withdrawn", "paused",
    "resumed",
]  # fmt: skip


@dataclass(frozen=True)
class Plan:
    code: str
    price: int
    currency: str = "USD"
    every: Literal["month", "year"] = "month"
    setup_fee: int = 0
    trial_days: int = 0
    month_end: Literal["clamp", "walk"] = "clamp"


@dataclass
class Agreement:
    """The provider's side. `anchor` is the instant from which the provider counts its periods; one that is not
    `listed` exists at the provider only, and the roster knows nothing of it."""

    provider: Provider
    subscription: str
    customer: str
    since: date
    anchor: datetime
    shape: str
    until: date | None = None
    listed: bool = True
    happenings: list[tuple[datetime, Happening]] = field(default_factory=list)


@dataclass
class Line:
    minor: int
    start: datetime
    end: datetime
    what: str = "dues"


@dataclass
class Invoice:
    """A Stripe invoice. With no charge it is a receipt only: for nothing, or paid by other means."""

    id: str
    at: datetime
    customer: str
    agreement: Agreement | None
    reason: str
    lines: list[Line]
    tax_minor: int = 0
    out_of_band: bool = False

    @property
    def total_minor(self) -> int:
        return sum(line.minor for line in self.lines) + self.tax_minor


@dataclass
class Refund:
    id: str
    at: datetime
    minor: int
    failed_at: datetime | None = None


@dataclass
class Dispute:
    id: str
    at: datetime
    closed_at: datetime | None = None
    won: bool | None = None  # by the merchant


@dataclass
class Charge:
    """`kind` is the provider's word for it: charge, sale or capture. One that is not `captured` took no money."""

    id: str
    provider: str
    kind: str
    at: datetime
    minor: int
    currency: str
    customer: str | None = None
    email: str | None = None
    named: str | None = None
    agreement: Agreement | None = None
    invoice: Invoice | None = None
    intent: str | None = None
    tax_minor: int = 0
    captured: bool = True
    shape: str = OLD
    refunds: list[Refund] = field(default_factory=list)
    dispute: Dispute | None = None

    @property
    def ref(self) -> str:
        return f"{self.provider}:{self.id}"


@dataclass
class Failure:
    """A payment that failed; on Stripe an `attempt`, a charge that took nothing, at the invoice that stays open."""

    at: datetime
    minor: int
    agreement: Agreement
    invoice: Invoice | None = None
    attempt: Charge | None = None


@dataclass(frozen=True)
class Due:
    """What the member owes on a day. `months` counts from the anchor: it names the provider's own period."""

    on: date
    period_end: date
    minor: int
    setup_minor: int = 0
    months: int = 0
    step: int = 1
    run: int = 0  # 0 before a re-activation, 1 after it


@dataclass
class Member:
    """One membership: its terms, as the roster will state them, and everything that the providers will tell."""

    ref: str
    name: str
    email: str
    country: str
    started_on: date
    plan: Plan
    policy: tuple[str, ...] = DEFAULT_POLICY
    story: str = "plain"
    prices: list[tuple[date, int]] = field(default_factory=list)
    yearly_from: tuple[date, int] | None = None
    quantities: list[tuple[date, int]] = field(default_factory=list)
    discount: tuple[date, int, int] | None = None  # from, percent, renewals
    pause: tuple[date, date] | None = None
    agreed: list[tuple[date, int, str]] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)
    ends: date | None = None
    restarts: date | None = None
    agreements: list[Agreement] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    planted: list[Planted] = field(default_factory=list)
    paid: set[date] = field(default_factory=set)

    @property
    def first_due(self) -> date:
        return self.started_on + timedelta(days=self.plan.trial_days)

    def dues(self, until: date, *, ended: bool = True) -> list[Due]:
        """Everything owed up to and on `until`; with `ended` off, as if nobody had cancelled."""
        stop = self.ends if ended and self.ends else date.max
        runs = [self._run(self.first_due, min(stop, until + timedelta(days=1)), 0)]
        if self.restarts:
            runs.append(self._run(self.restarts, until + timedelta(days=1), 1))
        owed: list[Due] = []
        discounted = 0
        for due in (due for run in runs for due in run):
            if self.pause and self.pause[0] <= due.on < self.pause[1]:
                continue
            off = 0
            if self.discount and due.on >= self.discount[0] and discounted < self.discount[2]:
                off, discounted = self.discount[1], discounted + 1
            minor = self._price(due.on) * self._quantity(due.on) * (100 - off) // 100
            setup = self.plan.setup_fee if due.on == self.first_due else 0
            owed.append(Due(due.on, due.period_end, minor + setup, setup, due.months, due.step, due.run))
        return owed

    def anniversaries(self) -> list[date]:
        """The coming ends of cycles, far enough ahead for any notice."""
        last = self.agreements[0].since.replace(day=1)
        return [due.on for due in self.dues(later(last, 60), ended=False)][1:]

    def _run(self, anchor: date, stop: date, number: int) -> Iterator[Due]:
        day, months = anchor, 0
        while day < stop:
            step = 12 if self._is_yearly(day) else 1
            following = walked(day) if self.plan.month_end == "walk" else later(anchor, months + step)
            yield Due(day, following, 0, 0, months, step, number)
            day, months = following, months + step

    def _is_yearly(self, day: date) -> bool:
        return self.plan.every == "year" or (self.yearly_from is not None and self.yearly_from[0] <= day)

    def _price(self, day: date) -> int:
        steps = [(self.started_on, self.plan.price), *self.prices, *([self.yearly_from] if self.yearly_from else [])]
        return max((step for step in steps if step[0] <= day), key=lambda step: step[0])[1]

    def _quantity(self, day: date) -> int:
        return max(((d, n) for d, n in [(self.started_on, 1), *self.quantities] if d <= day), key=lambda step: step[0])[
            1
        ]
