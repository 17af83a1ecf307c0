"""The books after the money went out: what the bank took and gave back, held against what the world knows was owed.

charged - refunded - credited = owed + what still waits for a person, for every membership and in total. The left side
is the bank's (and our own books' for credits at PayPal), the right side is the world's truth and the product's word for
what waits.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from reconcile.facts import Credit
from worker.runtime import Runtime
from worker.sandbox.bank.bank import Bank
from worker.sandbox.live import Evening
from worker.sandbox.merchant import Charge
from worker.sandbox.stories import World
from worker.sandbox.telling import decimal_text
from worker.sandbox.truth import BILLING_ERRORS
from worker.store import listings
from worker.store.ledgers import load_ledgers

SLICE = 200
Account = tuple[str | None, str]  # a membership (None: nobody's) and a currency


@dataclass(frozen=True)
class Sums:
    """One account's money, in minor units."""

    charged: int = 0
    refunded: int = 0
    credited: int = 0
    owed: int = 0
    waiting: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    @property
    def balances(self) -> bool:
        return self.charged - self.refunded - self.credited == self.owed + self.waiting


@dataclass(frozen=True)
class Balance:
    """All accounts, and the remedies of which product and bank do not tell the same."""

    accounts: Mapping[Account, Sums]
    evening: Evening
    disagreeing: tuple[str, ...]

    @property
    def right(self) -> bool:
        whole = all(sums.balances for sums in self.accounts.values())
        return whole and self.evening.at_rest and not self.evening.doubled and not self.disagreeing


def balance(made: World, bank: Bank, product: Runtime, evening: Evening) -> Balance:
    """Add everything up, once all is at rest."""
    owners = {charge.ref: member.ref for member in made.members for charge in member.charges}
    customers = {charge.customer: owners.get(charge.ref) for charge in _charges(made)}
    sums: dict[Account, Sums] = defaultdict(Sums)
    with product.engine.begin() as conn:
        remedies = list(listings.remedies(conn))
        booked = list(_booked(conn, [member.ref for member in made.members]))
    for membership, credit in booked:
        sums[membership, credit.amount.currency] += Sums(credited=credit.amount.minor)
    for taken in bank.book.charges.values():
        account = owners.get(f"{taken.provider}:{taken.id}"), taken.currency
        case = bank.book.case_of(taken.id)
        back = bank.book.back(taken.id)
        lost = taken.minor - back if case is not None and case.status == "lost" else 0
        sums[account] += Sums(charged=taken.minor if taken.captured else 0, refunded=back + lost)
    for one in bank.book.credits.values():
        sums[customers.get(one.customer), one.currency] += Sums(credited=one.minor)
    owing = {plant.charge: plant.owed_minor for plant in made.planted if plant.charge is not None}
    for charge in _charges(made):
        kept = charge.minor - _gone(charge, made) - owing.get(charge.ref, 0) if charge.captured else 0
        sums[owners.get(charge.ref), charge.currency] += Sums(owed=kept)
    for remedy in remedies:
        if remedy["finding"] in BILLING_ERRORS and remedy["state"] in {"held", "failed", "queued", "submitted"}:
            sums[remedy["membership"], remedy["currency"]] += Sums(waiting=remedy["amount"] or 0)
    return Balance(dict(sums), evening, tuple(_disagreeing(bank, remedies, [credit for _, credit in booked])))


def lines(found: Balance) -> Iterator[str]:
    """The table for people, and the line that says whether it balances."""
    states, met = found.evening.states, found.evening.faults
    faults = ", ".join(f"{count} {fault}" for fault, count in sorted(met.items()) if fault.value != "ok")
    yield f"the bank's calls that met a fault: {faults or 'none'}; paid twice: {found.evening.doubled}"
    yield f"{'books':10}{'charged':>14}{'refunded':>12}{'credited':>12}{'owed':>14}{'waiting':>12}"
    totals: dict[str, Sums] = defaultdict(Sums)
    for (_, currency), sums in found.accounts.items():
        totals[currency] += sums
    for currency, total in sorted(totals.items()):
        charged, refunded, credited, owed, waiting = (
            decimal_text(getattr(total, one.name), currency) for one in fields(total)
        )
        yield f"{currency:10}{charged:>14}{refunded:>12}{credited:>12}{owed:>14}{waiting:>12}"
    members = {membership for membership, _ in found.accounts if membership is not None}
    wrong = {membership for (membership, _), sums in found.accounts.items() if not sums.balances}
    went = f"{states['settled']} remedies settled, {states['held']} held for a person"
    verb = "balance" if found.right else "do not balance"
    yield f"books {verb} for {len(members - wrong)} of {len(members)} memberships and in total: {went}"


def complaints(found: Balance) -> Iterator[str]:
    """One line for whatever keeps the books from balancing."""
    for (membership, currency), sums in sorted(found.accounts.items(), key=str):
        if not sums.balances:
            yield f"books of {membership} in {currency} do not balance: {sums}"
    yield from found.disagreeing
    if not found.evening.at_rest:
        yield f"not at rest when the evening was over: {dict(found.evening.states)}"


def _charges(made: World) -> Iterator[Charge]:
    for member in made.members:
        yield from member.charges
    yield from made.strangers


def _gone(charge: Charge, made: World) -> int:
    """What people gave back in the world, or lost in a dispute, before the product looked at it."""
    refunds = [one for one in charge.refunds if one.at < made.end]
    back = sum(one.minor for one in refunds if one.failed_at is None or one.failed_at >= made.end)
    dispute = charge.dispute
    over = dispute is not None and dispute.closed_at is not None and dispute.closed_at < made.end
    return charge.minor if over and dispute is not None and not dispute.won else back


def _booked(conn: Any, refs: list[str]) -> Iterator[tuple[str, Credit]]:  # noqa: ANN401 - a connection
    for start in range(0, len(refs), SLICE):
        for ledger in load_ledgers(conn, refs[start : start + SLICE]):
            for credit in ledger.credits:
                if credit.ref.provider == "makegood":
                    yield ledger.membership.ref, credit


def _disagreeing(bank: Bank, remedies: Iterable[Mapping[str, Any]], booked: Iterable[Credit]) -> Iterator[str]:
    """A remedy is settled exactly where its money left once, in full."""
    left: Counter[str] = Counter()
    for one in bank.ledger():
        if one.key is not None and one.status == "succeeded":
            left[one.key.rpartition(":")[0]] += one.minor  # the key is the remedy's and its generation
    left.update({str(credit.remedy): credit.amount.minor for credit in booked})
    for remedy in remedies:
        paid = remedy["amount"] if remedy["state"] == "settled" and remedy["kind"] != "cancel_agreement" else 0
        if left.pop(remedy["key"], 0) != (paid or 0):
            yield f"{remedy['key']} is {remedy['state']}, which is not what the bank did"
    yield from (f"{mark} is no remedy, and money left for it" for mark in left)
