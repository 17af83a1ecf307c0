"""Laws: what holds for every membership and every history, not only for the told ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconcile.cheapest import cheapest
from reconcile.facts import (
    Charge,
    ChargeState,
    Dispute,
    DisputeState,
    Ref,
    Refund,
    RefundState,
    Subscription,
    SubscriptionState,
)
from reconcile.judgement import reconcile, survey
from reconcile.ledger import BoundBy, BoundCharge, Ledger
from reconcile.membership import (
    Agreed,
    Agreement,
    CancelNotice,
    Change,
    Channel,
    Discount,
    Every,
    Membership,
    MonthEnd,
    Notice,
    Pause,
    Plan,
    PriceChange,
    QuantityChange,
)
from reconcile.money import Money
from reconcile.options import named_renewal, options_of
from reconcile.outcome import Finding, FindingKind, FindingStatus, Outcome, RemedyKind, RemedyState
from reconcile.pairing import pair
from reconcile.renewals import Renewal, RenewalKind
from reconcile.scene import Scene
from reconcile.tellings import merge
from tests.scenarios.world import ZONE, rules

AS_OF = date(2025, 6, 30)
AGREEMENT = Agreement("stripe", subscription="sub_1", customer="cus_1")


def _days(first: date, last: date) -> st.SearchStrategy[date]:
    return st.dates(first, last)


_IN_LIFE = _days(date(2024, 1, 1), date(2025, 6, 1))
_CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.builds(PriceChange, _IN_LIFE, st.integers(500, 30000)),
    st.builds(QuantityChange, _IN_LIFE, st.integers(1, 5)),
    st.builds(Discount, _IN_LIFE, st.integers(1, 9999), st.integers(1, 4)),
    st.builds(lambda d, n: Pause(d, d + timedelta(days=n)), _IN_LIFE, st.integers(1, 90)),
    st.builds(Agreed, _IN_LIFE, st.integers(100, 40000), st.just("extra")),
)
_NOTICES: st.SearchStrategy[Notice] = st.builds(
    lambda d: CancelNotice(datetime.combine(d, time(12), UTC), Channel.EMAIL), _days(date(2024, 6, 1), date(2025, 6, 1))
)
MEMBERSHIPS = st.builds(
    lambda start, price, every, setup, trial, month_end, changes, notices: Membership(
        "M-1",
        start,
        Plan(Money(price, "USD"), every, 1, "plan", setup, trial, month_end),
        ("smartcalls", "voip-fulfillment"),
        changes=tuple(changes),
        notices=tuple(notices),
        agreements=(AGREEMENT,),
    ),
    _days(date(2024, 1, 1), date(2024, 12, 31)),
    st.integers(500, 30000),
    st.sampled_from([Every.MONTH, Every.MONTH, Every.YEAR, Every.WEEK]),
    st.sampled_from([0, 0, 14900]),
    st.sampled_from([0, 0, 14]),
    st.sampled_from(list(MonthEnd)),
    st.lists(_CHANGES, max_size=3),
    st.lists(_NOTICES, max_size=1),
)


def _taken(ref: str, on: date, minor: int, *, through: str | None = "sub_1") -> Charge:
    when = datetime.combine(on, time(11), ZONE).astimezone(UTC)
    return Charge(
        Ref("stripe", ref), when, ChargeState.TAKEN, Money(minor, "USD"), when, subscription=through, customer="cus_1"
    )


def _ledger(membership: Membership, charges: Sequence[Charge], **facts: tuple[object, ...]) -> Ledger:
    bound = tuple(BoundCharge(c, BoundBy.SUBSCRIPTION if c.subscription else BoundBy.CUSTOMER) for c in charges)
    return Ledger(membership, bound, **facts)  # type: ignore[arg-type]


def _owed(membership: Membership) -> tuple[Renewal, ...]:
    renewals = survey(Ledger(membership), rules(), AS_OF).paired.renewals
    return tuple(r for r in renewals if r.due <= AS_OF)


def _perfect(membership: Membership) -> list[Charge]:
    """A history in which exactly what is owed is taken on the day that it is due, the set-up fee at joining."""
    days = [membership.started_on if r.kind is RenewalKind.SETUP else r.due for r in _owed(membership)]
    owed = [r.amount.minor for r in _owed(membership)]
    return [_taken(f"ch_{n}", day, minor) for n, (day, minor) in enumerate(zip(days, owed, strict=True)) if minor > 0]


@st.composite
def _troubled(draw: st.DrawFn) -> tuple[Membership, list[Charge]]:
    """A history with extra, missing, wrong and moved charges."""
    membership = draw(MEMBERSHIPS)
    charges = _perfect(membership)[:24]
    keep = draw(st.lists(st.integers(0, 9), min_size=len(charges), max_size=len(charges)))
    told: list[Charge] = []
    for charge, luck in zip(charges, keep, strict=True):
        if luck == 0:
            continue
        off = draw(st.integers(-400, 400)) if luck == 1 else 0
        late = draw(st.integers(0, 20)) if luck == 2 else 0
        amount = max(charge.amount.minor + off, 1)
        when = charge.taken_at + timedelta(days=late)
        told.append(replace(charge, amount=Money(amount, "USD"), taken_at=when, told_at=when))
        if luck == 3:
            again = when + timedelta(days=draw(st.integers(0, 40)))
            told.append(replace(charge, ref=Ref("stripe", f"{charge.ref.id}_again"), taken_at=again, told_at=again))
    extras = draw(st.lists(st.tuples(_IN_LIFE, st.integers(1, 40000)), max_size=3))
    told += [_taken(f"ch_x{n}", on, minor, through=None) for n, (on, minor) in enumerate(extras)]
    return membership, told


@given(MEMBERSHIPS)
def test_a_perfect_history_owes_nothing(membership: Membership) -> None:
    outcome = reconcile(_ledger(membership, _perfect(membership)), rules(), AS_OF)

    assert outcome.findings == ()


@given(MEMBERSHIPS, st.integers(0, 20) | st.integers(0, 400), st.data())
def test_what_comes_in_its_window_is_never_too_much_on_whichever_day_it_is_judged(
    membership: Membership, days: int, data: st.DataObject
) -> None:
    """A charge that is fine in the end must not look wrong on its first evening: its refund would go the day after."""
    as_of = membership.started_on + timedelta(days=days)
    told = []
    for n, renewal in enumerate(r for r in _owed(membership) if r.amount.minor > 0):
        dues = renewal.kind is RenewalKind.DUES
        late = min(20, (renewal.period_end - renewal.due).days - 3) if dues else 10
        day = membership.started_on if renewal.kind is RenewalKind.SETUP else renewal.due
        day += timedelta(days=data.draw(st.just(0) | st.integers(-2, late), label=f"days from {renewal.due}"))
        if day <= as_of:
            told.append(_taken(f"ch_{n}", day, renewal.amount.minor, through="sub_1" if dues else None))
    findings = reconcile(_ledger(membership, told), rules(), as_of).findings

    assert [f for f in findings if f.excess is not None] == []


@given(_troubled(), st.randoms(use_true_random=False))
def test_the_order_in_which_facts_arrive_never_matters(
    history: tuple[Membership, list[Charge]], luck: random.Random
) -> None:
    membership, charges = history
    shuffled = luck.sample(charges, len(charges))

    assert reconcile(_ledger(membership, charges), rules(), AS_OF) == reconcile(
        _ledger(membership, shuffled), rules(), AS_OF
    )


def _refunds(outcome: Outcome) -> tuple[Refund, ...]:
    paid = [r for r in outcome.remedies if r.amount is not None and r.state is not RemedyState.SETTLED]
    charges = {f.key: f.charge for f in outcome.findings}
    when = datetime.combine(AS_OF, time(11), UTC)
    return tuple(
        Refund(Ref("stripe", f"re_{r.key}"), when, RefundState.SETTLED, r.amount, when, charge=ref.id, remedy=r.key)
        for r in paid
        if r.amount is not None and (ref := charges[r.finding]) is not None
    )


@given(_troubled(), st.data())
def test_paying_the_remedies_settles_everything(history: tuple[Membership, list[Charge]], data: st.DataObject) -> None:
    membership, charges = history
    by_hand = tuple(
        Refund(
            Ref("stripe", f"hand_{c.ref.id}"),
            c.taken_at,
            RefundState.SETTLED,
            Money(part, "USD"),
            c.taken_at,
            charge=c.ref.id,
        )
        for c in charges
        if (part := data.draw(st.integers(0, c.amount.minor // 2), label=f"given back of {c.ref.id}")) and part % 3 == 0
    )
    before = reconcile(_ledger(membership, charges, refunds=by_hand), rules(), AS_OF)
    after = reconcile(_ledger(membership, charges, refunds=(*by_hand, *_refunds(before))), rules(), AS_OF)

    owed = [r for r in after.remedies if r.kind is not RemedyKind.CANCEL_AGREEMENT]
    assert not [r for r in owed if r.state is not RemedyState.SETTLED]
    assert not [f for f in after.findings if f.excess is not None and f.status is FindingStatus.OPEN]
    paid = {r.finding for r in before.remedies if r.amount is not None and r.state is not RemedyState.SETTLED}
    kinds = {f.key: f.kind for f in after.findings}
    assert [(f.key, kinds.get(f.key)) for f in before.findings if f.key in paid] == [
        (f.key, f.kind) for f in before.findings if f.key in paid
    ]


@given(_troubled(), st.data())
def test_no_remedy_exceeds_what_its_charge_still_holds(
    history: tuple[Membership, list[Charge]], data: st.DataObject
) -> None:
    membership, charges = history
    given_back = {
        c.ref.id: data.draw(st.integers(0, c.amount.minor), label=f"given back of {c.ref.id}") for c in charges
    }
    refunds = tuple(
        Refund(
            Ref("stripe", f"hand_{c.ref.id}"),
            c.taken_at,
            RefundState.SETTLED,
            Money(given_back[c.ref.id], "USD"),
            c.taken_at,
            charge=c.ref.id,
        )
        for c in charges
        if given_back[c.ref.id]
    )
    outcome = reconcile(_ledger(membership, charges, refunds=refunds), rules(), AS_OF)
    holds = {str(c.ref): c.amount.minor - given_back[c.ref.id] for c in charges}
    charge_of = {f.key: str(f.charge) for f in outcome.findings}

    for remedy in outcome.remedies:
        assert remedy.kind in {RemedyKind.REVIEW, RemedyKind.CANCEL_AGREEMENT} or remedy.amount is not None
        if remedy.amount is not None and remedy.state is not RemedyState.SETTLED:
            assert 0 < remedy.amount.minor <= holds[charge_of[remedy.finding]]


@given(_troubled())
def test_a_charge_has_at_most_one_finding_and_money_adds_up(history: tuple[Membership, list[Charge]]) -> None:
    """What was taken is what pays renewals plus what is found in excess, to the cent."""
    membership, charges = history
    scene = survey(_ledger(membership, charges), rules(), AS_OF)
    findings = reconcile(_ledger(membership, charges), rules(), AS_OF).findings
    refs = [f.charge for f in findings if f.charge is not None]
    owed = sum(scene.paired.renewals[r].amount.minor for r in {r for pays in scene.paired.pays for r in pays})
    taken = sum(t.charge.amount.minor for t in scene.paired.takings)
    excess = sum(f.excess.minor for f in findings if f.excess is not None)

    assert len(refs) == len(set(refs))
    assert taken == owed - _short(findings, scene) + excess


def _short(findings: Sequence[Finding], scene: Scene) -> int:
    """What the undercharged renewals lack."""
    paired = scene.paired
    lacking = 0
    for finding in findings:
        if finding.kind is FindingKind.UNDERCHARGE and finding.expected is not None:
            i = next(n for n, t in enumerate(paired.takings) if t.ref == finding.charge)
            payers = {j for r in paired.pays[i] for j in paired.payers(r)}
            lacking += finding.expected.minor - sum(paired.takings[j].net.minor for j in payers)
    return lacking


@given(_troubled(), st.data())
def test_no_renewal_stays_short_while_a_charge_of_the_right_amount_pays_nothing(
    history: tuple[Membership, list[Charge]], data: st.DataObject
) -> None:
    """Else the right charge would be given back as a duplicate, and the merchant would have less than is owed."""
    membership, charges = history
    told = [
        replace(c, subscription="sub_1" if data.draw(st.booleans(), label=f"{c.ref.id} by agreement") else None)
        for c in charges
    ]
    scene = survey(_ledger(membership, told), rules(), AS_OF)
    paired, calendar = scene.paired, scene.paired.calendar

    for i, taking in enumerate(paired.takings):
        for r in () if paired.pays[i] else calendar.dues_around(taking.day):
            payers = paired.payers(r)
            alone = [j for j in payers if len(paired.pays[j]) == 1]
            if taking.net.minor == paired.renewals[r].amount.minor and len(alone) == len(payers) > 0:
                assert sum(paired.takings[j].net.minor for j in payers) >= taking.net.minor


@given(_troubled(), st.data())
def test_what_is_found_goes_with_its_cause_and_nothing_else_does(
    history: tuple[Membership, list[Charge]], data: st.DataObject
) -> None:
    """Had a charge that pays nothing never been taken, the rest would be judged as it is."""
    membership, charges = history
    findings = reconcile(_ledger(membership, charges), rules(), AS_OF).findings
    whole = [f for f in findings if f.excess is not None and f.kind is not FindingKind.OVERCHARGE]
    if not whole:
        return
    gone = data.draw(st.sampled_from(whole))
    without = [c for c in charges if c.ref != gone.charge]
    rest = reconcile(_ledger(membership, without), rules(), AS_OF).findings

    assert {(f.key, f.kind, f.excess) for f in rest} == {
        (f.key, f.kind, f.excess) for f in findings if f.key != gone.key
    }


@given(_troubled(), st.data())
def test_until_the_next_change_time_alone_changes_nothing(
    history: tuple[Membership, list[Charge]], data: st.DataObject
) -> None:
    """What a night skips would have come out as it stands."""
    membership, charges = history
    as_of = data.draw(st.dates(date(2024, 6, 1), date(2025, 6, 1)), label="as of")
    gone = data.draw(st.none() | st.integers(-5, 20), label="days after which the agreement is given up")
    until = None if gone is None else as_of + timedelta(days=gone)
    given_up = replace(membership, agreements=(replace(AGREEMENT, until=until),))
    known = [_named_ahead(c, data) for c in charges if c.taken_at.date() <= as_of]
    sent = tuple(
        Refund(Ref("stripe", f"re_{c.ref.id}"), c.taken_at, RefundState.PENDING, c.amount, c.taken_at, charge=c.ref.id)
        for c in known[-3:]
        if data.draw(st.booleans(), label=f"{c.ref.id} is being given back")
    )
    begun = datetime.combine(membership.started_on, time(12), UTC)
    lives = Subscription(Ref("stripe", "sub_1"), begun, SubscriptionState.LIVE, started_at=begun)
    ledger = _ledger(given_up, known, refunds=sent, subscriptions=(lives,))
    now = reconcile(ledger, rules(), as_of)
    calm = ((now.next_change or as_of + timedelta(days=90)) - as_of).days - 1
    later = as_of + timedelta(days=data.draw(st.integers(0, calm), label="days on"))
    then = reconcile(ledger, rules(), later)

    assert (then.findings, then.remedies) == (now.findings, now.remedies)


def _named_ahead(charge: Charge, data: st.DataObject) -> Charge:
    """The charge, or the same for a period that begins some days later."""
    ahead = data.draw(st.sampled_from([None, None, 0, 6, 29]), label=f"{charge.ref.id} names a period ahead")
    if ahead is None:
        return charge
    start = charge.taken_at + timedelta(days=ahead)
    return replace(charge, period_start=start, period_end=start + timedelta(days=30))


@given(_troubled(), st.lists(st.integers(0, 3), max_size=6))
def test_a_lost_or_open_dispute_never_makes_us_pay(history: tuple[Membership, list[Charge]], picks: list[int]) -> None:
    membership, charges = history
    disputes = tuple(
        Dispute(
            Ref("stripe", f"dp_{c.ref.id}"),
            c.taken_at,
            DisputeState.OPEN if p % 2 else DisputeState.LOST,
            c.amount,
            c.taken_at,
            charge=c.ref.id,
        )
        for c, p in zip(charges, picks, strict=False)
    )
    disputed = {d.charge for d in disputes}
    outcome = reconcile(_ledger(membership, charges, disputes=disputes), rules(), AS_OF)
    charge_of = {f.key: f.charge for f in outcome.findings}

    for remedy in outcome.remedies:
        ref = charge_of[remedy.finding]
        if ref is not None and ref.id in disputed:
            assert remedy.state is RemedyState.HELD


@given(_troubled(), st.randoms(use_true_random=False), st.integers(1, 3))
def test_repeating_and_reordering_tellings_gives_the_same_fact(
    history: tuple[Membership, list[Charge]], luck: random.Random, times: int
) -> None:
    for charge in history[1]:
        later = replace(charge, told_at=charge.told_at + timedelta(hours=1), refunded_minor=1)
        last = charge.told_at + timedelta(hours=2)  # another object's mention says less than the object, however late
        mention = Charge(
            charge.ref, last, ChargeState.PENDING, Money(1, "USD"), charge.taken_at, invoice="in_1", detail=1
        )
        tellings = [charge, later, mention] * times
        luck.shuffle(tellings)

        assert replace(later, invoice="in_1") == merge(tellings)


@given(_troubled())
def test_what_is_paired_at_once_is_what_comparing_all_pairings_gives(history: tuple[Membership, list[Charge]]) -> None:
    scene = survey(_ledger(*history), rules(), AS_OF)
    takings, calendar, course = scene.paired.takings, scene.paired.calendar, scene.course
    names = [named_renewal(taking, calendar) for taking in takings]
    options = {i: options_of(takings[i], calendar, names[i], course) for i in range(len(takings))}

    chosen, ambiguous = pair(list(options), takings, calendar, names, course)

    used, unsure = cheapest(list(options), takings, options)
    assert {i: chosen.get(i, frozenset()) for i in options} == used
    assert ambiguous == unsure


@given(_troubled())
def test_a_charge_that_pays_nothing_is_no_look_alike(history: tuple[Membership, list[Charge]]) -> None:
    membership, charges = history
    outcome = reconcile(_ledger(membership, [replace(c, tax_minor=1) for c in charges]), rules(), AS_OF)

    assert all(one.pays for one in outcome.explained if one.notes)
