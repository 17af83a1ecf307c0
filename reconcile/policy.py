"""A merchant's policy: ordered bundles of clauses, each bundle in the version in force when a charge was made."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Force(StrEnum):
    """SHALL: the remedy is queued by itself. MAY: it is prepared and a person approves. BAR: nothing is paid."""

    SHALL = "shall"
    MAY = "may"
    BAR = "bar"


class Basis(StrEnum):
    """What the remedy's amount is counted from."""

    OVERCHARGED = "overcharged"
    FULL_CHARGE = "full_charge"
    UNUSED_DAYS = "unused_days"
    DISRUPTED_DAYS = "disrupted_days"
    NOTHING = "nothing"


class ClauseRemedy(StrEnum):
    """What a clause grants. REFUND_OR_CREDIT is settled by the merchant's setting."""

    REFUND = "refund"
    CREDIT = "credit"
    REFUND_OR_CREDIT = "refund_or_credit"
    REPLACE = "replace"
    NONE = "none"
    REVIEW = "review"


class When(StrEnum):
    """A condition under which a clause speaks at all."""

    ALWAYS = "always"
    BREACH = "breach"  # the merchant ended the membership for a breach or non-payment
    UNLAWFUL = "unlawful"  # the merchant ended it for unlawful use
    PAID_YEAR = "paid_year"  # the charge paid a year or more
    PART_MONTH = "part_month"  # the charge paid a month or less


class Late(StrEnum):
    """What a clause says of a claim that came after its window."""

    SILENT = "silent"  # nothing: another clause may speak
    BAR = "bar"  # it refuses it


class Need(StrEnum):
    """What a claim has to bring. What is missing is asked for under this name, never held against the member."""

    EVIDENCE = "evidence"
    INVOICE = "invoice"
    FROM_EMAIL = "from_email"  # the address that was used to buy
    EXPLANATION = "explanation"
    SUPPORT = "contacted_support_at"
    BY_EMAIL = "channel"  # the claim has to come by e-mail
    GROUNDS = "grounds"  # an explanation, evidence, or a kind that names the ground by itself


@dataclass(frozen=True, slots=True)
class Terms:
    """What a clause asks of a claim. Days count from the day of the purchase, which is day 0; a day lasts until its end
    in the merchant's zone.

    `within_days`: the last day on which a claim is heard; `late` says what happens after it. `after_days`: the clause
    speaks only of claims later than that day. `repair_hours`: the time to repair, from the first complaint.
    `limits`: the clause grants nothing by itself and limits every claim of its bundle that is no billing error.
    `except_plans`: codes of plans of which it does not speak. `unless_named`: words in an explanation that take a bar
    off it: a person decides. `bear_fees`: the provider's fee on the charge is taken off. `follows`: the clause speaks
    of charges after a refund under that other clause.
    """

    within_days: int | None = None
    after_days: int | None = None
    late: Late = Late.SILENT
    needs: tuple[Need, ...] = ()
    repair_hours: int | None = None
    limits: bool = False
    except_plans: tuple[str, ...] = ()
    unless_named: tuple[str, ...] = ()
    bear_fees: bool = False
    follows: str | None = None

    def hears(self, day: int) -> bool:
        """Whether a claim on this day after the purchase is inside the window."""
        return (self.within_days is None or day <= self.within_days) and (
            self.after_days is None or day > self.after_days
        )


ANY_TERMS = Terms()


@dataclass(frozen=True, slots=True)
class Clause:
    """`covers` names finding or claim kinds; a `general` clause gives way to one that covers a kind exactly."""

    id: str
    heading: str
    says: str
    covers: frozenset[str]
    remedy: ClauseRemedy
    force: Force
    amount: Basis = Basis.OVERCHARGED
    when: When = When.ALWAYS
    general: bool = False
    terms: Terms = ANY_TERMS


@dataclass(frozen=True, slots=True)
class NoticeRule:
    """A cancellation binds from the first anniversary after its notice that leaves `business_days` between them."""

    clause: str
    business_days: int = 0


@dataclass(frozen=True, slots=True)
class Bundle:
    """One document, read as rules. `effective` None: undated, it holds from the beginning.

    `written` names the clause that asks for a written notice, `setup_once` the one that grants the set-up fee once,
    `confirmation` the one that promises the agreement has ended at the provider. `left_open` are the billing errors
    that the document says nothing of: another bundle decides them, or a person.
    """

    name: str
    version: str
    title: str
    clauses: tuple[Clause, ...]
    effective: date | None = None
    notice: NoticeRule | None = None
    written: str | None = None
    setup_once: str | None = None
    confirmation: str | None = None
    remarks: tuple[str, ...] = ()
    left_open: tuple[str, ...] = ()

    def cite(self, clause_id: str) -> str:
        return f"{self.name}/{clause_id}"


@dataclass(frozen=True, slots=True)
class Policy:
    """Every bundle known, by name, in all its versions (oldest first)."""

    versions: Mapping[str, tuple[Bundle, ...]]

    def in_force(self, name: str, on: date) -> Bundle:
        """The version in force on a date; the first one for a date before it. Raises KeyError for an unknown bundle."""
        held = [b for b in self.versions[name] if b.effective is None or b.effective <= on]
        return held[-1] if held else self.versions[name][0]

    def bundles(self, names: tuple[str, ...], on: date) -> tuple[Bundle, ...]:
        return tuple(self.in_force(name, on) for name in names)


@dataclass(frozen=True, slots=True)
class Rules:
    """The merchant's settings that the core needs: amounts in minor units, days whole. `holidays` are public holidays
    of the merchant's country; `zone` an IANA name. Caps of None are off."""

    policy: Policy
    zone: str = "America/Chicago"
    holidays: AbstractSet[date] = frozenset()
    dunning_days: int = 21
    credit_instead: bool = False
    refund_max_minor: int | None = 50000
    approve_above_minor: int | None = 20000
    cancel_unasked: bool = False  # cancel agreements at the provider without asking a person
    judge_from: date | None = None  # renewals due earlier are not reported as missed
