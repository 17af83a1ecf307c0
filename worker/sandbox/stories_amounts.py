"""Stories of wrong amounts, of charges that nobody agreed to, and of renewals that never came."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from worker.sandbox import merchant, reckoning
from worker.sandbox.drafting import Draft
from worker.sandbox.lives import terms
from worker.sandbox.merchant import Due
from worker.sandbox.plans import FOREIGN, MONTHLY, TRIAL, YEARLY

OVERCHARGE, UNSCHEDULED = "overcharge", "unscheduled_charge"
WITH_SETUP = tuple(plan for plan in MONTHLY if plan.setup_fee)


def _taken_instead(more: int) -> Callable[[Draft], None]:
    """One renewal is taken as `more` than it is (less, where negative)."""

    def story(d: Draft) -> None:
        d.join()
        terms(d)
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
    d.agree(agreement.provider, d.restarts, reckoning.at_local(d.restarts, d.rng.randint(9, 16)))
    first_again = next(due for due in d.owed() if due.run == 1)
    wrong = d.bill(first_again, setup_minor=d.plan.setup_fee)
    d.bill_all()
    d.plant(OVERCHARGE, wrong, excess=d.plan.setup_fee, waits=None)


def setup_twice(d: Draft) -> None:
    """The set-up fee is taken with the second renewal too."""
    d.join(d.rng.choice(WITH_SETUP))
    wrong = d.bill(d.owed()[1], setup_minor=d.plan.setup_fee)
    d.bill_all()
    d.plant(OVERCHARGE, wrong, excess=d.plan.setup_fee, waits=None)


def hundredfold_yen(d: Draft) -> None:
    """Somebody took the yen for hundredths."""
    d.join(d.rng.choice([plan for plan in FOREIGN if plan.currency == "JPY"]))
    due = d.some_due()
    wrong = d.bill(due, minor=due.minor * 100)
    d.bill_all()
    d.plant(OVERCHARGE, wrong, excess=due.minor * 99, waits=True)


def year_too_dear(d: Draft) -> None:
    d.join(d.rng.choice(YEARLY))
    wrong = d.bill(d.owed()[0], minor=d.plan.price + 5000)
    d.bill_all()
    d.plant(OVERCHARGE, wrong, excess=5000)


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
    terms(d)
    wrong = d.one_off(1900, reckoning.at_local(d.some_due().on + timedelta(days=d.rng.randint(4, 20)), 15))
    d.bill_all()
    d.plant(UNSCHEDULED, wrong, excess=1900, waits=True)


def other_currency(d: Draft) -> None:
    d.join()
    terms(d)
    wrong = d.bill(d.some_due(), currency="CAD")
    d.bill_all()
    d.plant("wrong_currency", wrong, waits=True)


def never_taken(d: Draft) -> None:
    """Stripe fails for good on one renewal; the next ones are taken again. What is missed is reckoned at the end."""
    d.join(provider="stripe")
    terms(d, steady=True)
    due = d.some_due(spare=2)
    d.fail(due, days=(0, 3, 8))
    d.bill_all(skip=(due,))


def forgotten(d: Draft) -> None:
    """PayPal simply does not take one renewal."""
    d.join(provider="paypal")
    terms(d, steady=True)
    d.bill_all(skip=(d.some_due(spare=2),))


def given_up(d: Draft) -> None:
    """The provider gives the agreement up after failed payments: that is no notice, and the renewals stay owed."""
    agreement = d.join()
    due = d.some_due(spare=2)
    d.fail(due, days=(0, 5, 10))
    how: merchant.Happening = "suspended" if agreement.provider == "paypal" else "ended_by_provider"
    d.end_agreement(agreement, due.on + timedelta(days=11), how)
    d.bill_all(skip=tuple(later for later in d.owed() if later.on >= due.on))


too_dear, too_dear_by_one, too_cheap = _taken_instead(1000), _taken_instead(1), _taken_instead(-1000)
too_dear.__name__, too_dear_by_one.__name__, too_cheap.__name__ = "too_dear", "too_dear_by_one", "too_cheap"

STORIES = (
    too_dear, too_dear_by_one, rise_too_early, discount_forgotten, too_many_seats, setup_again, setup_twice,
    hundredfold_yen, year_too_dear, in_a_pause, in_a_trial, in_a_paid_year, nobody_agreed, other_currency, too_cheap,
    never_taken, forgotten, given_up,
)  # fmt: skip
