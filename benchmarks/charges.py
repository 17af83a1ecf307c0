"""Memberships and their charges as a merchant has them, with known errors: the same for the same seed.

Monthly plans with the day clamped at the end of short months. Of the charges about one in a hundred is taken a second
time, an hour to five days later; one is of a wrong amount; one comes after the membership's end."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from reconcile.anniversaries import Cycle
from reconcile.facts import Charge, ChargeState, Ref
from reconcile.membership import Agreement, Every, Membership, MonthEnd, Plan
from reconcile.money import Money

ZONE = ZoneInfo("America/Chicago")
AS_OF = date(2025, 11, 30)
FIRST = date(2024, 4, 25)  # the first day on which a membership starts: some ten charges each by AS_OF
PRICES = (4900, 7900, 9900, 14900)
PERCENT = 0.01
ENDING = 0.11  # of memberships, so that about PERCENT of the charges come after an end


@dataclass(frozen=True, slots=True)
class Taken:
    """One charge, and what is wrong with it (a finding's kind) as only the maker of the data knows."""

    charge: Charge
    wrong: str | None = None


@dataclass(frozen=True, slots=True)
class Life:
    """One membership and everything that was taken from it, in order of time."""

    membership: Membership
    taken: tuple[Taken, ...]


def lives(count: int, seed: int = 1) -> Iterator[Life]:
    """`count` memberships with their charges."""
    luck = random.Random(seed)  # noqa: S311 - to be repeated
    for n in range(count):
        yield _life(n, luck)


def _life(n: int, luck: random.Random) -> Life:
    started = FIRST + timedelta(days=luck.randrange((AS_OF - FIRST).days))
    price = luck.choice(PRICES)
    provider = ("stripe", "paypal")[n % 2]
    dues = [day for day in islice(Cycle.of(started, Every.MONTH, 1, MonthEnd.CLAMP).dates(), 24) if day <= AS_OF]
    ended = luck.randrange(2, len(dues)) if len(dues) > 3 and luck.random() < ENDING else None
    taken = list(_charges(n, provider, dues if ended is None else dues[: ended + 1], price, luck, ended=ended))
    membership = Membership(
        f"M-{n:07d}",
        started,
        Plan(Money(price, "USD"), code="dialer"),
        ("smartcalls", "voip-fulfillment"),
        ended_on=None if ended is None else dues[ended],
        agreements=(_agreement(n, provider, started),),
    )
    return Life(membership, tuple(sorted(taken, key=lambda one: one.charge.taken_at)))


def _agreement(n: int, provider: str, started: date) -> Agreement:
    if provider == "stripe":
        return Agreement("stripe", f"sub_{n:07d}", f"cus_{n:07d}", since=started)
    return Agreement("paypal", f"I-{n:07d}", payer=f"PAYER{n:07d}", since=started)


def _charges(
    n: int, provider: str, dues: list[date], price: int, luck: random.Random, *, ended: int | None
) -> Iterator[Taken]:
    for k, due in enumerate(dues):
        local = datetime.combine(due, time(luck.randrange(6, 22), luck.randrange(60), luck.randrange(60)), ZONE)
        at, dice = local.astimezone(UTC), luck.random()
        if k == ended:
            yield Taken(_charge(n, provider, f"{k:02d}", at, price), "post_cancellation_charge")
        elif dice < PERCENT:
            off = luck.choice((-1, 1)) * luck.randrange(1, 2000)
            yield Taken(_charge(n, provider, f"{k:02d}", at, price + off), "overcharge" if off > 0 else "undercharge")
        else:
            yield Taken(_charge(n, provider, f"{k:02d}", at, price))
            again = at + timedelta(hours=luck.randrange(1, 121))
            if dice < 2 * PERCENT and again.astimezone(ZONE).date() <= AS_OF:
                yield Taken(_charge(n, provider, f"{k:02d}x", again, price), "duplicate_charge")


def _charge(n: int, provider: str, name: str, at: datetime, minor: int) -> Charge:
    told, amount = at + timedelta(seconds=2), Money(minor, "USD")
    if provider == "paypal":
        ref = Ref("paypal", f"{n:07d}{name}PAYPAL")
        return Charge(
            ref, told, ChargeState.TAKEN, amount, at, f"I-{n:07d}", payer=f"PAYER{n:07d}", live=True, kind="sale"
        )
    return Charge(
        Ref("stripe", f"ch_{n:07d}{name}stripe"),
        told,
        ChargeState.TAKEN,
        amount,
        at,
        f"sub_{n:07d}",
        f"cus_{n:07d}",
        intent=f"pi_{n:07d}{name}stripe",
        live=True,
        kind="charge",
        fee_minor=minor * 29 // 1000 + 30,
    )
