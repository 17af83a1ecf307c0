"""A membership: one agreement to pay for one product, as the roster states it. Dates are in the merchant's zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from reconcile.money import Money


class Every(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class MonthEnd(StrEnum):
    """Where a month has no such day: CLAMP to its last, or WALK to the 1st of the next month and stay there."""

    CLAMP = "clamp"
    WALK = "walk"


class Channel(StrEnum):
    """How a notice came. Only PHONE is not written."""

    EMAIL = "email"
    PORTAL = "portal"
    LETTER = "letter"
    CHAT = "chat"
    PROVIDER = "provider"
    PHONE = "phone"

    @property
    def written(self) -> bool:
        return self is not Channel.PHONE


@dataclass(frozen=True, slots=True)
class Plan:
    """What renews: `price` every `count` `every`. `setup_fee_minor` is owed once in the membership's life."""

    price: Money
    every: Every = Every.MONTH
    count: int = 1
    code: str = ""
    setup_fee_minor: int = 0
    trial_days: int = 0
    month_end: MonthEnd = MonthEnd.CLAMP


@dataclass(frozen=True, slots=True)
class PriceChange:
    since: date
    price_minor: int


@dataclass(frozen=True, slots=True)
class PlanChange:
    since: date
    price_minor: int
    every: Every
    count: int
    code: str = ""


@dataclass(frozen=True, slots=True)
class QuantityChange:
    since: date
    quantity: int


@dataclass(frozen=True, slots=True)
class Discount:
    """`percent_hundredths` (2000 = 20 %) off the first `periods` renewals due on or after `since`."""

    since: date
    percent_hundredths: int
    periods: int


@dataclass(frozen=True, slots=True)
class Pause:
    """No renewals are due in `[since, until)`."""

    since: date
    until: date


@dataclass(frozen=True, slots=True)
class Agreed:
    """A one-off charge that the member agreed to."""

    on: date
    amount_minor: int
    what: str = ""


Change = PriceChange | PlanChange | QuantityChange | Discount | Pause | Agreed


@dataclass(frozen=True, slots=True)
class CancelNotice:
    """The member's (or merchant's) wish to end. `at` is aware."""

    at: datetime
    channel: Channel


@dataclass(frozen=True, slots=True)
class Reactivation:
    on: date


@dataclass(frozen=True, slots=True)
class Termination:
    """The merchant ends the membership at once, for `reason` (a breach)."""

    on: date
    reason: str = ""


Notice = CancelNotice | Reactivation | Termination


@dataclass(frozen=True, slots=True)
class Agreement:
    """The provider's side of the membership, in force on `[since, until)`."""

    provider: str
    subscription: str | None = None
    customer: str | None = None
    payer: str | None = None
    since: date | None = None
    until: date | None = None

    def in_force(self, on: date) -> bool:
        return (self.since is None or self.since <= on) and (self.until is None or on < self.until)


@dataclass(frozen=True, slots=True)
class Membership:
    """`policy` lists bundle names in order; `email` is the address as a keyed hash; `ended_on` is exclusive."""

    ref: str
    started_on: date
    plan: Plan
    policy: tuple[str, ...]
    ended_on: date | None = None
    changes: tuple[Change, ...] = ()
    notices: tuple[Notice, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    email: str | None = None
    stated_by_provider: bool = False  # built from the provider's own records: it cannot catch the provider's mistakes
