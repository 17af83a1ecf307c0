"""The screen is held to the core: in what it passes the core finds nothing, and what is stored is the same either
way."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from reconcile.facts import (
    Charge,
    ChargeState,
    Fact,
    FailedPayment,
    Invoice,
    InvoiceLine,
    InvoicePayment,
    InvoiceReason,
    Ref,
    RefundState,
    Subscription,
    SubscriptionState,
)
from reconcile.judgement import reconcile, survey
from reconcile.ledger import BoundBy, BoundCharge, Ledger
from reconcile.membership import Agreement, Every, Membership, MonthEnd, Plan
from reconcile.money import Money
from tests.scenarios.world import ZONE, rules
from tests.worker import world as w
from worker.codec import membership_to_plain
from worker.judging import judge_memberships, reconcile_all
from worker.runtime import Runtime
from worker.schema import Row, facts, findings, memberships, remedies
from worker.screening import Calendar, judged, screen
from worker.store.columns import Gathered
from worker.store.facts import store_facts
from worker.store.gists import gist
from worker.store.roster import RosterRow

AS_OF = date(2025, 6, 30)
AGREEMENT = Agreement("stripe", subscription="sub_1", customer="cus_1")

PLANS = st.builds(
    lambda price, every, count, month_end, setup, trial: Plan(
        Money(price, "USD"), every, count, "plan", setup, trial, month_end
    ),
    st.integers(1, 3000),
    st.sampled_from([Every.MONTH] * 6 + [Every.YEAR, Every.WEEK]),
    st.sampled_from([1, 1, 1, 3]),
    st.sampled_from(list(MonthEnd)),
    st.sampled_from([0] * 8 + [500]),
    st.sampled_from([0] * 8 + [14]),
)
MEMBERSHIPS = st.builds(
    lambda start, plan, ended: Membership(
        "M-1", start, plan, ("smartcalls", "voip-fulfillment"), agreements=(AGREEMENT,), ended_on=ended
    ),
    st.dates(date(2024, 1, 1), date(2025, 7, 5)),
    PLANS,
    st.none() | st.dates(date(2024, 1, 1), date(2025, 12, 31)),
)


def charge(n: int, on: date, minor: int, hour: int = 11) -> Charge:
    when = datetime.combine(on, time(hour), ZONE).astimezone(UTC)
    return Charge(Ref("stripe", f"ch_{n:03d}"), when, ChargeState.TAKEN, Money(minor, "USD"), when, "sub_1", "cus_1")


def perfect(membership: Membership) -> list[Charge]:
    owed = survey(Ledger(membership), rules(), AS_OF).paired.renewals
    return [charge(n, r.due, r.amount.minor) for n, r in enumerate(owed) if r.due <= AS_OF]


def screened(ledger: Ledger, as_of: date = AS_OF) -> object:
    """What the screen says of a ledger, its columns made as the store makes them."""
    charges = sorted((bound.charge for bound in ledger.charges), key=lambda one: one.taken_at)
    told = [gist(one) for one in charges]
    others = [gist(one) for one in ledger.subscriptions]
    times = [one.taken_at for one in charges] + [s.started_at for s in ledger.subscriptions if s.started_at]
    amounts, currencies = [c.amount.minor for c in charges], [c.amount.currency for c in charges]
    gathered = Gathered(
        [int(one.taken_at.timestamp()) for one in charges],
        [int((g.period_from or one.taken_at).timestamp()) for g, one in zip(told, charges, strict=True)],
        (min(amounts, default=0), max(amounts, default=0)),
        (min(currencies, default=""), max(currencies, default="")),
        len(others),
        max(times, default=None),
        all(one.plain for one in (*told, *others)),
    )
    return judged("M-1", json.dumps(membership_to_plain(ledger.membership)), gathered, Calendar.of(rules(), as_of))


@st.composite
def histories(draw: st.DrawFn) -> Ledger:
    """Nearly right: now and then a charge is moved, missing, doubled, of another amount, or states something."""
    membership = draw(MEMBERSHIPS)
    charges: list[Charge] = []
    trouble = draw(st.sampled_from([0, 0, 1, 4]))
    for one in perfect(membership):
        luck = draw(st.integers(0, 11)) if trouble and draw(st.integers(0, 9)) < trouble else 99
        made = replace(one, amount=Money(max(one.amount.minor, 1), "USD"))
        if luck < 4:
            moved = one.taken_at + timedelta(days=draw(st.integers(-4, 6)), hours=draw(st.integers(-12, 12)))
            made = replace(made, taken_at=moved)
        elif luck == 4:
            continue
        elif luck == 5:
            charges.append(replace(made, ref=Ref("stripe", f"{one.ref.id}_x")))
        elif luck == 6:
            made = replace(made, amount=Money(made.amount.minor + draw(st.integers(1, 3)), "USD"))
        elif luck == 7:
            start = one.taken_at + timedelta(days=draw(st.integers(-40, 40)))
            made = replace(made, period_start=start, period_end=start + timedelta(days=draw(st.integers(0, 40))))
        elif luck == 8:
            made = replace(made, amount=Money(made.amount.minor, "EUR"))
        elif luck == 9:
            odd = [replace(made, refunded_minor=1), replace(made, tax_minor=1), replace(made, disputed=True)]
            made = draw(st.sampled_from(odd))
        elif luck == 10:
            made = replace(made, state=draw(st.sampled_from(list(ChargeState))))
        charges.append(made)
    bound = tuple(BoundCharge(one, BoundBy.SUBSCRIPTION) for one in sorted(charges, key=lambda c: c.ref))
    started = datetime.combine(membership.started_on, time(9), ZONE).astimezone(UTC)
    live = Subscription(Ref("stripe", "sub_1"), started, SubscriptionState.LIVE, started_at=started)
    return Ledger(membership, bound, subscriptions=(live,) if draw(st.booleans()) else ())


@given(histories(), st.integers(0, 60))
@example(Ledger(Membership("M-1", AS_OF, Plan(Money(1, "USD")), ("smartcalls",), ended_on=AS_OF)), 0)
def test_in_what_passes_the_core_finds_nothing(ledger: Ledger, back: int) -> None:
    as_of = AS_OF - timedelta(days=back)
    passed = screened(ledger, as_of)
    if passed is not None:
        outcome = reconcile(ledger, rules(), as_of)
        assert not any(one.notes for one in outcome.explained)
        assert passed == replace(outcome, explained=())


@given(MEMBERSHIPS)
def test_a_perfect_history_of_a_plain_plan_passes(membership: Membership) -> None:
    plain = replace(membership, plan=replace(membership.plan, every=Every.MONTH, setup_fee_minor=0, trial_days=0))
    if plain.ended_on is None or plain.ended_on > plain.started_on:
        bound = tuple(BoundCharge(one, BoundBy.SUBSCRIPTION) for one in perfect(plain))
        assert screened(Ledger(plain, bound)) is not None


def world(luck: random.Random) -> tuple[list[RosterRow], list[Fact]]:
    """Memberships whose charges have invoices, links to them, failures, refunds; most of them are in order."""
    rows, told = [], list[Fact]()
    for n in range(40):
        ended = luck.choice([None, None, None, date(2026, 4, 8), date(2026, 4, 20)])
        row = w.row(f"M-{n:02d}", w.stripe(n), email=luck.choice([None, f"m{n}@example.org"]))
        rows.append(replace(row, membership=replace(row.membership, ended_on=ended)))
        if luck.random() < 0.5:
            told.append(w.subscription(f"sub_{n}", customer=f"cus_{n}"))
        for m in range(luck.choice([3, 4, 4, 4])):
            told += _month(luck, n, m)
    return rows, told


def _month(luck: random.Random, n: int, m: int) -> Sequence[Fact]:
    due, name = w.month(m), f"{n}_{m}"
    made = w.charge(f"ch_{name}", due, subscription=f"sub_{n}")
    way = luck.random()
    if way < 0.02:
        return [made, w.refund(f"re_{name}", due + timedelta(days=2), made, 9900, luck.choice(list(RefundState)))]
    if way < 0.04:
        return [made, w.dispute(f"dp_{name}", due + timedelta(days=2), made)]
    if way < 0.06:
        return [made, w.charge(f"ch_{name}x", due, subscription=f"sub_{n}")]
    if way < 0.08:
        failed = FailedPayment(Ref("stripe", f"evt_{name}"), w.at(due), w.at(due), subscription=f"sub_{n}")
        return [failed, w.charge(f"ch_{name}", due + timedelta(days=luck.randrange(6)), subscription=f"sub_{n}")]
    if way < 0.5:
        return [made]
    lines = (InvoiceLine(w.at(due, 6), w.at(w.month(m + 1), 6), 9900, proration=way > 0.99),)
    bill = Invoice(
        Ref("stripe", f"in_{name}"),
        w.at(due),
        "paid",
        "USD",
        9900,
        9900,
        tax_minor=100 if way > 0.98 else None,
        reason=luck.choice([InvoiceReason.RENEWAL] * 19 + [InvoiceReason.MANUAL]),
        customer=luck.choice([None, f"cus_{n}"]),
        lines=lines,
    )
    link = InvoicePayment(Ref("stripe", f"inpay_{name}"), w.at(due), f"in_{name}", intent=f"pi_{name}")
    return [replace(made, intent=f"pi_{name}"), bill, link]


def stored(engine: Engine) -> list[list[Row]]:
    c = memberships.c
    with engine.begin() as conn:
        judgements = conn.execute(select(c.ref, c.judged_as_of, c.next_change, c.touched, c.explained).order_by(c.ref))
        found = conn.execute(select(findings).order_by(findings.c.key))
        decided = conn.execute(select(remedies).order_by(remedies.c.key))
        return [[dict(row) for row in rows.mappings()] for rows in (judgements, found, decided)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_stored_is_the_same_whichever_judged_it(runtime: Runtime, seed: int) -> None:
    rows, told = world(random.Random(seed))
    w.take_in(runtime, *rows)
    luck = random.Random(seed)
    shuffled = luck.sample(told, len(told))
    for part in range(3):  # what bears on a charge comes before it, with it or after it
        store(runtime, *shuffled[part::3])
    refs, passed = [row.membership.ref for row in rows], 0
    for as_of in (date(2026, 4, 20), date(2026, 5, 2), date(2026, 3, 20)):
        reconcile_all(runtime, as_of, everything=True)
        by_screen = stored(runtime.engine)
        with runtime.engine.begin() as conn:
            passed += len(screen(conn, refs, runtime.rules, as_of).clean)
            judge_memberships(conn, runtime, refs, as_of)
        assert by_screen == stored(runtime.engine)
    assert passed > 20


def test_a_refund_told_before_or_after_its_charge_keeps_it_from_passing(runtime: Runtime) -> None:
    w.take_in(runtime, w.row("M-1", w.stripe(1)))
    made = w.charge("ch_1", w.START, subscription="sub_1")
    back = w.refund("re_1", w.START, made, 100)
    for fact in (back, made):
        store(runtime, fact)
    assert plain(runtime, "ch_1") is False
    other = w.charge("ch_2", w.month(1), subscription="sub_1")
    store(runtime, other)
    assert plain(runtime, "ch_2") is True
    store(runtime, w.refund("re_2", w.month(1), other, 100))
    assert plain(runtime, "ch_2") is False


def store(runtime: Runtime, *told: Fact) -> None:
    with runtime.engine.begin() as conn:
        store_facts(conn, runtime.keyring, w.told(*told))


def plain(runtime: Runtime, charge_id: str) -> bool | None:
    with runtime.engine.begin() as conn:
        return conn.scalar(select(facts.c.plain).where(facts.c.object_id == charge_id))
