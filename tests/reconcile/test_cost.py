"""What judging costs: it grows with the number of a membership's charges, not with its square."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from reconcile.facts import Charge, ChargeState, Ref
from reconcile.judgement import reconcile
from reconcile.ledger import BoundBy, BoundCharge, Ledger
from reconcile.membership import Agreement, Every, Membership, Plan
from reconcile.money import Money
from tests.scenarios.world import rules

FIRST = datetime(2020, 1, 1, 18, tzinfo=UTC)
FEW, MANY = 500, 4000


def ledger(charges: int, every: Every, at: Callable[[int], timedelta], minor: int, **told: bool) -> Ledger:
    membership = Membership(
        "M-1",
        FIRST.date(),
        Plan(Money(9900, "USD"), every),
        ("smartcalls", "voip-fulfillment"),
        agreements=(Agreement("stripe", "sub_1", "cus_1"),),
    )
    taken = [
        Charge(
            Ref("stripe", f"ch_{n:06d}"),
            FIRST + at(n),
            ChargeState.TAKEN,
            Money(minor, "USD"),
            FIRST + at(n),
            "sub_1",
            "cus_1",
            disputed=told.get("disputed"),
        )
        for n in range(charges)
    ]
    return Ledger(membership, tuple(BoundCharge(charge, BoundBy.SUBSCRIPTION) for charge in taken))


def seconds(judged: Ledger) -> float:
    spent = []
    for _ in range(3):
        begun = time.process_time()
        reconcile(judged, rules(), date(2032, 1, 1))
        spent.append(time.process_time() - begun)
    return min(spent)


@pytest.mark.parametrize(
    ("every", "at", "minor", "told"),
    [
        (Every.MONTH, lambda n: timedelta(minutes=n), 9900, {}),
        (Every.MONTH, lambda n: timedelta(hours=12 * n), 9900, {"disputed": True}),
        (Every.DAY, lambda n: timedelta(days=n // 2), 4000, {}),
    ],
    ids=["all in one period", "two a day, disputed", "two part payments a day"],
)
def test_eight_times_the_charges_are_not_sixty_four_times_the_work(
    every: Every, at: Callable[[int], timedelta], minor: int, told: dict[str, bool]
) -> None:
    few = seconds(ledger(FEW, every, at, minor, **told))
    many = seconds(ledger(MANY, every, at, minor, **told))

    assert many < few * 24
