"""Stories that look wrong and are not. None of them may come out as a finding."""

from __future__ import annotations

from datetime import date, timedelta

from worker.sandbox import merchant, reckoning
from worker.sandbox.drafting import FOREIGN, MONTHLY, TRIAL, Draft
from worker.sandbox.merchant import Invoice, Line, Plan
from worker.sandbox.reckoning import at_local


def late_payment(d: Draft) -> None:
    """Failed, tried again, and paid within weeks: that period was owed."""
    agreement = d.join()
    due = d.some_due()
    days = (0, 3, 5) if agreement.provider == "stripe" else (0, 5)
    invoice = d.fail(due, days=days)
    paid = d.bill(due, at=d.usual_time(due, agreement) + timedelta(days=d.rng.randint(7, 18)))
    if paid.invoice and invoice:
        paid.invoice.id = invoice.id
    d.bill_all()


def paid_after_the_end(d: Draft) -> None:
    """A period before the end failed; its bill is paid after the membership ended."""
    agreement = d.join(provider="stripe")
    due = d.some_due(first=3)
    ends = d.cancel(due, "early")
    d.end_agreement(agreement, ends - timedelta(days=1))
    before = d.owed()[-1]
    invoice = d.fail(before, days=(0, 3, 9))
    paid = d.bill(before, at=at_local(ends + timedelta(days=2), 15))
    if paid.invoice and invoice:
        paid.invoice.id = invoice.id
    d.bill_all()


def catch_up(d: Draft) -> None:
    """PayPal fails once and takes twice the price a month later: the outstanding balance."""
    d.join(provider="paypal")
    due = d.some_due(spare=2)
    following = next(later for later in d.owed() if later.on > due.on)
    d.fail(due)
    d.bill(following, minor=due.minor + following.minor)
    d.paid.add(due.on)
    d.bill_all()


def first_charge_with_setup(d: Draft) -> None:
    d.join(d.rng.choice([plan for plan in MONTHLY if plan.setup_fee]))
    d.bill_all()


def agreed_one_off(d: Draft) -> None:
    d.join()
    d.agreed.append((d.some_due().on + timedelta(days=d.rng.randint(4, 20)), 2500, "number pack"))
    d.bill_all()


def stated_tax(d: Draft) -> None:
    """The provider says how much of each charge is tax."""
    d.join()
    for due in d.owed():
        d.bill(due, tax_minor=due.minor * 825 // 10000)


def receipt_only(d: Draft) -> None:
    """An invoice paid by cheque: a receipt and no charge."""
    agreement = d.join(provider="stripe")
    d.bill_all()
    at = at_local(d.some_due().on + timedelta(days=6), 14)
    line = Line(20000, at, at, "headsets")
    d.invoices.append(
        Invoice(d.names.stripe("in"), at, agreement.customer, None, "manual", [line], out_of_band=True)
    )


def authorisation_only(d: Draft) -> None:
    """A card is checked for the price and nothing is taken."""
    d.join(provider="stripe")
    d.bill_all()
    due = d.some_due()
    d.one_off(due.minor, at_local(due.on + timedelta(days=2), 10)).captured = False


def trial(d: Draft) -> None:
    """A receipt for nothing at the start; the first renewal after the trial."""
    agreement = d.join(TRIAL)
    if agreement.provider == "stripe":
        start = at_local(d.started_on, 9, 31)
        line = Line(0, start, agreement.anchor, "trial")
        d.invoices.append(
            Invoice(d.names.stripe("in"), start, agreement.customer, agreement, "subscription_create", [line])
        )
    d.bill_all()


def overlap_on_switch(d: Draft) -> None:
    """PayPal failed just before the move to Stripe and collects that period after it; Stripe takes the next."""
    d.join(provider="paypal")
    due = d.some_due(first=2)
    before = next(earlier for earlier in reversed(d.owed()) if earlier.on < due.on)
    d.fail(before)
    old, _ = d.move(due, ended=False)
    d.bill(before, by=old, at=at_local(due.on + timedelta(days=1), 6))
    d.end_agreement(old, due.on + timedelta(days=2))
    d.bill_all()


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
    ends = d.cancel(d.some_due(first=2), d.rng.choice(["early", "last minute"]))  # type: ignore[arg-type]
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
    again = "paypal" if agreement.provider == "paypal" else "stripe"
    d.agree(again, d.restarts, at_local(d.restarts, d.rng.randint(9, 16)))  # type: ignore[arg-type]
    d.bill_all()


def goodwill(d: Draft) -> None:
    """A correct charge is given back out of kindness."""
    d.join()
    kind = d.bill(d.some_due())
    d.refund(kind, kind.minor if d.rng.random() < 0.5 else kind.minor // 3, days=4)
    d.bill_all()


def disputed_but_owed(d: Draft) -> None:
    """A correct charge is disputed; the merchant wins, or the case is open."""
    d.join()
    right = d.bill(d.some_due())
    d.dispute(right, days=6, won=True if d.rng.random() < 0.5 else None)
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


def in_two_parts(d: Draft) -> None:
    """One bill, paid by two charges."""
    d.join(provider="stripe", shape=merchant.BASIL)
    whole = d.bill(d.some_due())
    d.bill_all()
    part = whole.minor // 2
    rest = d.one_off(part, whole.at + timedelta(minutes=20))
    whole.minor -= part
    rest.invoice, rest.agreement = whole.invoice, whole.agreement


def known_by_email(d: Draft) -> None:
    """The roster lists no agreement: charges find the member by e-mail, or by the name the merchant put on them."""
    provider = d.rng.choice(["stripe", "paypal"])
    shape = merchant.SUBSCRIPTION_V2 if provider == "paypal" else None
    d.join(provider=provider, shape=shape, listed=False)  # type: ignore[arg-type]
    d.bill_all()


STORIES = (
    late_payment, paid_after_the_end, catch_up, first_charge_with_setup, agreed_one_off, stated_tax, receipt_only,
    authorisation_only, trial, overlap_on_switch, moved, moved_back, cancelled, cancelled_too_late,
    cancelled_at_provider, cancellation_withdrawn, reactivated, goodwill, disputed_but_owed, rise_on_the_day,
    month_to_year, more_seats, discounted, paused, month_end, walks, around_midnight, leap_day, foreign_money,
    in_two_parts, known_by_email,
)  # fmt: skip
