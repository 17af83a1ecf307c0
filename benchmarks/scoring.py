"""What follows from a pairing of charges with renewals, by one rule for everybody, and how much of it is right."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

T = TypeVar("T")
GROUPS = {
    "duplicate_charge": "duplicate",
    "overcharge": "wrong amount",
    "undercharge": "wrong amount",
    "post_cancellation_charge": "after the end",
    "unscheduled_charge": "not agreed",
    "wrong_currency": "not agreed",
}  # other kinds are about no charge, or about one that was put right already: no pairing can show them
ALL = "all"
ANY = "at all"  # named as wrong, of whatever kind
SLACK = timedelta(days=2)  # a charge may come so long before its renewal is due


@dataclass(frozen=True, slots=True)
class FlatCharge:
    """A charge as an export has it."""

    id: str
    at: datetime
    day: date  # in the merchant's zone
    minor: int  # without the tax that the provider states
    currency: str
    subscription: str = ""
    customer: str = ""
    email: str = ""
    named: str = ""  # the membership, where the charge says it
    refunded_minor: int = 0


@dataclass(frozen=True, slots=True)
class FlatRenewal:
    """What is owed on a day, with the ids by which it should be paid."""

    id: str
    membership: str
    due: date
    minor: int
    currency: str
    subscription: str = ""
    customer: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class FlatMember:
    """`names`: everything by which its charges may name it."""

    ref: str
    names: tuple[str, ...]
    ended_on: date | None = None
    restarted_on: date | None = None


@dataclass(frozen=True, slots=True)
class Flat:
    """Three tables and the truth: what is wrong, by charge, as a finding's kind."""

    charges: tuple[FlatCharge, ...]
    renewals: tuple[FlatRenewal, ...]
    members: tuple[FlatMember, ...]
    truth: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Score:
    """How many there are, how many were named, and how many of these rightly."""

    true: int
    named: int
    right: int

    @property
    def recall(self) -> float | None:
        return self.right / self.true if self.true else None

    @property
    def precision(self) -> float | None:
        return self.right / self.named if self.named else None


def scores(truth: Mapping[str, str], found: Mapping[str, str]) -> dict[str, Score]:
    """By group of kinds, for all of them, and for whether a charge is wrong at all; both are kinds by charge."""
    pairs = {(charge, GROUPS[kind]) for charge, kind in truth.items() if kind in GROUPS}
    named = {(charge, GROUPS[kind]) for charge, kind in found.items() if kind in GROUPS}
    told: dict[str, Score] = {}
    for group in (*dict.fromkeys(GROUPS.values()), ALL):
        mine, theirs = ({pair for pair in some if group in (ALL, pair[1])} for some in (pairs, named))
        told[group] = _score(mine, theirs)
    told[ANY] = _score({charge for charge, _ in pairs}, {charge for charge, _ in named})
    return told


def _score(true: set[T], named: set[T]) -> Score:
    return Score(len(true), len(named), len(true & named))


def judged(flat: Flat, links: Mapping[str, str]) -> dict[str, str]:
    """The kind of each wrong charge, from the renewal that each charge was paired with. The earliest of a renewal's
    pays it. One that no renewal was found for is a duplicate where the renewal of its days is paid, else it was
    not agreed; of a charge of nobody nothing is said, nor of one that was given back in full."""
    renewals = {renewal.id: renewal for renewal in flat.renewals}
    members = {member.ref: member for member in flat.members}
    by_name = {name: member.ref for member in flat.members for name in member.names}
    calendar = _calendar(flat.renewals)
    paid: set[str] = set()
    found: dict[str, str] = {}
    unpaired: list[tuple[FlatCharge, str]] = []
    for charge in sorted(flat.charges, key=lambda one: (one.at, one.id)):
        renewal = renewals.get(links.get(charge.id, ""))
        member = members.get(renewal.membership if renewal else _whose(charge, by_name))
        if member is None:
            continue
        if _after_the_end(charge.day, member):
            found[charge.id] = "post_cancellation_charge"
        elif renewal is None:
            unpaired.append((charge, member.ref))
        elif renewal.id in paid:
            found[charge.id] = "duplicate_charge"
        else:
            paid.add(renewal.id)
            if kind := _amount(charge, renewal):
                found[charge.id] = kind
    for charge, ref in unpaired:
        days, ids = calendar.get(ref, ([], []))
        at = bisect_right(days, charge.day + SLACK) - 1
        found[charge.id] = "duplicate_charge" if at >= 0 and ids[at] in paid else "unscheduled_charge"
    given_back = {charge.id for charge in flat.charges if charge.refunded_minor >= charge.minor}
    return {charge: kind for charge, kind in found.items() if charge not in given_back}


def _whose(charge: FlatCharge, by_name: Mapping[str, str]) -> str:
    names = (charge.named, charge.subscription, charge.customer, charge.email)
    return next((by_name[name] for name in names if name in by_name), "")


def _after_the_end(day: date, member: FlatMember) -> bool:
    if member.ended_on is None or day < member.ended_on:
        return False
    return member.restarted_on is None or day < member.restarted_on - SLACK


def _amount(charge: FlatCharge, renewal: FlatRenewal) -> str | None:
    if charge.currency != renewal.currency:
        return "wrong_currency"
    if charge.minor == renewal.minor:
        return None
    return "overcharge" if charge.minor > renewal.minor else "undercharge"


def _calendar(renewals: Iterable[FlatRenewal]) -> dict[str, tuple[list[date], list[str]]]:
    made: dict[str, tuple[list[date], list[str]]] = defaultdict(lambda: ([], []))
    for renewal in sorted(renewals, key=lambda one: one.due):
        days, ids = made[renewal.membership]
        days.append(renewal.due)
        ids.append(renewal.id)
    return made
