"""Stories of terms that change and calendars that differ, all rightly billed: no finding may come of them."""

from __future__ import annotations

from datetime import date, timedelta

from worker.sandbox import merchant, reckoning
from worker.sandbox.drafting import IN_TIME, Draft
from worker.sandbox.merchant import Plan
from worker.sandbox.plans import FOREIGN, MONTHLY
from worker.sandbox.reckoning import at_local


def moved(d: Draft) -> None:
    """The PayPal agreement is cancelled on the move: an agreement ends, not the membership."""
    d.join(provider="paypal")
    d.move(d.some_due(first=2))
    d.bill_all()


def moved_back(d: Draft) -> None:
    d.join(provider="stripe")
    d.move(d.some_due(first=2), "paypal")
    d.bill_all()


def cancelled(d: Draft) -> None:
    agreement = d.join()
    ends = d.cancel(d.some_due(first=2), d.rng.choice(IN_TIME))
    d.end_agreement(agreement, ends - timedelta(days=1))
    d.bill_all()


def cancelled_too_late(d: Draft) -> None:
    """A minute late: one more renewal is owed, and rightly taken."""
    agreement = d.join(policy=d.rng.choice([merchant.DEFAULT_POLICY, ("voip-fulfillment",)]))
    ends = d.cancel(d.some_due(first=2, spare=2), "a minute late")
    d.end_agreement(agreement, ends - timedelta(days=1))
    d.bill_all()


def cancelled_at_provider(d: Draft) -> None:
    """The member ends it at the provider, in time; the roster need not say so."""
    agreement = d.join()
    due = d.some_due(first=2)
    day = reckoning.last_day_of_notice(due.on, d.policy) - timedelta(days=d.rng.randint(1, 6))
    d.ends = reckoning.binds_from(day, d.anniversaries(), d.policy)
    if agreement.provider == "stripe":
        agreement.happenings.append((at_local(day, 12), "cancel_planned"))
        agreement.happenings.append((d.period(due, agreement)[0], "ended_by_person"))
    else:
        d.end_agreement(agreement, day)
    d.bill_all()


def cancellation_withdrawn(d: Draft) -> None:
    """Asked to end at the period's end, and changed their mind."""
    agreement = d.join(provider="stripe")
    day = d.some_due().on + timedelta(days=6)
    agreement.happenings.append((at_local(day, 12), "cancel_planned"))
    agreement.happenings.append((at_local(day + timedelta(days=2), 12), "cancel_withdrawn"))
    d.bill_all()


def reactivated(d: Draft) -> None:
    """Comes back after a while: a new anniversary, and no second set-up fee."""
    agreement = d.join(d.rng.choice([plan for plan in MONTHLY if plan.setup_fee]))
    ends = d.cancel(d.owed()[2], "early")
    d.end_agreement(agreement, ends - timedelta(days=1))
    d.restarts = ends + timedelta(days=d.rng.randint(18, 40))
    d.notices.append({"kind": "reactivate", "on": d.restarts.isoformat()})
    d.agree(agreement.provider, d.restarts, at_local(d.restarts, d.rng.randint(9, 16)))
    d.bill_all()


def rise_on_the_day(d: Draft) -> None:
    d.join()
    d.prices.append((d.some_due().on, d.plan.price + 1000))
    d.bill_all()


def month_to_year(d: Draft) -> None:
    d.join()
    d.yearly_from = (d.some_due().on, d.plan.price * 10)
    d.bill_all()


def more_seats(d: Draft) -> None:
    d.join()
    d.quantities.append((d.some_due().on, 3))
    d.bill_all()


def discounted(d: Draft) -> None:
    d.join()
    d.discount = (d.owed()[1].on, 25, 3)
    d.bill_all()


def paused(d: Draft) -> None:
    agreement = d.join()
    dues = d.owed()
    first = d.rng.randint(1, len(dues) - 4)
    d.pause = (dues[first].on, dues[first + 2].on)
    if agreement.provider == "stripe":
        agreement.happenings.append((at_local(d.pause[0] - timedelta(days=2), 9), "paused"))
        agreement.happenings.append((at_local(d.pause[1] - timedelta(days=2), 9), "resumed"))
    d.bill_all()


def month_end(d: Draft) -> None:
    """Joined on a 31st: the last day of shorter months."""
    d.join(started=_a_31st(d))
    d.bill_all()


def walks(d: Draft) -> None:
    """An older PayPal agreement from a 31st: it moves to the 1st and stays there."""
    d.join(Plan("classic", 3900, month_end="walk"), "paypal", started=_a_31st(d))
    d.bill_all()


def _a_31st(d: Draft) -> date:
    day = d.begin
    while day.day != 31:
        day += timedelta(days=1)
    return day


def around_midnight(d: Draft) -> None:
    """Billed at half past eleven at night or half past midnight, merchant's time: the UTC date is another one."""
    hour = d.rng.choice([23, 0])
    agreement = d.join(clock=(hour, 30))
    for due in d.owed():
        d.bill(due, at=None if agreement.provider == "stripe" else at_local(due.on, hour, 30))


def leap_day(d: Draft) -> None:
    """A year from 29 February: 28 February in common years."""
    d.join(Plan("dialer-year", 99000, every="year"), started=date(2024, 2, 29))
    d.bill_all()


def foreign_money(d: Draft) -> None:
    d.join(d.rng.choice(FOREIGN))
    d.bill_all()


STORIES = (
    moved, moved_back, cancelled, cancelled_too_late, cancelled_at_provider, cancellation_withdrawn, reactivated,
    rise_on_the_day, month_to_year, more_seats, discounted, paused, month_end, walks, around_midnight, leap_day,
    foreign_money,
)  # fmt: skip
