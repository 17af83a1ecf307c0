"""Promise 2: the same facts give the same findings and remedies, byte for byte, in any order of arrival; promise 1: a
fact counts once however often it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconcile.facts import ChargeState, DisputeState, Fact, RefundState
from reconcile.money import Money
from tests.worker import world as w
from worker.batches import store_pending
from worker.handling import drain
from worker.judging import reconcile_all
from worker.runtime import Runtime
from worker.store.roster import RosterRow

AS_OF = date(2026, 10, 20)
ROSTER = (
    w.row("M-1", w.stripe(1), email="ann@example.com"),
    w.row("M-2", w.stripe(2)),
    w.row("M-3", email="cy@example.com"),
)
NAMES: Sequence[dict[str, str]] = (
    {"subscription": "sub_1"},
    {"customer": "cus_2"},
    {"named": "M-3"},
    {"email": "ann@example.com"},
    {"subscription": "sub_7"},  # learnt: its subscription names M-2
    {"customer": "cus_8"},  # learnt through an e-mail
    {"customer": "cus_9"},  # two memberships fit it
    {"invoice": "in_1"},
    {"intent": "pi_1"},
    {},
)
LINKS: Sequence[Fact] = (
    w.subscription("sub_7", named="M-2", customer="cus_7"),
    w.subscription("sub_8", email="cy@example.com", customer="cus_8"),
    w.subscription("sub_9", named="M-1", customer="cus_9"),
    w.subscription("sub_10", named="M-2", customer="cus_9"),
    w.invoice("in_1", w.START, subscription="sub_1"),
    w.invoice("in_2", w.START, customer="cus_2"),
    w.payment("pay_1", w.START, "in_2", "pi_1"),
)


def history(dice: Random) -> list[Fact]:
    """Charges of every sort, some told twice and differently, some given back, some disputed."""
    told: list[Fact] = list(LINKS)
    for n in range(dice.randint(1, 8)):
        day = w.later(w.month(dice.randint(0, 9)), dice.choice((0, 0, 1, 15)))
        amount = Money(dice.choice((9900, 9900, 9901, 5000)), dice.choice(("USD", "USD", "USD", "EUR")))
        charge = w.charge(f"ch_{n}", day, amount, **dice.choice(NAMES))
        told.append(charge)
        if dice.random() < 0.3:
            told.append(replace(charge, state=ChargeState.PENDING, told_at=w.at(day, 12)))
        if dice.random() < 0.4:
            refund = w.refund(f"re_{n}", w.later(day, 3), charge, dice.choice((100, amount.minor)))
            ours = replace(refund, remedy=f"remedy:{charge.ref}") if dice.random() < 0.5 else refund
            states = dice.sample(tuple(RefundState), dice.randint(1, 3))
            told += [replace(ours, state=s, told_at=w.at(w.later(day, 3 + i))) for i, s in enumerate(states)]
        if dice.random() < 0.2:
            dispute = w.dispute(f"dp_{n}", w.later(day, 5), charge)
            told += [dispute, replace(dispute, state=dice.choice(tuple(DisputeState)), told_at=w.at(w.later(day, 40)))]
    return told


def arrive(runtime: Runtime, told: Sequence[Fact], dice: Random) -> None:
    """Everything in a random order, parted into random deliveries and batches, some of it again, the roster somewhere
    in between, and judgements at random dates on the way."""
    steps: list[Fact | RosterRow] = [*told, *dice.choices(told, k=dice.randint(0, 4)), *ROSTER]
    dice.shuffle(steps)
    waiting: list[Fact] = []
    for n, step in enumerate(steps):
        if isinstance(step, RosterRow):
            w.take_in(runtime, step)
        else:
            waiting.append(step)
        if dice.random() < 0.4 or n == len(steps) - 1:
            parts = [waiting[i : i + 2] for i in range(0, len(waiting), 2)]
            ids = [f"evt_{n}_{i}" for i in range(len(parts))]
            w.deliver(runtime, *(w.body(*part) for part in parts), event_ids=ids)
            waiting = []
            if dice.random() < 0.5:
                drain(runtime)
            else:
                store_pending(runtime, dice.randint(1, 5))
        if dice.random() < 0.1:
            reconcile_all(runtime, date(2026, dice.randint(2, 12), dice.randint(1, 28)))
    drain(runtime)


def straight(runtime: Runtime, told: Sequence[Fact]) -> bytes:
    """The listings after everything came once, in order, in one delivery, the roster first."""
    w.take_in(runtime, *ROSTER)
    w.deliver(runtime, w.body(*told), event_ids=["evt"])
    drain(runtime)
    return w.listed(runtime, AS_OF)


@pytest.fixture
def plain(runtime: Runtime) -> Runtime:
    # The breaker looks at what was judged together, which is a matter of order.
    unbroken = runtime.settings.model_copy(update={"breaker_percent": Decimal(100)})
    return w.plain_inboxes(replace(runtime, settings=unbroken))


def step_by_step(runtime: Runtime, told: Sequence[Fact]) -> bytes:
    """The listings after each fact came by itself and was judged at once."""
    w.take_in(runtime, *ROSTER)
    for n, fact in enumerate(told):
        w.deliver(runtime, w.body(fact), event_ids=[f"evt_{n}"])
        drain(runtime)
    return w.listed(runtime, AS_OF)


TWICE = [w.charge(f"ch_{n}", w.month(0), subscription="sub_1") for n in range(2)]
OURS = replace(w.refund("re_1", w.later(w.START, 3), TWICE[1], 9900), remedy=f"remedy:{TWICE[1].ref}")
FAILED = replace(OURS, state=RefundState.FAILED, told_at=w.at(w.month(1)))
ELSEWHERE = [w.charge(f"ch_{n}", w.month(n)) for n in range(2)]
MOVED = [w.invoice("in_1", w.month(n), subscription="sub_1", charge=f"ch_{n}") for n in range(2)]
TURNS: Sequence[Sequence[Fact]] = (
    [*TWICE, OURS, FAILED],  # our refund settled, and weeks later it failed
    [OURS, *TWICE],
    [*ELSEWHERE, *MOVED],  # an invoice names another charge than it did: the first belongs to nobody now
    [TWICE[1], TWICE[0], w.refund("re_2", w.START, TWICE[0], 9900)],  # which of two is the duplicate turns round
    [TWICE[0], w.dispute("dp_1", w.START, TWICE[0]), TWICE[1]],
)


@pytest.mark.parametrize("told", TURNS)
def test_a_judgement_on_the_way_leaves_no_trace(plain: Runtime, told: Sequence[Fact]) -> None:
    expected = straight(plain, told)
    w.wipe(plain)
    assert step_by_step(plain, told) == expected
    w.wipe(plain)
    assert step_by_step(plain, told[::-1]) == expected


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_any_order_repetition_and_division_gives_the_same_listings(plain: Runtime, seed: int) -> None:
    dice = Random(seed)
    told = history(dice)
    w.wipe(plain)
    expected = straight(plain, told)
    for _ in range(2):
        w.wipe(plain)
        arrive(plain, told, dice)
        assert w.listed(plain, AS_OF) == expected
