"""Stories of every other billing error: too much, too little, too late, in the wrong money, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from worker.sandbox import merchant, reckoning
from worker.sandbox.drafting import FOREIGN, MONTHLY, TRIAL, YEARLY, Draft
from worker.sandbox.merchant import Due

OVERCHARGE, AFTER_END, UNSCHEDULED = "overcharge", "post_cancellation_charge", "unscheduled_charge"
WITH_SETUP = tuple(plan for plan in MONTHLY if plan.setup_fee)
VOIP_ONLY = ("voip-fulfillment",)


def _taken_instead(more: int) -> Callable[[Draft], None]:
    """One renewal is taken as `more` than it is (less, where negative)."""

    def story(d: Draft) -> None:
        d.join()
        due = d.some_due()
        wrong = d.bill(due, minor=due.minor + more)
        d.bill_all()
        d.plant(OVERCHARGE, wrong, excess=more) if more > 0 else d.plant("undercharge", wrong)

    return story


def rise_too_early(d: Draft) -> None:
    d.join()
    due = d.some_due(first=2)
    d.prices.append((due.on, d.plan.price + 1000))
    before = next(earlier for earlier in reversed(d.owed()) if earlier.on < due.on)
    wrong = d.bill(before, minor=before.minor - before.setup_minor + 1000)
    d.bill_all()
    d.plant(OVERCHARGE, wrong, excess=1000)


def discount_forgotten(d: Draft) -> None:
    """20 % were promised for three renewals; the third is taken at the full price."""
    d.join()
    d.discount = (d.owed()[1].on, 20, 3)
    third = d.owed()[3]
    wrong = d.bill(third, minor=d.plan.price)
    d.bill_all()
    d.plant(OVERCHARGE, wrong, excess=d.plan.price // 5)


def too_many_seats(d: Draft) -> None:
    """Two seats were agreed from a day on, three are billed once."""
    d.join()
    due = d.some_due()
    d.quantities.append((due.on, 2))
    wrong = d.bill(due, minor=3 * d.plan.price)
    d.bill_all()
    d.plant(OVERCHARGE, wrong, excess=d.plan.price)


def setup_again(d: Draft) -> None:
    """Cancelled, re-activated, and the set-up fee is taken a second time in the membership's life."""
    agreement = d.join(d.rng.choice(WITH_SETUP))
    ends = d.cancel(d.owed()[2], "early")
    d.end_agreement(agreement, ends - timedelta(days=1))
    d.restarts = ends + timedelta(days=d.rng.randint(18, 40))
    d.notices.append({"kind": "reactivate", "on": d.restarts.isoformat()})
    again = "paypal" if agreement.provider == "paypal" else "stripe"
    d.agree(again, d.restarts, reckoning.at_local(d.restarts, d.rng.randint(9, 16)))  # type: ignore[arg-type]
    first_again = next(due for due in d.owed() if due.run == 1)
    wrong = d.bill(first_again, setup_minor=d.plan.setup_fee)
    d.bill_all()
    d.plant(OVERCHARGE, wrong, excess=d.plan.setup_fee)


def setup_twice(d: Draft) -> None:
    """The set-up fee is taken with the second renewal too."""
    d.join(d.rng.choice(WITH_SETUP))
    wrong = d.bill(d.owed()[1], setup_minor=d.plan.setup_fee)
    d.bill_all()
    d.plant(OVERCHARGE, wrong, excess=d.plan.setup_fee)


def hundredfold_yen(d: Draft) -> None:
    """Somebody took the yen for hundredths."""
    d.join(d.rng.choice([plan for plan in FOREIGN if plan.currency == "JPY"]))
    due = d.some_due()
    wrong = d.bill(due, minor=due.minor * 100)
    d.bill_all()
    d.plant(OVERCHARGE, wrong, excess=due.minor * 99)


def year_too_dear(d: Draft) -> None:
    d.join(d.rng.choice(YEARLY))
    wrong = d.bill(d.owed()[0], minor=d.plan.price + 5000)
    d.bill_all()
    d.plant(OVERCHARGE, wrong, excess=5000)


def _after_the_end(d: Draft, *, goes_on: bool) -> None:
    """Every renewal from the end on is taken all the same; the agreement is ended at last, or never."""
    agreement = d.agreements[-1]
    d.bill_all()
    after = [due for due in d.owed(ended=False) if d.ends and due.on >= d.ends]
    for due in after if goes_on else after[:1]:
        wrong = d.bill(due)
        d.plant(AFTER_END, wrong, excess=wrong.minor)
    if goes_on:
        d.plant("live_after_cancellation")
    else:
        d.end_agreement(agreement, after[0].on + timedelta(days=4))


def notice_ignored(d: Draft) -> None:
    d.join()
    d.cancel(d.some_due(first=2), "early", channel=d.rng.choice(["email", "portal", "letter", "chat"]))
    _after_the_end(d, goes_on=True)


def notice_at_the_last_minute(d: Draft) -> None:
    """At 23:59 of the last day, merchant's time: that is in time."""
    d.join()
    d.cancel(d.some_due(first=2), "last minute")
    _after_the_end(d, goes_on=False)


def notice_a_minute_late(d: Draft) -> None:
    """One more renewal is owed and taken; the one after it is not owed, and taken."""
    d.join()
    d.cancel(d.some_due(first=2, spare=2), "a minute late")
    _after_the_end(d, goes_on=False)


def notice_under_voip_alone(d: Draft) -> None:
    """No days of notice there: it binds at the end of the cycle."""
    d.join(policy=VOIP_ONLY)
    d.cancel(d.some_due(first=2), d.rng.choice(["early", "last minute"]))  # type: ignore[arg-type]
    _after_the_end(d, goes_on=False)


def notice_on_the_anniversary(d: Draft) -> None:
    """Under voip-fulfillment alone that notice falls into the cycle that begins on the day."""
    d.join(policy=VOIP_ONLY)
    d.cancel(d.some_due(first=2, spare=2), "a minute late")
    _after_the_end(d, goes_on=False)


def arrears_not_owed(d: Draft) -> None:
    """PayPal fails on the day the membership ends, and collects that period later as an outstanding balance."""
    agreement = d.join(provider="paypal")
    due = d.some_due(first=2)
    d.cancel(due, "early")
    d.fail(due)
    d.bill_all()
    wrong = d.bill(due, at=d.usual_time(due, agreement) + timedelta(days=5))
    d.end_agreement(agreement, due.on + timedelta(days=7))
    d.plant(AFTER_END, wrong, excess=wrong.minor)


def breach(d: Draft) -> None:
    """The merchant ended it for a breach, and yet one more renewal is taken: two clauses pull apart."""
    agreement = d.join()
    due = d.some_due(first=2)
    d.ends = due.on - timedelta(days=d.rng.randint(8, 20))
    d.notices.append({"kind": "terminate", "on": d.ends.isoformat(), "reason": "breach"})
    d.bill_all()
    wrong = d.bill(due)
    d.end_agreement(agreement, due.on + timedelta(days=2))
    d.plant(AFTER_END, wrong, excess=wrong.minor)


def in_a_pause(d: Draft) -> None:
    d.join()
    dues = d.owed()
    first = d.rng.randint(1, len(dues) - 4)
    d.pause = (dues[first].on, dues[first + 2].on)
    wrong = d.bill(dues[first + d.rng.randint(0, 1)])
    d.bill_all()
    d.plant(UNSCHEDULED, wrong, excess=wrong.minor)


def in_a_trial(d: Draft) -> None:
    d.join(TRIAL)
    wrong = d.one_off(d.plan.price, reckoning.at_local(d.started_on + timedelta(days=3), 11))
    d.bill_all()
    d.plant(UNSCHEDULED, wrong, excess=wrong.minor)


def in_a_paid_year(d: Draft) -> None:
    """A month's dues in the middle of a year that is paid."""
    d.join(d.rng.choice(YEARLY))
    d.bill_all()
    months = d.rng.randint(2, 4)
    day = reckoning.later(d.started_on, months)
    wrong = d.bill(Due(day, reckoning.later(d.started_on, months + 1), 9900, months=months))
    d.plant(UNSCHEDULED, wrong, excess=wrong.minor)


def nobody_agreed(d: Draft) -> None:
    """A one-off that the roster does not know: likely wrong, so a person looks."""
    d.join()
    wrong = d.one_off(2500, reckoning.at_local(d.some_due().on + timedelta(days=d.rng.randint(4, 20)), 15))
    d.bill_all()
    d.plant(UNSCHEDULED, wrong, excess=2500)


def other_currency(d: Draft) -> None:
    d.join()
    wrong = d.bill(d.some_due(), currency="CAD")
    d.bill_all()
    d.plant("wrong_currency", wrong)


def never_taken(d: Draft) -> None:
    """Stripe fails for good on one renewal; the next ones are taken again. What is missed is reckoned at the end."""
    d.join(provider="stripe")
    due = d.some_due(spare=2)
    d.fail(due, days=(0, 3, 8))
    d.bill_all(skip=(due,))


def forgotten(d: Draft) -> None:
    """PayPal simply does not take one renewal."""
    d.join(provider="paypal")
    d.bill_all(skip=(d.some_due(spare=2),))


def given_up(d: Draft) -> None:
    """The provider gives the agreement up after failed payments: that is no notice, and the renewals stay owed."""
    agreement = d.join()
    due = d.some_due(spare=2)
    d.fail(due, days=(0, 5, 10))
    how: merchant.Happening = "suspended" if agreement.provider == "paypal" else "ended_by_provider"
    d.end_agreement(agreement, due.on + timedelta(days=11), how)
    d.bill_all(skip=tuple(later for later in d.owed() if later.on >= due.on))


def still_live(d: Draft) -> None:
    """Cancelled in time, but nobody ended the agreement: so far its attempts have failed."""
    d.join()
    d.cancel(d.some_due(first=2), "early")
    d.bill_all()
    for due in d.owed(ended=False):
        if d.ends and due.on >= d.ends:
            d.fail(due)
    d.plant("live_after_cancellation")


def by_telephone(d: Draft) -> None:
    """A call is no notice: renewals go on, and a person follows it up."""
    d.join()
    at = reckoning.at_local(d.some_due().on + timedelta(days=3), 11)
    d.notices.append({"kind": "cancel", "at": at.astimezone(reckoning.ZONE).isoformat(), "channel": "phone"})
    d.bill_all()
    d.plant("unwritten_notice")


too_dear, too_dear_by_one, too_cheap = _taken_instead(1000), _taken_instead(1), _taken_instead(-1000)
too_dear.__name__, too_dear_by_one.__name__, too_cheap.__name__ = "too_dear", "too_dear_by_one", "too_cheap"

STORIES = (
    too_dear, too_dear_by_one, rise_too_early, discount_forgotten, too_many_seats, setup_again, setup_twice,
    hundredfold_yen, year_too_dear, notice_ignored, notice_at_the_last_minute, notice_a_minute_late,
    notice_under_voip_alone, notice_on_the_anniversary, arrears_not_owed, breach, in_a_pause, in_a_trial,
    in_a_paid_year, nobody_agreed, other_currency, too_cheap, never_taken, forgotten, given_up, still_live,
    by_telephone,
)  # fmt: skip

