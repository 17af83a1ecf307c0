"""Stories of memberships that ended, or did not, and of what was taken since."""

from __future__ import annotations

from datetime import timedelta

from worker.sandbox import reckoning
from worker.sandbox.drafting import IN_TIME, Draft
from worker.sandbox.lives import terms

AFTER_END = "post_cancellation_charge"
VOIP_ONLY = ("voip-fulfillment",)


def _after_the_end(d: Draft, *, goes_on: bool) -> None:
    """Every renewal from the end on is taken all the same; the agreement is ended at last, or never."""
    agreement = d.agreements[-1]
    d.bill_all()
    after = [due for due in d.owed(ended=False) if d.ends and due.on >= d.ends]
    for due in after if goes_on else after[:1]:
        wrong = d.bill(due)
        d.plant(AFTER_END, wrong, excess=wrong.minor)
    if goes_on:
        d.plant("live_after_cancellation", waits=None)
    else:
        d.end_agreement(agreement, after[0].on + timedelta(days=4))


def notice_ignored(d: Draft) -> None:
    d.join()
    terms(d, steady=True)
    d.cancel(d.some_due(first=2), "early", channel=d.rng.choice(["email", "portal", "letter", "chat"]))
    _after_the_end(d, goes_on=True)


def notice_at_the_last_minute(d: Draft) -> None:
    """At 23:59 of the last day, merchant's time: that is in time."""
    d.join()
    terms(d, steady=True)
    d.cancel(d.some_due(first=2), "last minute")
    _after_the_end(d, goes_on=False)


def notice_a_minute_late(d: Draft) -> None:
    """One more renewal is owed and taken; the one after it is not owed, and taken."""
    d.join()
    terms(d, steady=True)
    d.cancel(d.some_due(first=2, spare=2), "a minute late")
    _after_the_end(d, goes_on=False)


def notice_under_voip_alone(d: Draft) -> None:
    """No days of notice there: it binds at the end of the cycle."""
    d.join(policy=VOIP_ONLY)
    terms(d, steady=True)
    d.cancel(d.some_due(first=2), d.rng.choice(IN_TIME))
    _after_the_end(d, goes_on=False)


def notice_on_the_anniversary(d: Draft) -> None:
    """Under voip-fulfillment alone that notice falls into the cycle that begins on the day."""
    d.join(policy=VOIP_ONLY)
    terms(d, steady=True)
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
    d.plant(AFTER_END, wrong, excess=wrong.minor, waits=True)


def still_live(d: Draft) -> None:
    """Cancelled in time, but nobody ended the agreement: so far its attempts have failed."""
    d.join()
    terms(d, steady=True)
    d.cancel(d.some_due(first=2), "early")
    d.bill_all()
    for due in d.owed(ended=False):
        if d.ends and due.on >= d.ends:
            d.fail(due)
    d.plant("live_after_cancellation", waits=None)


def by_telephone(d: Draft) -> None:
    """A call is no notice: renewals go on, and a person follows it up."""
    d.join()
    terms(d, steady=True)
    at = reckoning.at_local(d.some_due().on + timedelta(days=3), 11)
    d.notices.append({"kind": "cancel", "at": at.astimezone(reckoning.ZONE).isoformat(), "channel": "phone"})
    d.bill_all()
    d.plant("unwritten_notice", waits=None)


STORIES = (
    notice_ignored, notice_at_the_last_minute, notice_a_minute_late, notice_under_voip_alone,
    notice_on_the_anniversary, arrears_not_owed, breach, still_live, by_telephone,
)  # fmt: skip
