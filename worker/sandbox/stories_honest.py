"""Stories of payments that look wrong and are not. None of them may come out as a finding."""

from __future__ import annotations

from datetime import timedelta

from worker.sandbox import merchant
from worker.sandbox.drafting import PROVIDERS, Draft
from worker.sandbox.merchant import Invoice, Line
from worker.sandbox.plans import MONTHLY, TRIAL
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
    d.invoices.append(Invoice(d.names.stripe("in"), at, agreement.customer, None, "manual", [line], out_of_band=True))


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
    provider = d.rng.choice(PROVIDERS)
    shape = merchant.SUBSCRIPTION_V2 if provider == "paypal" else None
    d.join(provider=provider, shape=shape, listed=False)
    d.bill_all()


STORIES = (
    late_payment, paid_after_the_end, catch_up, first_charge_with_setup, agreed_one_off, stated_tax, receipt_only,
    authorisation_only, trial, overlap_on_switch, goodwill, disputed_but_owed, in_two_parts, known_by_email,
)  # fmt: skip
