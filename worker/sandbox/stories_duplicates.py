"""Stories of one renewal taken twice, and of what was done about it since."""

from __future__ import annotations

from datetime import timedelta

from worker.sandbox import merchant, reckoning
from worker.sandbox.drafting import Draft
from worker.sandbox.lives import terms
from worker.sandbox.merchant import Charge, Due

DUPLICATE = "duplicate_charge"


def _twice(d: Draft, provider: merchant.Provider | None = None, *, policy: tuple[str, ...] = merchant.DEFAULT_POLICY,
           shape: str | None = None) -> tuple[Charge, Charge]:  # fmt: skip
    """A year like any other, but one renewal is taken again some days after; both charges."""
    d.join(provider=provider, policy=policy, shape=shape)
    terms(d, steady=shape is not None)
    due = d.some_due()
    first = d.bill(due)
    d.bill_all()
    return first, d.bill(due, at=first.at + timedelta(days=d.rng.randint(1, 9), minutes=d.rng.randint(1, 50)))


def same_day(d: Draft) -> None:
    """Taken again within hours, by a second bill for the same period or by hand."""
    d.join()
    terms(d)
    due = d.some_due()
    first = d.bill(due)
    d.bill_all()
    again_at = first.at + timedelta(minutes=d.rng.randint(3, 180))
    by_hand = first.provider == "stripe" and d.rng.random() < 0.5
    again = d.one_off(due.minor, again_at) if by_hand else d.bill(due, at=again_at)
    d.plant(DUPLICATE, again, excess=again.minor)


def days_later(d: Draft) -> None:
    _, again = _twice(d)
    d.plant(DUPLICATE, again, excess=again.minor)


def by_hand_first(d: Draft) -> None:
    """The charge by hand came first, but it names no period: it is the one too many."""
    d.join(provider="stripe")
    due = d.some_due()
    by_hand = d.one_off(due.minor, reckoning.at_local(due.on, 7, d.rng.randint(0, 59)))
    d.bill_all()
    d.plant(DUPLICATE, by_hand, excess=by_hand.minor)


def by_old_provider(d: Draft) -> None:
    """Moved from PayPal to Stripe; PayPal takes one more renewal before its agreement is cancelled."""
    d.join(provider="paypal")
    terms(d, steady=True)
    due = d.some_due(first=2)
    old, _ = d.move(due, ended=False)
    d.bill_all()
    late = timedelta(days=d.rng.randint(0, 1))
    again = d.bill(due, by=old, at=d.usual_time(due, old) + late)
    d.end_agreement(old, due.on + timedelta(days=3))
    d.plant(DUPLICATE, again, excess=again.minor)


def old_provider_never_stopped(d: Draft) -> None:
    """Moved from PayPal to Stripe; the PayPal agreement lives on and takes every renewal too."""
    d.join(provider="paypal")
    terms(d, steady=True)
    due = d.some_due(first=2)
    old, _ = d.move(due, ended=False)
    d.bill_all()
    for twice in d.owed():
        if twice.on >= due.on:
            again = d.bill(twice, by=old)
            d.plant(DUPLICATE, again, excess=again.minor)
    d.plant("live_after_cancellation", waits=None)


def second_agreement(d: Draft) -> None:
    """A second subscription that nobody agreed to, begun some days into a period, bills every month as well."""
    first = d.join()
    terms(d, steady=True)
    due = d.some_due()
    d.bill_all()
    start = due.on + timedelta(days=d.rng.randint(4, 9))
    anchor = reckoning.at_local(start, d.rng.randint(9, 16))
    shape = merchant.SUBSCRIPTION_V2 if first.provider == "paypal" else None
    second = d.agree(first.provider, start, anchor, listed=False, shape=shape)
    months = 0
    while (day := reckoning.later(start, months)) < d.end:
        extra = Due(day, reckoning.later(start, months + 1), due.minor, months=months)
        again = d.bill(extra, by=second)
        # Where the price has risen since, this is less than a renewal: then it doubles none.
        paid = next(owed for owed in d.owed() if owed.on <= day < owed.period_end)
        kind = DUPLICATE if again.minor >= paid.minor - paid.setup_minor else "unscheduled_charge"
        d.plant(kind, again, excess=again.minor)
        months += 1


def and_too_much(d: Draft) -> None:
    """Taken again, and more than the price: the whole second charge is the excess, once."""
    d.join()
    terms(d)
    due = d.some_due()
    first = d.bill(due)
    d.bill_all()
    again = d.bill(due, minor=due.minor + 1000, at=first.at + timedelta(days=d.rng.randint(2, 9)))
    d.plant(DUPLICATE, again, excess=again.minor)


def given_back(d: Draft) -> None:
    """The second charge was refunded by hand in full."""
    _, again = _twice(d)
    d.refund(again, again.minor, days=2)
    d.plant("corrected_elsewhere", again, excess=again.minor, owed=0)


def first_given_back(d: Draft) -> None:
    """The first of the two was refunded by hand: the second pays the renewal."""
    first, _ = _twice(d)
    d.refund(first, first.minor, days=12)
    d.plant("corrected_elsewhere", first, excess=first.minor, owed=0)


def partly_given_back(d: Draft) -> None:
    _, again = _twice(d)
    part = again.minor // 2
    d.refund(again, part, days=2)
    d.plant(DUPLICATE, again, excess=again.minor, owed=again.minor - part)


def refund_failed(d: Draft) -> None:
    """Refunded by hand, but the refund failed later: all of it is still owed."""
    _, again = _twice(d, "stripe", shape=merchant.BASIL)
    d.refund(again, again.minor, days=1, failed_after=5)
    d.plant(DUPLICATE, again, excess=again.minor)


def disputed(d: Draft) -> None:
    _, again = _twice(d)
    d.dispute(again, days=3, won=None)
    d.plant(DUPLICATE, again, excess=again.minor, waits=True)


def first_disputed(d: Draft) -> None:
    """The member disputes the first of the two: that one is the duplicate."""
    first, _ = _twice(d)
    d.dispute(first, days=11, won=None)
    d.plant(DUPLICATE, first, excess=first.minor, waits=True)


def dispute_won(d: Draft) -> None:
    """The merchant won the dispute, yet the charge was one too many: it is owed after all."""
    _, again = _twice(d)
    d.dispute(again, days=3, won=True)
    d.plant(DUPLICATE, again, excess=again.minor)


def dispute_lost(d: Draft) -> None:
    """The chargeback gave the money back."""
    _, again = _twice(d)
    d.dispute(again, days=3, won=False)
    d.plant("corrected_elsewhere", again, excess=again.minor, owed=0)


def under_smartcalls_alone(d: Draft) -> None:
    """A policy without a clause for billing errors: a person reviews the recommended sum."""
    _, again = _twice(d, policy=("smartcalls",))
    d.plant(DUPLICATE, again, excess=again.minor, waits=True)


def under_iptv_alone(d: Draft) -> None:
    """A policy that may refund: prepared, and waiting for approval."""
    _, again = _twice(d, policy=("iptv",))
    d.plant(DUPLICATE, again, excess=again.minor, waits=True)


STORIES = (
    same_day, days_later, by_hand_first, by_old_provider, old_provider_never_stopped, second_agreement, and_too_much,
    given_back, first_given_back, partly_given_back, refund_failed, disputed, first_disputed, dispute_won, dispute_lost,
    under_smartcalls_alone, under_iptv_alone,
)  # fmt: skip
